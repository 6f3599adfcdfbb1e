"""The fold: from the set of a call's events to what the call is.

``fold`` does not see in which order events came or were processed, nor how often: the same set gives the same call.
Every stored fact comes from what Zadarma says. The moments of receipt only measure what it does not say, how long
it rang, and only where they are in an order that makes sense.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from .events import Event
from .numbers import Kind, parse_extension, parse_number
from .pairing import is_own_leg

_OPENING = ("NOTIFY_START", "NOTIFY_OUT_START", "NOTIFY_INTERNAL")
_CLOSING = ("NOTIFY_END", "NOTIFY_OUT_END")
_OUTBOUND = ("NOTIFY_OUT_START", "NOTIFY_OUT_END")
_DIALLED = (*_OUTBOUND, "NOTIFY_ANSWER")
# Which event is believed first where several tell the same thing.
_RANK = {
    name: rank
    for rank, name in enumerate(
        (
            "NOTIFY_START",
            "NOTIFY_OUT_START",
            "NOTIFY_INTERNAL",
            "NOTIFY_ANSWER",
            "NOTIFY_END",
            "NOTIFY_OUT_END",
            "NOTIFY_RECORD",
        )
    )
}
_MAX_RINGING = timedelta(hours=1)


@dataclass(frozen=True)
class Leg:
    """One extension's share of a call.

    :ivar extension: its number in the PBX.
    :ivar state: ``ringing``, ``talking`` or ``ended``.
    :ivar answered: whether it ever talked.
    :ivar transfer_from: the extension that handed the call over, empty for none.
    """

    extension: str
    state: str
    answered: bool = False
    transfer_from: str = ""


@dataclass(frozen=True)
class CallState:
    """What a call is, by all that is known of it.

    :ivar direction: ``inbound``, ``outbound`` or ``internal``.
    :ivar state: ``ringing``, ``talking`` or ``ended``.
    :ivar result: see :func:`zadarma_api.events.parse_disposition`; ``unknown`` for a call that ended without a word
        on how and without an answer, empty before its end.
    :ivar disposition: Zadarma's own word for the result.
    :ivar number: the other party's number as received.
    :ivar own_number: the company's number as received: the dialled one, or the one shown to the callee.
    :ivar started_at: aware, UTC; of the recording's notice where nothing else is known.
    :ivar dialled_at: of a callback, when the other party was called, aware, UTC.
    :ivar stage: of a callback, whose phone rings or was reached: ``own`` before the caller picked up, ``other`` since;
        empty where nothing tells.
    :ivar waiting: seconds from the first ringing to the answer, or to the end of a call that nobody took.
    :ivar duration: seconds of talking as Zadarma counts them.
    :ivar talking_since: when the answer was received, aware, UTC.
    :ivar answered_by: the extension that talked, or talked last.
    :ivar legs: one an extension, by its number.
    :ivar is_recorded: whether Zadarma announced a recording.
    :ivar recording_ids: its ids, sorted.
    :ivar is_blocked: Zadarma was told at its start that the caller is blocked.
    """

    pbx_call_id: str
    direction: str
    state: str
    result: str
    disposition: str
    number: str
    own_number: str
    started_at: datetime
    waiting: int | None
    duration: int | None
    talking_since: datetime | None
    answered_by: str
    legs: tuple[Leg, ...]
    is_recorded: bool
    recording_ids: tuple[str, ...]
    is_blocked: bool
    dialled_at: datetime | None = None
    stage: str = ""

    @property
    def answered_at(self) -> datetime | None:
        """When talking began, by Zadarma's clock, aware, UTC."""
        if not self.talking_since and self.result != "answered":
            return None
        return (self.dialled_at or self.started_at) + timedelta(seconds=self.waiting or 0)

    @property
    def ended_at(self) -> datetime | None:
        """When the call was over, by Zadarma's clock, aware, UTC."""
        if self.state != "ended":
            return None
        return (self.dialled_at or self.started_at) + timedelta(seconds=(self.waiting or 0) + (self.duration or 0))


