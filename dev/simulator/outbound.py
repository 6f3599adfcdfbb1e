"""Calls that start inside: dialled on a desk, ordered by callback, or from desk to desk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .calls import (
    CALLING,
    CUSTOMER,
    DONE,
    NO_ANSWER,
    NORMAL,
    RINGING,
    TALKING,
    USER_BUSY,
    Call,
    Leg,
    transfer_fields,
)
from .settings import SimulatorError

if TYPE_CHECKING:
    from .exchange import Exchange


@dataclass
class Trunk:
    """One outgoing leg as the notifications tell of it."""

    id: str
    started: float
    calltype: str
    destination: str
    answered: float | None = None


class OutboundCall(Call):
    """An extension calls somebody outside."""

    direction = "out"
    prefix = "out"

    def __init__(self, exchange: Exchange, extension: str, number: str):
        super().__init__(exchange, number)
        self.extension = extension
        self.trunks: list[Trunk] = []

    def start(self) -> None:
        """Dial."""
        self.legs.append(Leg(self.extension, CALLING, self.started))
        self._dial()

    def answer(self, party: str) -> None:
        """Let the customer, or an extension the call is transferred to, pick up."""
        if party != CUSTOMER:
            super().answer(party)
            return
        if self.customer_state() != RINGING:
            raise SimulatorError(f"The customer's telephone does not ring in call {self.id}")
        self._stop_waiting()
        self._connect(self.open_leg(self.extension, CALLING))

    def hang_up(self, by: str) -> None:
        """Let the customer or an extension hang up, or refuse to pick up."""
        if by != CUSTOMER and self.answered is None:
            refused = self.open_leg(by).state == RINGING
            self.end(*(("busy", USER_BUSY) if refused else ("cancel", NORMAL)))
        else:
            super().hang_up(by)

    def customer_state(self) -> str:
        """Return what the customer's telephone does."""
        if self.ended is not None:
            return DONE
        if self.answered:
            return TALKING
        return RINGING if self.trunks else "idle"

    @property
    def wire_id(self) -> str:
        """The pbx_call_id under which the talk itself and its recording are known."""
        return self.trunks[-1].id if self.trunks else self.id

    def _customer_hangs_up(self) -> None:
        if self.answered:
            self.end("answered", NORMAL)
        else:
            self.end("busy", USER_BUSY)

    def _dial(self, calltype: str = "normal", trunk_id: str = "") -> None:
        """Let the customer's telephone ring."""
        self._open_trunk(calltype, trunk_id or self.id, self.number)
        self._wait(self.exchange.settings.ring_seconds, lambda: self.end("no answer", NO_ANSWER))
        if self.exchange.settings.answer_seconds is not None:
            self.exchange.after(self.exchange.settings.answer_seconds, self._answer_by_itself)

    def _answer_by_itself(self) -> None:
        if self.customer_state() == RINGING:
            self.answer(CUSTOMER)

    def _connect(self, leg: Leg) -> None:
        now = self.exchange.clock.now()
        leg.state, leg.answered = TALKING, now
        if self.exchange.extension(leg.extension).recording:
            leg.recording = self.exchange.new_recording_id()
        self.answered = self.trunks[-1].answered = now
        self._notify_trunk_answer(self.trunks[-1], self.trunks[-1].destination)

    def _open_trunk(self, calltype: str, trunk_id: str, destination: str) -> None:
        trunk = Trunk(trunk_id, self.exchange.clock.now(), calltype, destination)
        self.trunks.append(trunk)
        self.exchange.notify("NOTIFY_OUT_START", self._trunk_fields(trunk, True), self.id)

    def _trunk_fields(self, trunk: Trunk, e164: bool = False) -> dict[str, str]:
        fields = {
            "call_start": self._start_of(trunk.started),
            "pbx_call_id": trunk.id,
            "internal": self.extension,
            "destination": trunk.destination,
            "caller_id": self.exchange.extension(self.extension).caller_id or "0",
            **self._normal(trunk.calltype),
        }
        if e164 and self.exchange.settings.undocumented_fields:
            fields["dst_e164"] = trunk.destination.lstrip("+")
        return fields

    def _notify_trunk_answer(self, trunk: Trunk, destination: str) -> None:
        fields = self._trunk_fields(trunk, True)
        self._notify("NOTIFY_ANSWER", {**fields, "destination": destination})

    def _notify_internal(self, leg: Leg) -> None:
        trunk = self.trunks[-1]
        self._notify(
            "NOTIFY_INTERNAL",
            {
                "call_start": self._start_of(trunk.started),
                "pbx_call_id": trunk.id,
                "caller_id": self.exchange.wire_number(self.number),
                "called_did": self.exchange.extension(self.extension).caller_id,
                "internal": leg.extension,
                **transfer_fields(leg),
                **self._normal(),
            },
        )

    def _notify_answer(self, leg: Leg) -> None:
        trunk = self.trunks[-1]
        self._notify(
            "NOTIFY_ANSWER",
            {
                "caller_id": self.exchange.wire_number(self.number),
                "destination": leg.extension,
                "call_start": self._start_of(trunk.started),
                "pbx_call_id": trunk.id,
                "internal": leg.extension,
                **transfer_fields(leg),
                **self._normal(),
            },
        )

    def _notify_end(self) -> None:
        for trunk in self.trunks:
            self._notify_trunk_end(trunk)

    def _notify_trunk_end(self, trunk: Trunk) -> None:
        recording = self._end_recording() if trunk is self.trunks[-1] else ""
        self._notify(
            "NOTIFY_OUT_END",
            {
                **self._trunk_fields(trunk),
                **self._outcome_fields(recording),
            },
        )

    def _end_recording(self) -> str:
        """Return the last recording's id; like the provider's, it is there without an answer."""
        recordings = [leg.recording for leg in self._talked() if leg.recording]
        if recordings:
            return recordings[-1]
        recorded = self.answered is None and self.exchange.extension(self.extension).recording
        return self.exchange.new_recording_id() if recorded else ""


