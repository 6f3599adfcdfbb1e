"""Statistics: what Zadarma counted of calls, read from ``/v1/statistics/pbx/`` version 2 and merged with what it told.

One call is several rows: one for the number or scenario that was dialled, one for each extension that rang.
``merge`` makes of them the same :class:`~zadarma_api.fold.CallState` that notifications fold to.

Source: https://zadarma.com/en/support/api/ (Statistics).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone, tzinfo
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, NamedTuple

from .errors import AnswerError
from .events import (
    EventError,
    call_id_of,
    clean_text,
    parse_call_start,
    parse_disposition,
    parse_recording_id,
    printable,
)
from .fold import CallState, Leg, direction_of
from .numbers import parse_extension

PATH = "/v1/statistics/pbx/"
PAGE_ROWS = 1000
# Zadarma cuts a period of more than a month to 30 days; with its margins, a window stays below.
_WINDOW = timedelta(days=29)
# Legs of a call that began near a window's border may have begun beyond it.
_MARGIN = timedelta(hours=3)
# Rows of one call stand close together; those at the end of a page may have others on the next.
_TAIL_ROWS = 50
_TIME_FORMAT = "%Y-%m-%d %H:%M:%S"
_NEAR = timedelta(hours=2)
_MAX_SECONDS = 7 * 24 * 3600
_MAX_CLID = 256
_SHORT_DIGITS, _MIN_DIGITS = 5, 7
_KEPT = ("callstart", "call_id", "sip", "clid", "destination", "disposition", "seconds", "is_recorded")
# Of several legs that nobody took, what is told of the call.
_UNANSWERED = ("cancelled", "busy", "no_answer", "no_money", "limit", "unallocated", "failed", "other", "")
_IN_BRACKETS, _IN_PARENTHESES = re.compile(r"<([^<>]*)>$"), re.compile(r"\(([^()]*)\)$")
_DIGIT, _SECONDS, _EPOCH = re.compile(r"\d"), re.compile(r"[0-9]{1,9}"), re.compile(r"([0-9]{9,10})\.[0-9]")


class RowError(ValueError):
    """A row that cannot be understood; the text says what is wrong with it."""


class Row(NamedTuple):
    """One leg of a call, as Zadarma counted it.

    :ivar pbx_call_id: the call.
    :ivar started_at: when this leg started, aware, UTC.
    :ivar call_id: the leg's own id, which is its recording's too; often empty.
    :ivar extension: whose leg it is, empty for the row of the dialled number or scenario.
    :ivar caller: the number that called, as received.
    :ivar destination: what was called, as received.
    :ivar seconds: of talking, none where missing or absurd.
    :ivar result: see :func:`zadarma_api.events.parse_disposition`.
    :ivar source: the row as it is kept, see :func:`kept_row`.
    """

    pbx_call_id: str
    started_at: datetime
    call_id: str
    extension: str
    caller: str
    destination: str
    sip: str
    disposition: str
    result: str
    seconds: int | None
    is_recorded: bool
    source: tuple[Any, ...]

    @property
    def is_answered(self) -> bool:
        """Whether somebody, or something, picked up."""
        return self.result == "answered"

    @property
    def identity(self) -> tuple[str, ...]:
        """What stays the same when Zadarma corrects the row."""
        callstart, call_id, sip, _clid, destination, *_rest = self.source
        return callstart, call_id, sip, destination


# === READING === #


def rows_of(answer: Mapping[str, Any]) -> list[Any]:
    """Return the rows of an answer, whatever each of them is.

    :raise AnswerError: where it holds none, not even an empty list.
    """
    rows = answer.get("stats")
    if isinstance(rows, dict):  # PHP writes a list with gaps as an object
        rows = list(rows.values())
    if not isinstance(rows, list):
        raise AnswerError("The answer holds no statistics", 200)
    return rows


def is_between_extensions(row: Any) -> bool:
    """Tell whether a row belongs to no call of the outside, so that it has no ``pbx_call_id`` and needs none."""
    if not isinstance(row, Mapping) or row.get("pbx_call_id"):
        return False
    return bool(_short(_text(row.get("sip"))) and _short(_text(row.get("destination"))))


def parse_row(row: Any, seen_at: datetime, zone: tzinfo) -> Row:
    """Read a row of the statistics. Types are as loose as PHP's.

    :param row: as received, or as kept with its ``pbx_call_id``.
    :param seen_at: when it was received, aware.
    :param zone: the account's time zone, in which ``callstart`` is written.
    :raise RowError: where it belongs to no call or its time cannot be read.
    """
    if not isinstance(row, Mapping):
        raise RowError("It is no object")
    pbx_call_id = call_id_of({"pbx_call_id": _text(row.get("pbx_call_id"))})
    if not pbx_call_id:
        raise RowError("pbx_call_id is missing or malformed")
    get = row.get
    callstart, sip = _text(get("callstart")), _text(get("sip"))
    call_id = parse_recording_id(_text(get("call_id")))
    destination, disposition = _text(get("destination")), _text(get("disposition"))
    clid = _clid(get("clid"))
    seconds, is_recorded = _seconds(get("seconds")), _is_true(get("is_recorded"))
    caller = number_of_clid(clid)
    ends = (sip, caller) if pbx_call_id.startswith("out_") else (destination, sip)
    return Row(
        pbx_call_id=pbx_call_id,
        started_at=_started_at(callstart, call_id, seen_at, zone),
        call_id=call_id,
        extension=_short(ends[0]) or _short(ends[1]),
        caller=caller,
        destination=destination,
        sip=sip,
        disposition=disposition,
        result=parse_disposition(disposition),
        seconds=seconds,
        is_recorded=is_recorded,
        source=(callstart, call_id, sip, clid, destination, disposition, seconds, is_recorded),
    )


def kept_row(row: Row) -> dict[str, Any]:
    """Return what is kept of a row as JSON; :func:`parse_row` reads it again, with its ``pbx_call_id``."""
    pairs = zip(_KEPT, row.source, strict=True)
    return {name: value for name, value in pairs if value is not None and value is not False and value != ""}


def join_rows(old: Iterable[Row], new: Iterable[Row]) -> list[Row]:
    """Return the rows that are known of a call by now: new ones take the place of those they correct."""
    joined = {row.identity: row for row in [*old, *new]}
    return sorted(joined.values(), key=_sort_key)


def number_of_clid(clid: str) -> str:
    """Return the number of a caller id: ``"Name" <+num>``, ``Name (num)`` or the number alone."""
    if bracketed := _IN_BRACKETS.search(clid):
        return bracketed[1].strip()[:64]
    in_parentheses = _IN_PARENTHESES.search(clid)
    # "+49 30 1234 (12)" is a number as a whole.
    if in_parentheses and _count_digits(in_parentheses[1]) not in (1, 2):
        return in_parentheses[1].strip()[:64]
    return clid[:64]


def _text(value: Any) -> str:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return ""
    return clean_text(str(value))


def _clid(value: Any) -> str:
    text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    return printable(text).strip()[:_MAX_CLID]


def _seconds(value: Any) -> int | None:
    text = _text(value)
    return int(text) if _SECONDS.fullmatch(text) and int(text) <= _MAX_SECONDS else None


def _is_true(value: Any) -> bool:
    return value is True or _text(value).lower() in ("1", "true")


def _started_at(callstart: str, call_id: str, seen_at: datetime, zone: tzinfo) -> datetime:
    try:
        started_at = parse_call_start(callstart, seen_at, zone)
        epoch = _epoch_of(call_id)
        # In the hour that comes twice, the id of the leg tells which of the two it was.
        if epoch and timedelta(minutes=1) < abs(epoch - started_at) <= _NEAR:
            return parse_call_start(callstart, epoch, zone)
    except EventError as error:
        raise RowError(str(error).replace("call_start", "callstart")) from None
    return started_at


def _epoch_of(call_id: str) -> datetime | None:
    match = _EPOCH.match(call_id)
    return datetime.fromtimestamp(int(match[1]), timezone.utc) if match else None


# The same few extensions and numbers of one's own stand in most rows.
@lru_cache(maxsize=1024)
def _short(text: str) -> str:
    """Return the extension or SIP account that this is, empty for a telephone number."""
    text = parse_extension(text)
    return text if text.isascii() and text.isdigit() and len(text) <= _SHORT_DIGITS else ""


@lru_cache(maxsize=1024)
def _is_phone(text: str) -> bool:
    return _count_digits(text) >= _MIN_DIGITS


def _count_digits(text: str) -> int:
    return len(_DIGIT.findall(text))


def _sort_key(row: Row) -> tuple[datetime, str]:
    return row.started_at, repr(row.source)


# === MERGING === #


def merge(
    told: CallState | None, rows: Iterable[Row], own_numbers: frozenset[str] = frozenset(), *, is_over: bool = False
) -> CallState:
    """Tell what a call is by what its notifications told and what the statistics count.

    Statistics decide what no signature protects: how the call ended, how long people talked, who talked last; and they
    fill what no notification told. Notifications know better who called whom, how long it rang and who handed over to
    whom. Merging once more changes nothing.

    :param told: what the notifications of the call fold to, none where there are none.
    :param rows: at least one row, all of the same call; order and repetition do not matter.
    :param own_numbers: the account's numbers in E.164.
    :param is_over: the call is known to be over. Otherwise a call that goes on by its notifications is so until the
        leg of whoever talks is counted: rows of earlier legs come while people still talk.
    """
    count = _Count(sorted(set(rows), key=_sort_key), own_numbers)
    counted = count.state
    if told is None:
        return counted
    if told.state != "ended" and not is_over and not count.covers(told):
        return told
    ended = replace(
        told,
        state="ended",
        direction=told.direction if told.number else counted.direction,
        number=told.number or counted.number,
        own_number=told.own_number or counted.own_number,
        started_at=min(told.started_at, counted.started_at),
        legs=_join_legs(told.legs, counted.legs),
        is_recorded=told.is_recorded or counted.is_recorded,
        recording_ids=_join_recordings(told.recording_ids, counted.recording_ids),
    )
    told_result = told.result or ("answered" if told.talking_since else "unknown")
    if not count.is_sure and told_result != "unknown":
        return replace(ended, result=told_result)
    is_answered = counted.result == "answered"
    return replace(
        ended,
        result=counted.result,
        disposition=counted.disposition,
        duration=counted.duration if counted.duration is not None else told.duration,
        talking_since=told.talking_since if is_answered else None,
        answered_by=(counted.answered_by or told.answered_by) if is_answered else "",
    )


class _Count:
    """What the rows of one call say.

    :ivar state: the call.
    :ivar is_sure: false where no word tells how it ended, or the dialled number was answered and no extension was:
        perhaps by a menu, perhaps by a telephone outside.
    """

    def __init__(self, rows: Sequence[Row], own_numbers: frozenset[str]) -> None:
        self._rows = rows
        call_id = rows[0].pbx_call_id
        self._outbound = call_id.startswith("out_") or (
            not call_id.startswith("in_") and _is_phone(rows[0].destination) and bool(rows[0].extension)
        )
        number = self._callee() if self._outbound else self._caller()
        # The rows that tell whether the two sides met: of extensions that were called, of numbers that were dialled.
        reaching = [row for row in rows if (_is_phone(row.destination) if self._outbound else row.extension)]
        self._legs = reaching or rows
        self._others = [] if self._legs is rows else [row for row in rows if row not in reaching]
        self._answered = [row for row in self._legs if row.is_answered]
        is_answered_elsewhere = not self._outbound and any(row.is_answered for row in self._others)
        deciding = self._deciding()
        self.is_sure = bool(self._answered) or not (is_answered_elsewhere or not deciding.result)
        talker = self._answered[-1].extension if self._answered else ""
        self.state = CallState(
            pbx_call_id=call_id,
            direction=direction_of(self._outbound, number, own_numbers),
            state="ended",
            result=deciding.result or "unknown",
            disposition=deciding.disposition,
            number=number,
            own_number=self._shown() if self._outbound else self._dialled(number, own_numbers),
            started_at=rows[0].started_at,
            waiting=None,
            duration=self._duration(),
            talking_since=None,
            answered_by=talker,
            legs=self._make_legs(),
            is_recorded=any(row.is_recorded for row in rows),
            recording_ids=tuple(sorted({row.call_id for row in rows if row.is_recorded and row.call_id})),
            is_blocked=False,
        )

    def covers(self, told: CallState) -> bool:
        """Tell whether the leg of whoever talks, by the notifications, is among the rows."""
        if told.state == "ringing":
            return True
        if self._outbound:
            return any(_is_phone(row.destination) for row in self._answered)
        if not told.answered_by:
            return any(row.is_answered for row in self._rows)
        return any(row.extension == told.answered_by for row in self._answered)

    def _caller(self) -> str:
        callers = [row.caller for row in self._rows if row.caller]
        return next((caller for caller in callers if not _short(caller)), callers[0] if callers else "")

    def _callee(self) -> str:
        callees = [row.destination for row in self._rows if row.destination]
        return next((callee for callee in callees if not _short(callee)), callees[0] if callees else "")

    def _shown(self) -> str:
        return next((row.caller for row in self._rows if _is_phone(row.caller)), "")

    def _dialled(self, number: str, own_numbers: frozenset[str]) -> str:
        ends = [end for row in self._rows for end in (row.destination, row.sip) if _is_phone(end) and end != number]
        own = (end for end in ends if f"+{end.removeprefix('+')}" in own_numbers)
        return next(own, ends[0] if ends else "")

    def _deciding(self) -> Row:
        """Return the row whose word is the call's."""
        if self._answered:
            return self._answered[-1]
        if self._outbound:
            return self._legs[-1]
        whole = [row for row in self._others if row.result and not row.is_answered]
        return min(whole or self._legs, key=lambda row: _UNANSWERED.index(row.result))

    def _duration(self) -> int | None:
        seconds: dict[str, int] = {}
        for row in self._answered:
            if row.seconds is not None:
                seconds[row.extension] = max(seconds.get(row.extension, 0), row.seconds)
        if not self._answered:
            return 0
        if not seconds:
            return None
        most, total = max(seconds.values()), sum(seconds.values())
        # Who handed over may be counted until the other one had taken over; the row of the whole call tells, unless it
        # counts a menu.
        whole = max((row.seconds or 0 for row in self._others if row.is_answered), default=0)
        return sorted((most, total, whole or total))[1]

    def _make_legs(self) -> tuple[Leg, ...]:
        answered = {row.extension for row in self._answered}
        extensions = sorted({row.extension for row in self._rows} - {""})
        return tuple(Leg(extension, "ended", extension in answered) for extension in extensions)