def fold(events: Iterable[Event], own_numbers: frozenset[str] = frozenset(), own_call_id: str = "") -> CallState:
    """Tell what a call is.

    :param events: at least one event, all of the same call; order and repetition do not matter.
    :param own_numbers: the account's numbers in E.164; a call from or to one of them is internal.
    :param own_call_id: of a callback whose two legs have ids of their own, that of the caller's own phone.
    """
    ordered = sorted(set(events), key=_sort_key)
    outbound = _is_outbound(ordered)
    own = _own_leg(ordered, own_call_id) if outbound else []
    # What tells of the call itself: of a callback, the leg to the other party as soon as there is one.
    told = [event for event in ordered if event not in own]
    told = told if any(event.name in _DIALLED for event in told) or not own else ordered
    end = max((event for event in told if event.name in _CLOSING), key=_telling, default=None)
    answers = [event for event in told if event.name == "NOTIFY_ANSWER" and event not in own]
    number = _callee(ordered, answers) if outbound else _first(ordered, "caller_id")
    is_over = end is not None or any(event.name == "NOTIFY_RECORD" for event in ordered)
    state = "ended" if is_over else "talking" if answers else "ringing"
    talker = _talker(ordered, answers, end, outbound)
    return CallState(
        pbx_call_id=told[0].pbx_call_id,
        direction=direction_of(outbound, number, own_numbers),
        state=state,
        result=_result(end, answers) if is_over else "",
        disposition=end.disposition if end else "",
        number=number,
        own_number=_shown_number(ordered) if outbound else _first(ordered, "called_did"),
        started_at=_started_at(ordered),
        dialled_at=_started_at(told) if own else None,
        stage=_stage(ordered, own),
        waiting=_waiting(told, answers, end),
        duration=end.duration if end else None,
        talking_since=min((event.received_at for event in answers), default=None),
        answered_by=talker,
        legs=_legs(ordered, answers, state, talker),
        is_recorded=any(event.is_recorded or event.recording_id for event in ordered),
        recording_ids=tuple(sorted({event.recording_id for event in ordered if event.recording_id})),
        is_blocked=any(event.is_refused for event in ordered),
    )


def _own_leg(ordered: list[Event], own_call_id: str) -> list[Event]:
    """Return the events of the leg to the caller's own phone, which a callback rings first; none of another call."""

    def leg(event: Event) -> tuple[str, str, datetime | None]:
        return event.pbx_call_id, event.calltype, event.started_at

    certain = [event for event in ordered if is_own_leg(event)]
    legs = {leg(event) for event in certain}
    # Both legs began in the same second, and Zadarma does not tell them apart.
    mixed = {leg(event) for event in ordered if event.name == "NOTIFY_ANSWER" and event not in certain} & legs
    return [
        event
        for event in ordered
        if event.name in _DIALLED
        and (event in certain or event.pbx_call_id == own_call_id or leg(event) in legs - mixed)
    ]


def _stage(ordered: list[Event], own: list[Event]) -> str:
    """Tell whose phone a callback rings, or reached."""
    legs = [event for event in ordered if event.name in _DIALLED]
    if any(event.calltype == "callback_leg2" for event in legs):
        return "other"
    if not own:
        return ""
    is_lifted = any(event.name == "NOTIFY_ANSWER" for event in own)
    return "other" if is_lifted or len(legs) > len(own) else "own"


def _sort_key(event: Event) -> tuple[int, datetime, str]:
    # The last part tells all fields, so that no two different events are equal and left in the order of the set.
    return _RANK[event.name], event.received_at, repr(event)


def _telling(end: Event) -> tuple[bool, int, bool, str]:
    """Rank ends of one call by how much they say: answered before not, then the longer one, then who talked."""
    return end.result == "answered", end.duration or 0, bool(end.last_internal or end.internal), end.result


def _is_outbound(ordered: list[Event]) -> bool:
    call_id = ordered[0].pbx_call_id
    if call_id.startswith(("in_", "out_")):
        return call_id.startswith("out_")
    return any(event.name in _OUTBOUND for event in ordered)


