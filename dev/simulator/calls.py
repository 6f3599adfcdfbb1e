"""What all calls have in common: legs at extensions, answering, transfers, the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .settings import SimulatorError

if TYPE_CHECKING:
    from .exchange import Exchange

# States of a leg
RINGING = "ringing"
CALLING = "calling"  # off the hook, waiting for the other side
TALKING = "talking"
DONE = "done"

CUSTOMER = "customer"

# Causes of Q.931, sent as status_code
NORMAL = 16
USER_BUSY = 17
NO_ANSWER = 19


@dataclass
class Leg:
    """An extension's share of a call. Times are seconds since 1970."""

    extension: str
    state: str
    started: float
    answered: float | None = None
    ended: float | None = None
    transfer_from: str = ""
    transfer_type: str = ""
    recording: str = ""  # id of the recording, if this leg is recorded


class Call:
    """A call; the subclasses know how it goes and which notifications it sends.

    All methods are called with the exchange's lock held.
    """

    direction = "in"
    prefix = "in"

    def __init__(self, exchange: Exchange, number: str):
        self.exchange = exchange
        self.number = number  # of the party outside, as seeded or dialled
        self.id = exchange.new_call_id(self.prefix)
        self.started = exchange.clock.now()
        self.answered: float | None = None
        self.ended: float | None = None
        self.disposition = ""
        self.status_code = 0
        self.caller_name = ""  # shown on the desks, from the answer to NOTIFY_START
        self.note = ""
        self.legs: list[Leg] = []
        self._timer: Any = None

    # What people do ---------------------------------------------------------------------------

    def start(self) -> None:
        """Begin the call."""
        raise NotImplementedError

    def answer(self, party: str) -> None:
        """Let an extension, or the customer who is being called, pick up."""
        leg = self.open_leg(party, RINGING)
        now = self.exchange.clock.now()
        self._stop_waiting()
        for other in self.open_legs():
            if other is not leg:
                self._close(other)
        leg.state, leg.answered = TALKING, now
        if self.exchange.extension(party).recording:
            leg.recording = self.exchange.new_recording_id()
        self.answered = self.answered or now
        self._notify_answer(leg)

    def hang_up(self, by: str) -> None:
        """Let the customer or an extension hang up, or refuse to pick up."""
        if by == CUSTOMER:
            self._customer_hangs_up()
            return
        leg = self.open_leg(by)
        ringing = leg.state == RINGING
        self._close(leg)
        if ringing and self.answered:
            self._stop_waiting()  # for the target of a transfer
        if self.open_legs():
            return
        if self.answered:
            self.end("answered", NORMAL)
        else:
            self._all_refused()

    def transfer(self, source: str, target: str, transfer_type: str) -> None:
        """Let ``source`` hand the call over to ``target``; ``blind`` does not wait for it."""
        leg = self.open_leg(source, TALKING)
        extension = self.exchange.extension(target)
        if any(other.extension == target for other in self.open_legs()):
            raise SimulatorError(f"{target} already takes part in this call")
        if not extension.online:
            raise SimulatorError(f"No phone is registered at {target}")
        if transfer_type == "blind":
            self._close(leg)
        self._ring_leg(target, transfer_from=source, transfer_type=transfer_type)
        self._wait(self.exchange.settings.ring_seconds, lambda: self.hang_up(target))

    # What follows -----------------------------------------------------------------------------

    def end(self, disposition: str, status_code: int) -> None:
        """End the call for everybody and tell the webhook."""
        self._stop_waiting()
        self.ended = self.exchange.clock.now()
        self.disposition, self.status_code = disposition, status_code
        for leg in self.open_legs():
            self._close(leg)
        self._notify_end()
        for leg in self.legs:
            if leg.recording and leg.answered:
                self.exchange.record(self, leg)

    @property
    def wire_id(self) -> str:
        """The pbx_call_id under which the talk itself and its recording are known."""
        return self.id

    def open_legs(self) -> list[Leg]:
        """Return the extensions' shares that have not ended."""
        return [leg for leg in self.legs if leg.state != DONE]

    def open_leg(self, extension: str, state: str = "") -> Leg:
        """Return the unfinished leg of ``extension``; complain if it has none in that state."""
        for leg in self.open_legs():
            if leg.extension == extension and state in ("", leg.state):
                return leg
        raise SimulatorError(f"{extension} is not {state or 'active'} in call {self.id}")

    def duration(self) -> int:
        """Return how long people talked, in whole seconds; 0 if nobody answered."""
        if self.answered is None:
            return 0
        until = self.exchange.clock.now() if self.ended is None else self.ended
        return round(self.exchange.clock.between(self.answered, until))

    def state(self) -> str:
        """Return the call's state in one word, for people."""
        if self.ended is not None:
            return DONE
        states = {leg.state for leg in self.open_legs()}
        return next((s for s in (TALKING, RINGING, CALLING) if s in states), "waiting")

    def customer_state(self) -> str:
        """Return what the telephone of the party outside does."""
        return DONE if self.ended is not None else TALKING if self.answered else CALLING

    # For the subclasses -----------------------------------------------------------------------

    def _customer_hangs_up(self) -> None:
        self.end("answered" if self.answered else "cancel", NORMAL)

    def _all_refused(self) -> None:
        self.end("busy", USER_BUSY)

    def _notify_answer(self, leg: Leg) -> None:
        raise NotImplementedError

    def _notify_internal(self, leg: Leg) -> None:
        raise NotImplementedError

    def _notify_end(self) -> None:
        raise NotImplementedError

    def _notify(
        self, event: str, fields: dict[str, str], answered: Callable[[int | None, str], None] | None = None
    ) -> None:
        self.exchange.notify(event, fields, self.id, answered)

    def _ring_leg(self, extension: str, **how: str) -> None:
        leg = Leg(extension, RINGING, self.exchange.clock.now(), **how)
        self.legs.append(leg)
        self._notify_internal(leg)

    def _close(self, leg: Leg) -> None:
        leg.state, leg.ended = DONE, self.exchange.clock.now()

    def _wait(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something later, instead of what was waited for until now."""
        self._stop_waiting()
        self._timer = self.exchange.after(seconds, action)

    def _stop_waiting(self) -> None:
        if self._timer:
            self._timer.cancel()

    def _start_of(self, moment: float) -> str:
        return self.exchange.local_time(moment)

    def _normal(self, calltype: str = "normal") -> dict[str, str]:
        """Return the undocumented field that nearly every notification was seen with."""
        return {"calltype": calltype} if self.exchange.settings.undocumented_fields else {}

    def _talked(self) -> list[Leg]:
        return [leg for leg in self.legs if leg.answered]

    def _outcome_fields(self, recording: str) -> dict[str, str]:
        fields = {
            "duration": str(self.duration()),
            "disposition": self.disposition,
            "status_code": str(self.status_code),
            "is_recorded": "1" if recording else "0",
        }
        if recording:
            fields["call_id_with_rec"] = recording
        return fields


def transfer_fields(leg: Leg) -> dict[str, str]:
    """Return the fields that tell of a transfer, if there was one."""
    if not leg.transfer_from:
        return {}
    return {"transfer_from": leg.transfer_from, "transfer_type": leg.transfer_type}