class CallbackCall(OutboundCall):
    """Ordered by API: the extension rings first, the customer once it was lifted.

    ``predicted`` turns that around. How the notifications tell of the two legs is undocumented;
    the setting ``callback_mode`` has the variants that were seen.
    """

    def __init__(self, exchange: Exchange, extension: str, number: str, predicted: bool):
        super().__init__(exchange, extension, number)
        self.predicted = predicted
        self.mode = "single" if predicted else exchange.settings.callback_mode
        self._customer_waits = False

    def start(self) -> None:
        """Ring the first party."""
        if self.predicted:
            self._dial()
            return
        self._ring_desk()
        if self.mode != "single":
            calltype = "callback_leg1" if self.mode == "shared" else "normal"
            self._open_trunk(calltype, self.id, self._leg1_destination())

    def answer(self, party: str) -> None:
        """Let the first party pick up, which rings the second, or connect the two."""
        if party == CUSTOMER and self.predicted and self.customer_state() == RINGING:
            self._customer_waits = True
            self.trunks[-1].answered = self.exchange.clock.now()
            self._ring_desk()
        elif party == self.extension and self.answered is None:
            self._desk_answers(self.open_leg(party, RINGING))
        else:
            super().answer(party)

    def customer_state(self) -> str:
        """Return what the customer's telephone does."""
        if self.ended is None and self.answered is None:
            if self._customer_waits:
                return CALLING
            if not self.predicted and not self._desk_lifted():
                return "idle"
        return super().customer_state()

    def _desk_lifted(self) -> bool:
        return any(leg.state == CALLING for leg in self.legs)

    def _customer_hangs_up(self) -> None:
        if self._customer_waits and not self.answered:
            self.end("cancel", NORMAL)
        else:
            super()._customer_hangs_up()

    def _ring_desk(self) -> None:
        if not self.exchange.extension(self.extension).online:
            self._wait(0, lambda: self.end("failed", NO_ANSWER))
            return
        self.legs.append(Leg(self.extension, RINGING, self.exchange.clock.now()))
        self._wait(self.exchange.settings.ring_seconds, lambda: self.end("no answer", NO_ANSWER))

    def _desk_answers(self, leg: Leg) -> None:
        self._stop_waiting()
        if self.predicted:
            self._connect(leg)
            return
        leg.state = CALLING
        if self.mode == "single":
            self._dial()
            return
        self.trunks[0].answered = self.exchange.clock.now()
        self._notify_trunk_answer(self.trunks[0], self.extension)
        shared = self.mode == "shared"
        self._dial(
            "callback_leg2" if shared else "normal",
            self.id if shared else self.exchange.new_call_id(self.prefix),
        )

    def _leg1_destination(self) -> str:
        if self.exchange.settings.callback_leg1_destination == "extension":
            return self.extension
        return self.number

    def _notify_trunk_end(self, trunk: Trunk) -> None:
        if trunk is self.trunks[-1]:
            super()._notify_trunk_end(trunk)
            return
        # The first leg ends on its own account: the desk did answer, whatever the customer did.
        now = self.exchange.clock.now()
        seconds = self.exchange.clock.between(trunk.answered or now, now)
        self._notify(
            "NOTIFY_OUT_END",
            {
                **self._trunk_fields(trunk),
                "duration": str(round(seconds)),
                "disposition": "answered",
                "status_code": str(NORMAL),
                "is_recorded": "0",
            },
        )