def direction_of(outbound: bool, number: str, own_numbers: frozenset[str]) -> str:
    """Return a call's direction; from or to an own number or an extension it is internal."""
    parsed = parse_number(number)
    if parsed.kind is Kind.INTERNAL or (parsed.e164 and parsed.e164 in own_numbers):
        return "internal"
    return "outbound" if outbound else "inbound"


def _first(ordered: list[Event], attribute: str, names: Iterable[str] = tuple(_RANK)) -> str:
    return next((value for event in ordered if event.name in names and (value := getattr(event, attribute))), "")


def _callee(ordered: list[Event], answers: list[Event]) -> str:
    """Return the number that was called; not the caller's own extension, which a callback rings first."""
    dialled = [event for event in ordered if event.name in _OUTBOUND]
    others = (event.destination for event in dialled + answers if parse_extension(event.destination) != event.internal)
    return next(filter(None, others), "") or _first(dialled, "destination")


def _shown_number(ordered: list[Event]) -> str:
    """Return the number that the callee sees; Zadarma writes 0, or the extension, where it does not know it."""
    shown = (event.caller_id for event in ordered if event.name in _OUTBOUND)
    return next((number for number in shown if parse_number(number).kind is Kind.EXTERNAL), "")


def _result(end: Event | None, answers: list[Event]) -> str:
    if end and is_own_leg(end) and end.result == "answered":
        return "unknown"
    if end and end.result:
        return end.result
    return "answered" if answers else "unknown"


def _started_at(ordered: list[Event]) -> datetime:
    starts = [event.started_at for event in ordered if event.started_at]
    return min(starts) if starts else min(event.received_at for event in ordered)


def _waiting(ordered: list[Event], answers: list[Event], end: Event | None) -> int | None:
    """Measure how long it rang by the moments of receipt, none where these are not in the order of a call."""
    opened = min((event.received_at for event in ordered if event.name in _OPENING), default=None)
    answered = min((event.received_at for event in answers), default=None)
    until = answered or (end.received_at if end and end.result != "answered" else None)
    if not opened or not until or (end and until > end.received_at):
        return None
    waiting = until - opened
    return round(waiting.total_seconds()) if timedelta(0) <= waiting <= _MAX_RINGING else None


def _answering_extension(event: Event, outbound: bool) -> str:
    if event.internal or outbound:
        return event.internal
    destination = parse_number(event.destination)
    return destination.e164 if destination.kind is Kind.INTERNAL else ""


def _talker(ordered: list[Event], answers: list[Event], end: Event | None, outbound: bool) -> str:
    """Return the extension that talks, or talked last."""
    is_answered = end is not None and end.result == "answered"
    if end and is_answered and (end.last_internal or end.internal):
        return end.last_internal or end.internal
    talkers = [(event.received_at, _answering_extension(event, outbound)) for event in answers]
    talkers = [talker for talker in talkers if talker[1]]
    picked_up = {extension for _moment, extension in talkers}
    handed_over = {event.transfer_from for event in ordered if event.internal in picked_up}
    # Who handed the call over no longer talks; a circle of transfers is decided by time alone.
    present = [talker for talker in talkers if talker[1] not in handed_over] or talkers
    if present:
        return max(present)[1]
    return _first(ordered, "internal", _OUTBOUND) if outbound and (answers or is_answered) else ""


def _legs(ordered: list[Event], answers: list[Event], state: str, talker: str) -> tuple[Leg, ...]:
    outbound = _is_outbound(ordered)
    answered = {_answering_extension(event, outbound) for event in answers} | {talker}
    transfers = {event.internal: event.transfer_from for event in ordered if event.transfer_from}
    # Whoever is named once has a leg, so that no later event takes it away again.
    rung = {event.internal or _answering_extension(event, outbound) for event in ordered}
    rung |= {event.last_internal for event in ordered} | {talker}
    legs = []
    for extension in sorted(rung - {""}):
        if state == "ended" or (state == "talking" and extension != talker):
            leg_state = "ended"
        else:
            leg_state = state
        # Somebody to whom the call is being handed over rings while the first one still talks.
        if state == "talking" and extension in transfers and extension not in answered:
            leg_state = "ringing"
        legs.append(Leg(extension, leg_state, extension in answered, transfers.get(extension, "")))
    return tuple(legs)
