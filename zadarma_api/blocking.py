"""Numbers and ranges of numbers that must not get through, in the one form in which they are kept.

A number is kept in E.164, a range as its beginning and a star, ``+4912*``.
"""

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata, country_code_for_region

from .numbers import Kind, compact_digits, format_number, parse_number

_STAR = "*"
_MAX_DIGITS = 15


class PatternError(ValueError):
    """A text that names no number and no range of numbers; :attr:`problem` says what is wrong with it.

    :ivar problem: ``number``: no number; ``internal``: an extension; ``country``: a range whose country is not known.
    """

    def __init__(self, problem: str) -> None:
        """Keep the problem for whoever explains it to people."""
        super().__init__(problem)
        self.problem = problem


def parse_pattern(raw: str | None, country: str = "") -> str:
    """Return the form in which a number or a range is kept.

    A range is read as people write it: ``+4912*``, ``0049 12*`` or, in Germany, ``012*``. One that could as well be
    another country's is not guessed at.

    :param raw: the number; a range ends with a star.
    :param country: ISO code of the country whose national form may be used.
    :raise PatternError: where it is neither.
    """
    text = (raw or "").strip()
    if text.endswith(_STAR):
        return _parse_range(compact_digits(text.rstrip(_STAR).replace("(0)", "")), country.upper()) + _STAR
    number = parse_number(text, country)
    if number.kind is not Kind.EXTERNAL:
        raise PatternError("internal" if number.kind is Kind.INTERNAL else "number")
    return number.e164


def is_range(pattern: str) -> bool:
    """Tell whether this is a range of numbers and not a single one."""
    return pattern.endswith(_STAR)


def format_pattern(pattern: str) -> str:
    """Return a number as people read it, a range as it is kept."""
    return pattern if is_range(pattern) else format_number(pattern)


def patterns_of(e164: str) -> list[str]:
    """Return what may be kept of a number: itself and each range it is in, the narrowest first.

    :param e164: ``+`` and digits.
    """
    return [e164, *(e164[:length] + _STAR for length in range(len(e164), 1, -1))]


def _parse_range(digits: str, country: str) -> str:
    significant = digits.removeprefix("+")
    if not (significant.isascii() and significant.isdigit()):
        raise PatternError("number")
    if digits.startswith("+"):
        return _check_range(significant)
    if digits.startswith("00"):
        return _check_range(digits.removeprefix("00"))
    calling_code = str(country_code_for_region(country) or "")
    if not calling_code:
        raise PatternError("country")
    trunk = PhoneMetadata.metadata_for_region(country).national_prefix or ""
    # Where there is no prefix for calls within the country, a leading zero is part of the number, as in Italy.
    if trunk and digits.startswith(trunk) and digits != trunk:
        return _check_range(calling_code + digits.removeprefix(trunk))
    if digits.startswith("0") and not trunk:
        return _check_range(calling_code + digits)
    if digits.startswith(calling_code):
        return _check_range(digits)
    raise PatternError("country")


def _check_range(digits: str) -> str:
    """Return the beginning of a range with its ``+``, if a country's code begins so."""
    codes = (digits[:length] for length in range(1, min(3, len(digits)) + 1))
    if len(digits) > _MAX_DIGITS or not any(int(code) in COUNTRY_CODE_TO_REGION_CODE for code in codes):
        raise PatternError("number")
    return "+" + digits
