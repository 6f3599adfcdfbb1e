"""The control API under ``/sim/``: what the page and tests in browsers use."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request, Response

from .calls import Call
from .exchange import Exchange
from .faults import API_FAULTS, WEBHOOK_FAULTS
from .outbound import InternalCall
from .scenarios import SCENARIOS
from .settings import (
    CALLBACK_LEG1_DESTINATIONS,
    CALLBACK_MODES,
    INTERNAL_CALL_MODES,
    RECOGNITION_RESULTS,
    SimulatorError,
)

if TYPE_CHECKING:
    from .core import Simulator

Data = dict[str, Any]

_LONGEST_WAIT = 25.0
_CALLS_SHOWN = 50


class Control:
    """Answers requests to ``/sim/<command>``: GET reads, POST acts, both speak JSON."""

    def __init__(self, simulator: Simulator):
        self._simulator = simulator
        self._reads: dict[str, Callable[[Data], Any]] = {
            "state": self._state,
            "log": self._log,
            "calls": self._calls,
        }
        self._acts: dict[str, Callable[..., Any]] = {
            "call_in": self._begins(simulator.call_in),
            "dial": self._begins(simulator.dial),
            "internal": self._begins(simulator.internal),
            "answer": simulator.answer,
            "hang_up": simulator.hang_up,
            "transfer": simulator.transfer,
            "choose": simulator.choose,
            "play": simulator.play,
            "text_in": simulator.text_in,
            "advance": simulator.advance,
            "finish": simulator.finish,
            "settings": simulator.set,
            "extension": simulator.set_extension,
            "add_customer": lambda **data: asdict(simulator.add_customer(**data)),
            "remove_customer": simulator.remove_customer,
            "add_history": simulator.add_history,
            "add_row": simulator.add_row,
            "correct": simulator.correct,
            "api_fault": lambda **data: asdict(simulator.api_fault(**data)),
            "webhook_fault": lambda **data: asdict(simulator.webhook_fault(**data)),
            "remove_fault": self._remove_fault,
            "clear_faults": self._clear_faults,
            "clear_log": simulator.log.clear,
            "begin_minute": simulator.begin_minute,
            "reset": simulator.reset,
        }

    def answer(self, request: Request, path: str) -> Response:
        """Answer one request."""
        command = path.removeprefix("/sim/").strip("/")
        try:
            if request.method == "GET" and command in self._reads:
                return _json(self._reads[command](request.args.to_dict()))
            if request.method == "POST" and command in self._acts:
                return _json(self._act(command, request) or {"status": "done"})
        except SimulatorError as error:
            return _json({"error": str(error)}, 400)
        return _json({"error": f"There is no {request.method} {path}"}, 404)

    def _act(self, command: str, request: Request) -> Any:
        # Pages of other sites can send forms here, but JSON only after asking, which fails.
        if request.mimetype != "application/json":
            raise SimulatorError("Send a JSON object, with Content-Type application/json")
        try:
            data = json.loads(request.get_data() or b"{}")
            return self._acts[command](**data)
        except (TypeError, ValueError) as error:
            raise SimulatorError(str(error)) from None

    @staticmethod
    def _begins(start: Callable[..., str]) -> Callable[..., Data]:
        return lambda **data: {"call": start(**data)}

    def _remove_fault(self, side: str, id: int) -> None:
        faults = {"api": self._simulator.api_faults, "webhook": self._simulator.webhook_faults}
        if side not in faults:
            raise SimulatorError("side must be api or webhook")
        faults[side].remove(id)
        self._simulator.changes.announce()

    def _clear_faults(self) -> None:
        self._simulator.api_faults.clear()
        self._simulator.webhook_faults.clear()
        self._simulator.changes.announce()

    def _log(self, data: Data) -> list[Data]:
        entries = self._simulator.log.entries(_whole(data, "after"), data.get("direction", ""))
        return [entry.as_dict() for entry in entries]

    def _calls(self, _data: Data | None = None) -> list[Data]:
        """Return the last calls, and all that have not ended, oldest first."""
        exchange = self._simulator.exchange
        with exchange.lock:
            calls = list(exchange.calls.values())
            running = [call for call in calls[:-_CALLS_SHOWN] if call.ended is None]
            return [_call(exchange, call) for call in running + calls[-_CALLS_SHOWN:]]

    def _state(self, data: Data) -> Data:
        """Return everything the page shows; with ``version`` and ``wait``, once that changed."""
        simulator, exchange = self._simulator, self._simulator.exchange
        version = simulator.changes.version
        if "version" in data:
            wait = min(_whole(data, "wait"), _LONGEST_WAIT)
            version = simulator.changes.wait(_whole(data, "version"), wait)
        with exchange.lock:
            return {
                "version": version,
                "now": exchange.clock.now(),
                "speed": simulator.speed,
                "stepped": exchange.clock.stepped,
                "settings": asdict(simulator.settings),
                "extensions": [asdict(each) for each in exchange.extensions.values()],
                "customers": [asdict(each) for each in exchange.customers],
                "direct_numbers": exchange.direct_numbers,
                "calls": self._calls(),
                "faults": {"api": simulator.api_faults.as_list(), "webhook": simulator.webhook_faults.as_list()},
                "log_first": simulator.log.first_id(),
                "choices": _CHOICES,
            }


_CHOICES: Data = {
    "api_faults": API_FAULTS,
    "webhook_faults": WEBHOOK_FAULTS,
    "scenarios": list(SCENARIOS),
    "callback_mode": CALLBACK_MODES,
    "callback_leg1_destination": CALLBACK_LEG1_DESTINATIONS,
    "internal_calls_as": INTERNAL_CALL_MODES,
    "recognition_result": RECOGNITION_RESULTS,
}


def _call(exchange: Exchange, call: Call) -> Data:
    """Return a call as plain JSON data."""
    return {
        "id": call.id,
        "direction": call.direction,
        "number": call.number,
        "name": exchange.customer_name(call.number) if call.number else "",
        "caller_name": call.caller_name,
        "did": getattr(call, "did", ""),
        "state": call.state(),
        "customer": "" if isinstance(call, InternalCall) else call.customer_state(),
        "started": call.started,
        "answered": call.answered,
        "ended": call.ended,
        "duration": call.duration(),
        "disposition": call.disposition,
        "note": call.note,
        "legs": [asdict(leg) for leg in call.legs],
    }


def _whole(data: Data, name: str) -> int:
    text = data.get(name, "0")
    if not text.isdigit():
        raise SimulatorError(f"{name} must be a whole number")
    return int(text)


def _json(data: Any, status: int = 200) -> Response:
    return Response(json.dumps(data), status, mimetype="application/json")
