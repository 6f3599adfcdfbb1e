"""Which calls somebody has to return, and which end the waiting."""

from enum import Enum


class Fate(str, Enum):
    """What a call means to the person on its other side."""

    MISSED = "missed"
    TALKED = "talked"
    NEITHER = "neither"


def was_taken(result: str, duration: int | None, is_traced: bool, min_seconds: int = 0) -> bool:
    """Tell whether people talked.

    :param result: of the call; only ``answered`` is an answer.
    :param duration: seconds of talking, none where Zadarma did not tell: then it was long enough.
    :param is_traced: whether the answer was heard of, or a recording; tells it of a call whose end was lost.
    :param min_seconds: a shorter answer was an answering machine's, or a slip of the hand.
    """
    if result == "answered":
        return duration is None or duration >= min_seconds
    return result == "unknown" and is_traced


def fate_of(direction: str, state: str, is_taken: bool, is_blocked: bool = False) -> Fate:
    """Tell what a call means to the other side.

    :param direction: ``inbound``, ``outbound`` or ``internal``.
    :param state: a call that goes on is neither missed nor a talk yet.
    :param is_taken: see :func:`was_taken`.
    :param is_blocked: who must not get through is not missed either.
    """
    if state != "ended" or direction == "internal" or is_blocked:
        return Fate.NEITHER
    if is_taken:
        return Fate.TALKED
    return Fate.MISSED if direction == "inbound" else Fate.NEITHER
