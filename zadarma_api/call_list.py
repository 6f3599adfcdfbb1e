"""Whom of a selection of people one calls, and why not the others."""

from collections.abc import Container, Iterable
from dataclasses import dataclass
from enum import Enum

from .numbers import Kind, Number


class Reason(str, Enum):
    """Why somebody is left out of a list of people to call."""

    NO_NUMBER = "no_number"
    NOT_CALLABLE = "not_callable"
    OWN_NUMBER = "own_number"
    DO_NOT_CALL = "do_not_call"
    BLOCKED = "blocked"
    DUPLICATE = "duplicate"


@dataclass(frozen=True)
class Candidate:
    """Somebody who may be called.

    :ivar number: the number, as understood.
    :ivar is_do_not_call: they asked not to be called.
    """

    number: Number
    is_do_not_call: bool = False


def sort_out(
    candidates: Iterable[Candidate],
    *,
    own: Container[str] = frozenset(),
    blocked: Container[str] = frozenset(),
    listed: Iterable[str] = (),
) -> list[Reason | None]:
    """Tell for each candidate why they are not called, none for those who are.

    Of several with one number the first one who may be called is; what a number is refused for counts before that.

    :param candidates: in the order in which they would be called.
    :param own: the account's own numbers.
    :param blocked: numbers that must not be called.
    :param listed: numbers that are in the list already.
    """
    seen = set(listed)
    return [_reason(candidate, own, blocked, seen) for candidate in candidates]


def _reason(candidate: Candidate, own: Container[str], blocked: Container[str], seen: set[str]) -> Reason | None:
    number = candidate.number
    if number.kind is Kind.WITHHELD:
        return Reason.NO_NUMBER
    if number.kind is not Kind.EXTERNAL:
        return Reason.NOT_CALLABLE
    if number.e164 in own:
        return Reason.OWN_NUMBER
    if candidate.is_do_not_call:
        return Reason.DO_NOT_CALL
    if number.e164 in blocked:
        return Reason.BLOCKED
    if number.e164 in seen:
        return Reason.DUPLICATE
    seen.add(number.e164)
    return None
