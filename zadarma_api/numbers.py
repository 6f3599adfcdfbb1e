"""Forms of phone numbers as Zadarma, people and the database write them."""

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

import phonenumbers

# Zadarma's extensions have three digits, SIP accounts five, E.164 at most fifteen.
_SHORT_DIGITS = 5
_MIN_DIGITS, _MAX_DIGITS = 7, 15
# Also the invisible marks of direction that come with numbers copied from a phone's contacts.
_PUNCTUATION = re.compile(r"[\s()./\-\u00ad\u200b-\u200f\u2010-\u2015\u202a-\u202e\u2060-\u2069\ufeff]+")
# "499499-100": extension 100 of PBX 499499.
_PBX_LOGIN = re.compile(r"[1-9][0-9]{3,6}-([1-9][0-9]{2})")

# "+1 212 555 0100 ext. 12", "… x12", "…;ext=12": Zadarma dials no extensions behind a number.
_EXTENSION_SUFFIX = re.compile(r"[\s,;]*(?:ext(?:ension)?[.=:]?|x)\s*[0-9]{1,7}$", re.IGNORECASE)


class Kind(str, Enum):
    """What a number is to the company."""

    EXTERNAL = "external"
    INTERNAL = "internal"
    WITHHELD = "withheld"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Number:
    """A number as received and as understood.

    :ivar raw: as received.
    :ivar kind: what it is.
    :ivar e164: ``+`` and digits of an external number, the digits of an internal one, otherwise empty.
    """

    raw: str
    kind: Kind
    e164: str = ""


@lru_cache(maxsize=8192)
def parse_number(raw: str | None, country: str = "") -> Number:
    """Understand a number in any form that Zadarma or people use.

    Zadarma writes international numbers with or without ``+``; a number that is possible neither so nor in the
    country's own form is kept as unknown, so that it is never taken for somebody else's.

    :param raw: the number; without one, as words or a zero, it is withheld.
    :param country: ISO code of the country whose national form may be used, as ``DE``.
    """
    text = (raw or "").strip()
    if extension := _PBX_LOGIN.fullmatch(text):
        return Number(text, Kind.INTERNAL, extension[1])
    # What follows @ is a server, as in anonymous@192.0.2.1.
    digits = compact_digits(text.partition("@")[0])
    international = digits.startswith(("+", "00"))
    digits = digits.removeprefix("00").removeprefix("+")
    has_letters = re.search(r"[^\W\d]", digits)
    if not re.search(r"[1-9]", digits) or (has_letters and len(re.findall(r"\d", digits)) < _MIN_DIGITS):
        return Number(text, Kind.WITHHELD)
    if not (digits.isascii() and digits.isdigit()):
        return Number(text, Kind.UNKNOWN)
    if len(digits) <= _SHORT_DIGITS and not international:
        return Number(text, Kind.INTERNAL, digits)
    e164 = _to_e164(digits, "" if international else country)
    return Number(text, Kind.EXTERNAL if e164 else Kind.UNKNOWN, e164)


def parse_typed_number(raw: str | None, country: str = "") -> Number:
    """Understand a number that a person wrote, to call it.

    Without ``+`` or ``00`` it is read as the country writes numbers, and only then as an international one whose sign
    was left out: where Zadarma always means the latter, people mean their neighbours.

    :param raw: the number, of a form or of a dialler; an extension after it (``ext. 12``) is left out.
    :param country: ISO code of the country whose national form may be used.
    """
    text = _EXTENSION_SUFFIX.sub("", (raw or "").strip())
    digits = compact_digits(text)
    if country and digits.isascii() and digits.isdigit() and not digits.startswith("00"):
        try:
            number = phonenumbers.parse(digits, country.upper())
        except phonenumbers.NumberParseException:
            return parse_number(text, country)
        if len(digits) > _SHORT_DIGITS and phonenumbers.is_valid_number(number):
            e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            return Number(text, Kind.EXTERNAL, e164)
    return parse_number(text, country)


def compact_digits(text: str) -> str:
    """Return a number without the punctuation that people write, its digits and signs of any script as ASCII ones."""
    if not text.isascii():
        text = re.sub(r"\d", lambda digit: str(int(digit[0])), unicodedata.normalize("NFKC", text))
    return _PUNCTUATION.sub("", text)


@lru_cache(maxsize=8192)
def _to_e164(digits: str, country: str) -> str:
    if len(digits) < _MIN_DIGITS:
        return ""
    candidates: list[tuple[str, str | None]] = [] if digits.startswith("0") else [("+" + digits, None)]
    if country:
        candidates.append((digits, country.upper()))
    parsed = []
    for text, region in candidates:
        try:
            parsed.append((text, phonenumbers.parse(text, region) if region else _parse_e164(text)))
        except phonenumbers.NumberParseException:
            continue
    # A valid reading beats one that is merely possible; the international one comes first, as Zadarma writes it. Where
    # there is one alone, nothing is to be chosen: every valid number is possible, which is told much sooner.
    validity = [phonenumbers.is_valid_number] if len(parsed) > 1 else []
    for check in (*validity, phonenumbers.is_possible_number):
        for text, number in parsed:
            e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            is_stable = e164 == text or _is_stable(e164)
            if is_stable and _MIN_DIGITS < len(e164) <= _MAX_DIGITS + 1 and check(number):
                return e164
    return ""


