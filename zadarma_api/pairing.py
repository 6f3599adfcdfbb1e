"""Which outgoing calls at Zadarma belong to a click.

A callback is asked for, and its answer has no id. What follows tells of outgoing calls of the extension: one, or one
for each of its two legs, the caller's own phone and the other one. Meanwhile people may dial by hand. All is decided
by what is known, so that the order in which it came does not matter, and again whenever more is known.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from .events import Event
from .numbers import Kind, parse_number

# Our clock counts: Zadarma's may be in another zone. One server's may be a little behind another's.
TOLERANCE = timedelta(seconds=2)
# From the click until Zadarma tells of it; where it tells only of the second leg, the own phone rings before.
FIRST_WITHIN = timedelta(seconds=120)
# From the click until the other phone rings.
SECOND_WITHIN = timedelta(seconds=240)
_LEGS = ("NOTIFY_OUT_START", "NOTIFY_ANSWER", "NOTIFY_OUT_END")


@dataclass(frozen=True)
class Request:
    """A click on a number.

    :ivar extension: whose phone is to ring first.
    :ivar number: whom to call then, E.164.
    :ivar asked_at: when, aware.
    """

    extension: str
    number: str
    asked_at: datetime


@dataclass(frozen=True)
class Trunk:
    """An outgoing call at Zadarma, as its notifications tell of it so far.

    :ivar call_id: its ``pbx_call_id``.
    :ivar extension: who calls.
    :ivar numbers: whom, E.164 or an extension.
    :ivar opened_at: when it was first heard of, aware; never changes.
    :ivar started_at: when it began by Zadarma's clock, aware.
    :ivar lifted_at: when the caller's own phone was picked up, as that of a callback is, aware.
    :ivar ended_at: when its end was heard of, aware.
    :ivar is_own: it certainly is, or begins with, the leg to the caller's own phone.
    :ivar is_other: it certainly has the leg to the other phone.
    :ivar is_failed: it ended, and nobody had picked up.
    """

    call_id: str
    extension: str
    numbers: frozenset[str]
    opened_at: datetime
    started_at: datetime
    lifted_at: datetime | None = None
    ended_at: datetime | None = None
    is_own: bool = False
    is_other: bool = False
    is_failed: bool = False


def is_own_leg(event: Event) -> bool:
    """Tell whether an event is certainly about the caller's own phone, which a callback rings first."""
    if event.name not in _LEGS:
        return False
    if event.calltype == "callback_leg1":
        return True
    return bool(event.internal) and parse_number(event.destination).e164 == event.internal


def trunk_of(events: Iterable[Event]) -> Trunk | None:
    """Return what is known of an outgoing call.

    :param events: all of one ``pbx_call_id``, in any order.
    :return: none where they do not tell who calls whom, or tell of another kind of call.
    """
    legs = sorted(
        (event for event in events if event.name in _LEGS),
        # Of those heard of at the same moment always the same one is the first.
        key=lambda event: (event.received_at, event.name, event.internal, event.destination),
    )
    extension = next((event.internal for event in legs if event.internal), "")
    starts = [event.started_at for event in legs if event.started_at]
    if not extension or not starts:
        return None
    own = [event for event in legs if is_own_leg(event)]
    ends = [event for event in legs if event.name == "NOTIFY_OUT_END"]
    parsed = [parse_number(event.destination) for event in legs]
    return Trunk(
        call_id=legs[0].pbx_call_id,
        extension=extension,
        numbers=frozenset(number.e164 for number in parsed if number.e164),
        opened_at=legs[0].received_at,
        started_at=min(starts),
        lifted_at=min((event.received_at for event in own if event.name == "NOTIFY_ANSWER"), default=None),
        ended_at=min((event.received_at for event in ends), default=None),
        is_own=bool(own),
        is_other=any(
            event.calltype == "callback_leg2" or (event.name == "NOTIFY_ANSWER" and event not in own) for event in legs
        ),
        is_failed=bool(ends) and not any(event.result == "answered" for event in ends),
    )


def may_belong(request: Request, trunk: Trunk) -> bool:
    """Tell whether an outgoing call can be a click's, by who calls whom and when."""
    if trunk.extension != request.extension or not trunk.numbers & {request.number, request.extension}:
        return False
    if any(parse_number(number).kind is Kind.EXTERNAL and number != request.number for number in trunk.numbers):
        return False
    return -TOLERANCE <= trunk.opened_at - request.asked_at <= SECOND_WITHIN


def choose_request(requests: Sequence[Request], trunk: Trunk, taken: Sequence[bool] = ()) -> Request | None:
    """Return the click that an outgoing call may belong to.

    :param requests: of the extension.
    :param taken: for each of them, whether a first leg is known.
    :return: the last click before it; where it does not tell whom it is for, the first one without a first leg.
    """
    known = dict(zip(requests, taken, strict=False))
    fitting = sorted((each for each in requests if may_belong(each, trunk)), key=lambda each: each.asked_at)
    if not fitting:
        return None
    if trunk.numbers == {trunk.extension}:
        return next((each for each in fitting if not known.get(each)), fitting[-1])
    return fitting[-1]


def pair(request: Request, trunks: Iterable[Trunk]) -> tuple[str, ...]:
    """Return the ids of the outgoing calls that are a click's, the one to the caller's own phone first.

    Where two may be, one dialled by hand, what is certain goes before what came first; and of two that may be the
    two legs, it is assumed until something speaks against it.

    :param trunks: all that :func:`may_belong`; order does not matter.
    :return: none, one or two.
    """
    candidates = sorted(
        (trunk for trunk in trunks if may_belong(request, trunk)),
        key=lambda trunk: (trunk.started_at, trunk.opened_at, trunk.call_id),
    )
    early = [trunk for trunk in candidates if trunk.opened_at - request.asked_at <= FIRST_WITHIN]
    first = next((trunk for trunk in early if trunk.is_own), early[0] if early else None)
    if first is None:
        return ()
    # The other phone is called when one's own was picked up.
    lifted_at = first.lifted_at or first.opened_at
    following = (trunk for trunk in candidates if _follows(first, trunk))
    second = min(following, key=lambda trunk: abs(trunk.opened_at - lifted_at), default=None)
    return (first.call_id, second.call_id) if second else (first.call_id,)


def _follows(first: Trunk, trunk: Trunk) -> bool:
    """Tell whether an outgoing call may be the second leg of a callback whose first leg is another one."""
    if trunk.call_id == first.call_id or first.is_other or trunk.is_own or trunk.numbers == {trunk.extension}:
        return False
    if first.is_failed and first.lifted_at is None:
        return False
    if trunk.started_at < first.started_at:
        return False
    earliest = (first.lifted_at or first.opened_at) - TOLERANCE
    return earliest <= trunk.opened_at and (first.ended_at is None or trunk.opened_at <= first.ended_at + TOLERANCE)
