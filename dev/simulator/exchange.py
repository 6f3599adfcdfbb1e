"""The telephone exchange: the account's extensions and calls, and what they tell the webhook."""

from __future__ import annotations

import itertools
import random
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from .calls import RINGING, Call, Leg
from .clock import Clock, Timer
from .inbound import InboundCall
from .outbound import CallbackCall, InternalCall, OutboundCall
from .settings import Customer, Extension, Settings, SimulatorError
from .speech import speech
from .webhooks import Courier, Notice, result_text
from .wire import Changes

Answered = Callable[[int | None, str], None]
CallType = TypeVar("CallType", bound=Call)

TIME_FORMAT = "%Y-%m-%d %H:%M:%S"
_E164 = re.compile(r"\+\d{5,15}")
_BLANKS = re.compile(r"[\s().\-]")


@dataclass
class Recording:
    """A recorded talk whose file is ready."""

    id: str
    call: str  # pbx_call_id
    extension: str
    seconds: float
    recognized_at: float | None = None  # when speech recognition is or will be done
    language: str = ""  # in which it was asked for


class Exchange:
    """State and behaviour of the PBX. Every public method takes the lock."""

    def __init__(self, settings: Settings, clock: Clock, courier: Courier, changes: Changes, chance: random.Random):
        self.settings = settings
        self.clock = clock
        self.lock = threading.RLock()
        self.extensions: dict[str, Extension] = {}
        self.direct_numbers: list[dict[str, Any]] = []
        self.customers: list[Customer] = []
        self.calls: dict[str, Call] = {}
        self.recordings: dict[str, Recording] = {}
        self.history: list[dict[str, Any]] = []  # statistics rows of calls before the start
        self.corrections: dict[str, dict[str, Any]] = {}  # of statistics rows, by pbx_call_id
        self._courier = courier
        self._changes = changes
        self._chance = chance
        self._ids = itertools.count(1230)

    # What people do ---------------------------------------------------------------------------

    def call_in(self, number: str, did: str, to: Sequence[str], menu: bool) -> Call:
        """Let somebody outside call ``did``; rings ``to``, or the ring group without one."""
        with self.lock:
            did = did.lstrip("+") or self.direct_numbers[0]["number"]
            group = list(to) or self.settings.ring_group or list(self.extensions)
            for extension in group:
                self.extension(extension)
            return self._begin(InboundCall(self, customer_number(number), did, group, menu))

    def dial(self, extension: str, number: str) -> Call:
        """Let a desk call a number; another extension's makes it an internal call."""
        if number in self.extensions:
            return self.internal(extension, number)
        with self.lock:
            self._must_be_free(extension)
            number = customer_number(number)
            if not number.startswith("+"):
                raise SimulatorError("A withheld number cannot be dialled")
            return self._begin(OutboundCall(self, extension, number))

    def internal(self, caller: str, callee: str) -> Call:
        """Let one desk call another."""
        with self.lock:
            self._must_be_free(caller)
            self._must_be_online(callee)
            if caller == callee:
                raise SimulatorError("A desk cannot call itself")
            return self._begin(InternalCall(self, caller, callee))

    def callback(self, extension: str, number: str, predicted: bool) -> None:
        """Order a call that rings the extension first (last, if ``predicted``)."""
        outside = customer_number(number)
        self.after(
            self.settings.callback_seconds,
            lambda: self._begin(CallbackCall(self, extension, outside, predicted)),
        )

    def act(self, call_id: str, action: str, *arguments: str) -> None:
        """Do what people do in a call: answer, hang_up, transfer or choose."""
        with self.lock:
            call = self.call(call_id)
            if call.ended is not None:
                raise SimulatorError(f"Call {call_id} has ended")
            getattr(call, action)(*arguments)
        self._changes.announce()

    # What it knows ----------------------------------------------------------------------------

    def call(self, call_id: str) -> Call:
        """Return the call of that id."""
        if call_id not in self.calls:
            raise SimulatorError(f"There is no call {call_id!r}")
        return self.calls[call_id]

    def open_calls(self) -> list[Call]:
        """Return the calls that have not ended, oldest first."""
        with self.lock:
            return [call for call in self.calls.values() if call.ended is None]

    def extension(self, number: str) -> Extension:
        """Return the extension of that number."""
        if number not in self.extensions:
            raise SimulatorError(f"There is no extension {number!r}")
        return self.extensions[number]

    def customer_name(self, number: str) -> str:
        """Return the name of the customer who has ``number``, or an empty string."""
        with self.lock:
            return next((c.name for c in self.customers if c.number == number), "")

    def local_time(self, moment: float) -> str:
        """Write a time (seconds since 1970) as the provider does, in the account's zone."""
        return datetime.fromtimestamp(moment, ZoneInfo(self.settings.zone)).strftime(TIME_FORMAT)

    def utc_offset(self) -> str:
        """Return the account's zone as the provider writes it, such as ``UTC+3``."""
        now = datetime.fromtimestamp(self.clock.now(), ZoneInfo(self.settings.zone))
        offset = now.utcoffset()
        minutes = round(offset.total_seconds() / 60) if offset else 0
        hours, rest = divmod(abs(minutes), 60)
        return f"UTC{'-' if minutes < 0 else '+'}{hours}" + (f":{rest:02d}" if rest else "")

    def moment(self, text: str) -> float:
        """Read a time of the account's zone; return seconds since 1970."""
        local = datetime.strptime(text, TIME_FORMAT).replace(tzinfo=ZoneInfo(self.settings.zone))
        return local.astimezone(timezone.utc).timestamp()

    # For calls --------------------------------------------------------------------------------

    def new_call_id(self, prefix: str) -> str:
        """Return a new pbx_call_id."""
        return f"{prefix}_{self._chance.getrandbits(160):040x}"

    def new_recording_id(self) -> str:
        """Return a new id of a recording or leg: its start and a number, like Asterisk's."""
        return f"{int(self.clock.now())}.{next(self._ids)}"

    def wire_number(self, number: str) -> str:
        """Return a caller's number as notifications have it."""
        return number if self.settings.plus else number.lstrip("+")

    def after(self, seconds: float, action: Callable[[], object]) -> Timer:
        """Do something later, with the lock held."""

        def act() -> None:
            with self.lock:
                # Somebody may have picked up between the timer's end and this lock.
                if not timer.cancelled:
                    action()
            self._changes.announce()

        with self.lock:
            timer = self.clock.after(seconds, act)
        return timer

    def record(self, call: Call, leg: Leg) -> None:
        """Have the recording of a finished leg ready a little later."""
        seconds = self.clock.between(leg.answered or leg.started, leg.ended or leg.started)
        recording = Recording(leg.recording, call.wire_id, leg.extension, seconds)
        self.after(self.settings.record_seconds, lambda: self._recorded(call, recording))

    def notify(self, event: str, fields: dict[str, str], call_id: str, answered: Answered | None = None) -> None:
        """Send a notification of a call, if that kind is switched on and there is a URL."""
        switch = self.settings.notifications.get(event.lower(), True)
        if self.settings.webhook_url and switch:
            url = self.settings.webhook_url
            self._courier.post(Notice(event, fields, url, call_id, answered=self._locked(answered)))
        elif answered:
            answered(None, "")

    def notify_other(self, event: str, fields: dict[str, str], multipart: bool = False) -> None:
        """Send an event that is not part of a call, if its hook is switched on."""
        if self.settings.events_url and self.settings.hooks.get(event.lower()):
            self._courier.post(Notice(event, fields, self.settings.events_url, event, multipart))

    def clear(self) -> None:
        """Forget all calls, recordings and history."""
        with self.lock:
            for call in self.calls.values():
                # The answer to a NOTIFY_START on its way must not wake the call up.
                call.ended = call.ended or self.clock.now()
            self.calls.clear()
            self.recordings.clear()
            self.history.clear()
            self.corrections.clear()

    def _begin(self, call: CallType) -> CallType:
        self.calls[call.id] = call
        call.start()
        self._changes.announce()
        return call

    def _recorded(self, call: Call, recording: Recording) -> None:
        self.recordings[recording.id] = recording
        self.notify(
            "NOTIFY_RECORD",
            {"call_id_with_rec": recording.id, "pbx_call_id": recording.call},
            call.id,
        )
        if self.extension(recording.extension).speech_recognition == "all":
            self.recognize(recording)

    def recognize(self, recording: Recording, language: str = "") -> None:
        """Begin to write down what is said in a recording; asking again matters only where that failed."""
        done, failed = recording.recognized_at, self.settings.recognition_result == "error"
        if done is not None and not (failed and done <= self.clock.now()):
            return
        recording.language = language
        recording.recognized_at = self.clock.now() + self.settings.recognition_seconds
        self.after(self.settings.recognition_seconds, lambda: self._tell_recognized(recording))

    def _tell_recognized(self, recording: Recording) -> None:
        if self.settings.recognition_result == "error":
            return
        spoken = result_text(speech(recording.seconds, self.settings.recognition_result))
        fields = {"lang": recording.language, "call_id": recording.id, "pbx_call_id": recording.call, "result": spoken}
        self.notify_other("SPEECH_RECOGNITION", fields)

    def _locked(self, answered: Answered | None) -> Answered | None:
        if answered is None:
            return None

        def act(status: int | None, body: str) -> None:
            with self.lock:
                answered(status, body)
            self._changes.announce()

        return act

    def _must_be_online(self, number: str) -> None:
        if not self.extension(number).online:
            raise SimulatorError(f"No phone is registered at {number}")

    def _must_be_free(self, number: str) -> None:
        self._must_be_online(number)
        for call in self.open_calls():
            if any(leg.extension == number and leg.state != RINGING for leg in call.open_legs()):
                raise SimulatorError(f"{number} is already in a call")


def customer_number(text: str) -> str:
    """Return an outside number as E.164 with plus sign; a word or nothing withholds it."""
    text = text.strip()
    if not text or text.isalpha():
        return text
    number = "+" + _BLANKS.sub("", text).lstrip("+")
    if not _E164.fullmatch(number):
        raise SimulatorError(f"{text!r} is no telephone number")
    return number
