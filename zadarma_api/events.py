"""One webhook notification, read from the form fields that Zadarma sends.

Source: https://zadarma.com/en/support/api/ (Webhooks).
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone, tzinfo
from functools import lru_cache

from .numbers import parse_extension
from .routing import is_refusal

_START_FIELDS = ("call_start", "pbx_call_id", "caller_id", "called_did", "calltype")
_TRANSFER_FIELDS = ("internal", "transfer_from", "transfer_type")
_END_FIELDS = (
    "internal",
    "duration",
    "disposition",
    "last_internal",
    "status_code",
    "is_recorded",
    "call_id_with_rec",
)
_OUT_FIELDS = ("call_start", "pbx_call_id", "caller_id", "destination", "internal", "calltype")
# The fields that make two notifications of a kind two facts. Others (tries, host names) do not.
CALL_EVENTS: dict[str, tuple[str, ...]] = {
    "NOTIFY_START": _START_FIELDS,
    "NOTIFY_INTERNAL": _START_FIELDS + _TRANSFER_FIELDS,
    "NOTIFY_ANSWER": _START_FIELDS + _TRANSFER_FIELDS + ("destination",),
    "NOTIFY_END": _START_FIELDS + _END_FIELDS,
    "NOTIFY_OUT_START": _OUT_FIELDS,
    "NOTIFY_OUT_END": _OUT_FIELDS + _END_FIELDS,
    "NOTIFY_RECORD": ("pbx_call_id", "call_id_with_rec"),
}
# Events that are neither unknown nor part of what a call is.
# What this server sends to its own address, to see whether notifications get in.
TEST_EVENT = "ODOO_TEST"
OTHER_EVENTS = ("NOTIFY_IVR", "SMS", "NUMBER_LOOKUP", "CALL_TRACKING", "SPEECH_RECOGNITION", "DOCUMENT")

_CALL_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.\-]{0,79}")
_RECORDING_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.\-]{0,127}")
_MAX_TEXT = 64
_MAX_DURATION = 7 * 24 * 3600
# Zadarma is younger than this, and no two clocks are further apart.
_WALL_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")
_OLDEST_START = datetime(2000, 1, 1, tzinfo=timezone.utc)
_MAX_AHEAD = timedelta(days=2)
_DISPOSITIONS = {
    "answered": "answered",
    "busy": "busy",
    "cancel": "cancelled",
    "canceled": "cancelled",
    "cancelled": "cancelled",
    "no answer": "no_answer",
    "failed": "failed",
    "call failed": "failed",
    "no money": "no_money",
    "no money, no limit": "no_money",
    "unallocated number": "unallocated",
    "no limit": "limit",
    "no day limit": "limit",
    "line limit": "limit",
}


class EventError(ValueError):
    """An authentic event that cannot be understood; the text says what is wrong with it."""


@dataclass(frozen=True)
class Event:
    """A notification about a call, read and checked.

    :ivar name: ``NOTIFY_START`` and so on.
    :ivar pbx_call_id: the call.
    :ivar received_at: when it first arrived, UTC, aware.
    :ivar started_at: when the call (or this leg) started, UTC, aware; none for ``NOTIFY_RECORD``.
    :ivar calltype: ``callback_leg1`` or ``callback_leg2`` where Zadarma tells a callback's legs apart, mostly empty.
    :ivar duration: talking time in seconds, none where missing or absurd.
    :ivar result: what :data:`_DISPOSITIONS` makes of the disposition, ``other`` for a value not seen before.
    :ivar is_refused: it was answered with a word that the caller is blocked.
    :ivar notes: what was ignored because it made no sense.
    """

    name: str
    pbx_call_id: str
    received_at: datetime
    started_at: datetime | None = None
    caller_id: str = ""
    called_did: str = ""
    destination: str = ""
    internal: str = ""
    last_internal: str = ""
    transfer_from: str = ""
    calltype: str = ""
    duration: int | None = None
    disposition: str = ""
    result: str = ""
    is_recorded: bool = False
    recording_id: str = ""
    is_refused: bool = False
    notes: tuple[str, ...] = field(default=(), compare=False)


def event_key(fields: Mapping[str, str]) -> str:
    """Return the key under which a redelivered notification is the same row.

    :param fields: the form fields as received.
    :return: 64 hexadecimal characters.
    """
    name = fields.get("event", "")
    names = CALL_EVENTS.get(name) or sorted(fields)
    identity = [name] + [[key, fields[key]] for key in names if fields.get(key)]
    return hashlib.sha256(json.dumps(identity, ensure_ascii=True).encode()).hexdigest()


def call_id_of(fields: Mapping[str, str]) -> str:
    """Return the event's ``pbx_call_id``, empty where it has none that could be one."""
    call_id = fields.get("pbx_call_id", "")
    return call_id if _CALL_ID.fullmatch(call_id) else ""