class InternalCall(Call):
    """From desk to desk. Which notifications it brings is undocumented; a setting has both ways."""

    direction = "internal"

    def __init__(self, exchange: Exchange, caller: str, callee: str):
        self.outbound = exchange.settings.internal_calls_as == "outbound"
        self.prefix = "out" if self.outbound else "in"
        super().__init__(exchange, "")
        self.caller, self.callee = caller, callee

    def start(self) -> None:
        """Ring the other desk."""
        self.legs.append(Leg(self.caller, CALLING, self.started))
        if self.outbound:
            self._notify("NOTIFY_OUT_START", self._fields("internal", "destination"))
        self._ring_leg(self.callee)
        self._wait(self.exchange.settings.ring_seconds, lambda: self.end("no answer", NO_ANSWER))

    def answer(self, party: str) -> None:
        """Let the called desk pick up."""
        leg = self.open_leg(party, RINGING)
        self._stop_waiting()
        self.answered = self.exchange.clock.now()
        for each in self.open_legs():
            each.state, each.answered = TALKING, self.answered
        self._notify_answer(leg)

    def hang_up(self, by: str) -> None:
        """Let one of the two hang up, or the called one refuse."""
        refused = self.open_leg(by).state == RINGING
        if self.answered:
            self.end("answered", NORMAL)
        else:
            self.end(*(("busy", USER_BUSY) if refused else ("cancel", NORMAL)))

    def transfer(self, source: str, target: str, transfer_type: str) -> None:
        """Refuse: nothing is known of what the provider would tell about it."""
        raise SimulatorError("Internal calls cannot be transferred here")

    def _fields(self, own: str, other: str) -> dict[str, str]:
        return {
            "call_start": self._start_of(self.started),
            "pbx_call_id": self.id,
            "caller_id": self.caller,
            own: self.caller,
            other: self.callee,
            **self._normal(),
        }

    def _notify_internal(self, leg: Leg) -> None:
        if not self.outbound:
            self._notify("NOTIFY_INTERNAL", {**self._fields("caller_id", "called_did"), "internal": leg.extension})

    def _notify_answer(self, leg: Leg) -> None:
        self._notify("NOTIFY_ANSWER", {**self._fields("caller_id", "destination"), "internal": leg.extension})

    def _notify_end(self) -> None:
        if self.outbound:
            fields = self._fields("internal", "destination")
            event = "NOTIFY_OUT_END"
        else:
            fields = {**self._fields("caller_id", "called_did"), "internal": self.callee}
            event = "NOTIFY_END"
        self._notify(event, {**fields, **self._outcome_fields("")})