def _is_stable(e164: str) -> bool:
    """Tell whether a number stays what it is when it is read again; some that are merely possible lose a zero."""
    again = _parse_e164(e164)
    return phonenumbers.format_number(again, phonenumbers.PhoneNumberFormat.E164) == e164


@lru_cache(maxsize=8192)
def _parse_e164(e164: str) -> phonenumbers.PhoneNumber:
    return phonenumbers.parse(e164, None)


def parse_extension(raw: str | None) -> str:
    """Return the extension of ``100`` or of a login like ``499499-100``, exactly as written otherwise."""
    text = (raw or "").strip()
    login = _PBX_LOGIN.fullmatch(text)
    return login[1] if login else text


def written_forms(e164: str, country: str = "") -> list[str]:
    """Return how people write a number when punctuation is left out.

    :param e164: ``+`` and digits.
    :param country: ISO code; the national form is added where the number belongs to this country.
    :return: distinct forms, the international ones first.
    """
    forms = _international_forms(e164)
    if number := _parse_at_home(e164, country):
        forms.append(_national_digits(number))
        # Without the leading zero it may be another country's number.
        significant = phonenumbers.national_significant_number(number)
        if parse_number(significant, country).e164 == forms[0]:
            forms.append(significant)
    return list(dict.fromkeys(forms))


def _international_forms(e164: str) -> list[str]:
    digits = e164.removeprefix("+")
    return ["+" + digits, "00" + digits, digits]


def _parse_at_home(e164: str, country: str) -> phonenumbers.PhoneNumber | None:
    """Return a number that belongs to this country, nothing for one that does not."""
    try:
        number = _parse_e164("+" + e164.removeprefix("+"))
    except phonenumbers.NumberParseException:
        return None
    is_at_home = country and number.country_code == phonenumbers.country_code_for_region(country.upper())
    return number if is_at_home else None


def _national_digits(number: phonenumbers.PhoneNumber) -> str:
    return re.sub(r"\D", "", phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL))


@lru_cache(maxsize=8192)
def written_keys(e164: str, country: str = "") -> frozenset[str]:
    """Return what is left of a number's :func:`written_forms` without sign and leading zeros, and perhaps some more.

    To find those who may have the number among many: it takes a third of the time.
    """
    keys = {form.lstrip("+0") for form in _international_forms(e164)}
    if number := _parse_at_home(e164, country):
        keys.add(_national_digits(number).lstrip("0"))
        keys.add(phonenumbers.national_significant_number(number).lstrip("0"))
    return frozenset(keys)


def holds_number(text: str, e164: str) -> bool:
    """Tell whether a text has a number in it, and not only as part of a longer one, which is somebody else's.

    :param text: for example a notification, as JSON.
    :param e164: ``+`` and digits; the text may leave out the ``+``.
    """
    return bool(re.search(rf"(?<![0-9]){e164.removeprefix('+')}(?![0-9])", text))


def number_prefixes(text: str, country: str = "") -> list[str]:
    """Return how E.164 numbers may begin of which somebody has written the first digits.

    Those of the country go first, as in :func:`parse_typed_number`.

    :param text: the digits as written, with punctuation.
    :param country: ISO code of the country whose national form may be used.
    :return: distinct beginnings; none where the text is no beginning of a number.
    """
    # "+49 (0)30": the zero is dialled at home alone.
    digits = compact_digits(text.replace("(0)", ""))
    international = digits.startswith(("+", "00"))
    digits = digits.removeprefix("00").removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        return []
    # "+49 (0)30": the zero is dialled at home only.
    candidates = [] if digits.startswith("0") else ["+" + digits]
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(country.upper()) if country else None
    if metadata and not international:
        candidates.insert(0, f"+{metadata.country_code}{digits.removeprefix(metadata.national_prefix or '')}")
    return list(dict.fromkeys(candidates))


def prefix_range(prefix: str) -> tuple[str, str]:
    """Return what texts of ``+`` and digits with this beginning lie between: from the first on, before the second.

    The second is empty where there is no bound. Unlike a pattern, the range is served by an ordinary index in any
    collation.
    """
    head = prefix.rstrip("9")
    if head in ("", "+"):
        return prefix, ""
    return prefix, head[:-1] + str(int(head[-1]) + 1)


def format_number(e164: str) -> str:
    """Return a number as people read it, ``+49 30 1234567``; unchanged where it is not E.164."""
    try:
        number = phonenumbers.parse(e164, None)
    except phonenumbers.NumberParseException:
        return e164
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def country_of(e164: str) -> str:
    """Return the ISO code of a number's country, empty where it has none (satellite, international)."""
    try:
        region = phonenumbers.region_code_for_number(phonenumbers.parse(e164, None))
    except phonenumbers.NumberParseException:
        return ""
    return region if region and len(region) == 2 and region.isalpha() else ""


def mask_number(number: str) -> str:
    """Hide the middle of a number for logs: ``+49170*****78``. Short ones stay as they are."""
    if len(number) <= _SHORT_DIGITS:
        return number
    shown = min(6, len(number) // 2)
    return number[:shown] + "*" * (len(number) - shown - 2) + number[-2:]