def parse_event(fields: Mapping[str, str], received_at: datetime, zone: tzinfo, answer: str = "") -> Event:
    """Read a notification about a call.

    :param fields: the form fields as received.
    :param received_at: when it first arrived, aware.
    :param zone: the account's time zone, in which ``call_start`` is written.
    :param answer: what Zadarma was told in return, as JSON.
    :raise EventError: where it belongs to no call or its time cannot be read.
    """
    name = fields.get("event", "")
    if name not in CALL_EVENTS:
        raise EventError(f"{clean_text(name) or 'An event without name'} is no event of a call")
    call_id = call_id_of(fields)
    if not call_id:
        raise EventError("pbx_call_id is missing or malformed")
    # Nothing else, or a repetition with other unknown fields would say something else under the same key.
    fields = {key: fields[key] for key in CALL_EVENTS[name] if key in fields}
    notes: list[str] = []
    started_at = None
    if name != "NOTIFY_RECORD":
        started_at = parse_call_start(fields.get("call_start", ""), received_at, zone)
    disposition, calltype = clean_text(fields.get("disposition")), clean_text(fields.get("calltype"))
    return Event(
        name=name,
        pbx_call_id=call_id,
        received_at=received_at,
        started_at=started_at,
        caller_id=clean_text(fields.get("caller_id")),
        called_did=clean_text(fields.get("called_did")),
        destination=clean_text(fields.get("destination")),
        internal=parse_extension(clean_text(fields.get("internal"))),
        last_internal=parse_extension(clean_text(fields.get("last_internal"))),
        transfer_from=parse_extension(clean_text(fields.get("transfer_from"))),
        calltype=calltype if calltype.startswith("callback_") else "",
        duration=_parse_duration(fields.get("duration"), notes),
        disposition=disposition,
        result=parse_disposition(disposition),
        is_recorded=fields.get("is_recorded", "").strip().lower() in ("1", "true"),
        recording_id=_read_recording_id(fields.get("call_id_with_rec", ""), notes),
        is_refused=is_refusal(answer),
        notes=tuple(notes),
    )


def parse_call_start(text: str, received_at: datetime, zone: tzinfo) -> datetime:
    """Turn the account's wall clock into UTC.

    In the hour that a change from summer time repeats, the later reading is taken if it had come when the event was
    received; a call's start is the earliest that any of its events tells, so one that came in time decides.

    :param text: ``YYYY-MM-DD HH:MM:SS``.
    :param received_at: when the event first arrived, aware.
    :param zone: the account's time zone.
    :raise EventError: where it is no such time, or none at which a call can have started.
    """
    readings = _read_wall_time(text.strip(), zone)
    if not readings:
        raise EventError("call_start is no time of the form YYYY-MM-DD HH:MM:SS")
    first, second = readings
    if not _OLDEST_START <= first <= received_at + _MAX_AHEAD:
        raise EventError("call_start is no time at which this call can have started")
    if second > first and received_at >= second - timedelta(minutes=5):
        return second
    return first


@lru_cache(maxsize=1024)
def _read_wall_time(text: str, zone: tzinfo) -> tuple[datetime, datetime] | None:
    """Return the two moments that a time on a wall clock may mean, mostly the same; nothing where it is none."""
    if not _WALL_TIME.fullmatch(text):
        return None
    try:
        wall = datetime.fromisoformat(text)
        first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(timezone.utc) for fold in (0, 1))
    except (ValueError, OverflowError):
        return None
    return first, second


@lru_cache(maxsize=64)
def parse_disposition(text: str) -> str:
    """Return the result of a call for Zadarma's word for it, ``other`` for one not seen before, empty for none."""
    word = re.sub(r"[\s_\-]+", " ", text.lower()).strip()
    return _DISPOSITIONS.get(word, "other") if word else ""


def clean_text(text: str | None) -> str:
    """Return a text as the database can keep it: printable, of bounded length, and no formula once it is exported to a
    spreadsheet.
    """
    return printable(text or "").strip().lstrip("= ")[:_MAX_TEXT]


def printable(text: str) -> str:
    """Return a text without what cannot be seen, lines and tabs included."""
    return text if text.isprintable() else "".join(c for c in text if c.isprintable())


def _parse_duration(text: str | None, notes: list[str]) -> int | None:
    if text is None:
        return None
    if re.fullmatch(r"[0-9]{1,9}", text.strip()) and int(text) <= _MAX_DURATION:
        return int(text)
    notes.append(f"duration {clean_text(text)!r} ignored")
    return None


def parse_recording_id(text: str) -> str:
    """Return the id of a recording or of a leg, empty where it is malformed."""
    return text if _RECORDING_ID.fullmatch(text) and ".." not in text else ""


def _read_recording_id(text: str, notes: list[str]) -> str:
    recording_id = parse_recording_id(text)
    if text and not recording_id:
        notes.append("call_id_with_rec ignored, it is malformed")
    return recording_id