def _join_legs(told: Iterable[Leg], counted: Iterable[Leg]) -> tuple[Leg, ...]:
    answered = {leg.extension for leg in [*told, *counted] if leg.answered}
    legs = {leg.extension: leg for leg in [*counted, *told]}
    return tuple(replace(legs[extension], state="ended", answered=extension in answered) for extension in sorted(legs))


def _join_recordings(told: Iterable[str], counted: Iterable[str]) -> tuple[str, ...]:
    """Join the ids of recordings; as numbers, those of the statistics have lost their last zeros."""
    ids = {_as_number(recording): recording for recording in [*counted, *told]}
    return tuple(sorted(ids.values()))


def _as_number(text: str) -> str | Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        return text


# === ASKING === #


@dataclass(frozen=True)
class Window:
    """A period that can be asked for at once.

    :ivar start: the first moment at which its calls start, aware.
    :ivar end: the first moment after it.
    """

    start: datetime
    end: datetime

    @classmethod
    def first(cls, start: datetime, end: datetime) -> "Window":
        """Return the first window of a period; the next one starts where it ends."""
        return cls(start, min(start + _WINDOW, end))

    @staticmethod
    def count(start: datetime, end: datetime) -> int:
        """Return how many windows a period takes."""
        return max(0, -((start - end) // _WINDOW))

    def params(self, zone: tzinfo, skip: int) -> dict[str, Any]:
        """Return the parameters to ask for a page of the window's rows, and of some around it.

        In the hour that comes twice a time means either of two moments; the margin is wider than that.
        """
        return {
            "version": 2,
            "start": (self.start - _MARGIN).astimezone(zone).strftime(_TIME_FORMAT),
            "end": (self.end + _MARGIN).astimezone(zone).strftime(_TIME_FORMAT),
            "skip": skip,
            "limit": PAGE_ROWS,
        }

    def holds(self, rows: Iterable[Row]) -> bool:
        """Tell whether a call with these rows belongs to this window, and not to the one before or after."""
        return self.start <= min(row.started_at for row in rows) < self.end


def split_page(ids: Sequence[str]) -> int:
    """Return how many rows of a full page are done with; the next page is to start after them.

    The calls of its last rows may go on there: they are taken with the next page as a whole.

    :param ids: the ``pbx_call_id`` of each row, empty for none.
    """
    tail = set(ids[-_TAIL_ROWS:]) - {""}
    first = next((index for index, call_id in enumerate(ids) if call_id in tail), len(ids))
    return max(first, len(ids) // 2)
