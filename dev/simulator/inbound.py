"""A call from outside: the answer to NOTIFY_START decides where it rings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .calls import NO_ANSWER, NORMAL, USER_BUSY, Call, Leg, transfer_fields
from .replies import read_reply
from .settings import SimulatorError

if TYPE_CHECKING:
    from .exchange import Exchange


class InboundCall(Call):
    """Greeting or menu, then the extensions of the ring group all at once."""

    def __init__(self, exchange: Exchange, number: str, did: str, ring_group: Sequence[str], menu: bool):
        super().__init__(exchange, number)
        self.did = did
        self.ring_group = list(ring_group)
        self.menu = menu  # the caller stays in the menu until he chooses
        self.in_menu = False
        self._returns = False  # redirected, and goes back to the menu if nobody answers

    def start(self) -> None:
        """Ask the webhook where to, then ring."""
        self._notify("NOTIFY_START", self._call_fields(), self._route)

    def choose(self) -> None:
        """Let the caller in the menu press the key that rings the extensions."""
        if not self.in_menu:
            raise SimulatorError(f"The caller of {self.id} is not in the menu")
        self._ring_group()

    def state(self) -> str:
        """Return the call's state in one word, for people."""
        return "menu" if self.in_menu and self.ended is None else super().state()

    def end(self, disposition: str, status_code: int) -> None:
        """End the call for everybody and tell the webhook."""
        self.in_menu = False
        super().end(disposition, status_code)

    def _route(self, status: int | None, body: str) -> None:
        if self.ended is not None:  # the caller did not wait for the answer
            return
        reply = read_reply(status, body, self.exchange.extensions)
        self.caller_name, self.note = reply.caller_name, reply.problem
        if reply.blacklist:
            self.note = "blacklisted"
            self.end("busy", USER_BUSY)
        elif reply.hangup:
            self.note = "hung up as asked for"
            self.end("cancel", NORMAL)
        elif reply.extension:
            self.note = f"redirected to {reply.extension}"
            self._returns = reply.return_seconds > 0
            self._ring([reply.extension], reply.return_seconds or self.exchange.settings.ring_seconds)
        else:
            self._enter_menu()

    def _enter_menu(self) -> None:
        self._returns = False
        self.in_menu = True
        if self.menu:
            return
        if self.exchange.settings.menu_seconds:
            self._wait(self.exchange.settings.menu_seconds, self._ring_group)
        else:
            self._ring_group()

    def _ring_group(self) -> None:
        self._ring(self.ring_group, self.exchange.settings.ring_seconds)

    def _ring(self, extensions: Sequence[str], seconds: float) -> None:
        self.in_menu = False
        online = [number for number in extensions if self.exchange.extension(number).online]
        for number in online:
            self._ring_leg(number)
        # Without a registered phone nothing rings; let the caller's answer come the same way.
        self._wait(seconds if online else 0, self._nobody_answers)

    def _nobody_answers(self) -> None:
        for leg in self.open_legs():
            self._close(leg)
        if self._returns:
            self._enter_menu()
        else:
            self.end("no answer", NO_ANSWER)

    def _all_refused(self) -> None:
        if self._returns:
            self._stop_waiting()
            self._enter_menu()
        else:
            super()._all_refused()

    def _call_fields(self) -> dict[str, str]:
        return {
            "call_start": self._start_of(self.started),
            "pbx_call_id": self.id,
            "caller_id": self.exchange.wire_number(self.number),
            "called_did": self.did,
        }

    def _notify_internal(self, leg: Leg) -> None:
        self._notify("NOTIFY_INTERNAL", self._internal_fields(leg))

    def _close(self, leg: Leg) -> None:
        super()._close(leg)
        if self.exchange.settings.internal_end_events:
            self._notify("NOTIFY_INTERNAL_END", self._internal_fields(leg))

    def _internal_fields(self, leg: Leg) -> dict[str, str]:
        return {
            **self._call_fields(),
            "internal": leg.extension,
            **transfer_fields(leg),
            **self._normal(),
        }

    def _notify_answer(self, leg: Leg) -> None:
        self._notify(
            "NOTIFY_ANSWER",
            {
                "caller_id": self.exchange.wire_number(self.number),
                "destination": leg.extension,
                "call_start": self._start_of(self.started),
                "pbx_call_id": self.id,
                "internal": leg.extension,
                **transfer_fields(leg),
                **self._normal(),
            },
        )

    def _notify_end(self) -> None:
        talked = self._talked()
        rang = {leg.extension for leg in self.legs}
        internal: dict[str, str] = {}
        if talked:
            internal = {"internal": talked[0].extension, "last_internal": talked[-1].extension}
        elif len(rang) == 1:
            internal = dict.fromkeys(("internal", "last_internal"), *rang)
        recordings = [leg.recording for leg in talked if leg.recording]
        self._notify(
            "NOTIFY_END",
            {
                **self._call_fields(),
                **internal,
                **self._outcome_fields(recordings[-1] if recordings else ""),
                **self._normal(),
            },
        )
