"""Whole calls that play by themselves, with the timing of real ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .calls import CUSTOMER
from .settings import SimulatorError

if TYPE_CHECKING:
    from .core import Simulator

# A step: simulated seconds to wait, then what happens. In the arguments, what stands in braces is
# filled in: {call}, {number}, {did}, {to} (a list), {first} and {second} (extensions).
Step = tuple[float, str, tuple[str, ...]]

_IN: Step = (0, "call_in", ("{number}", "{did}", "{to}"))

SCENARIOS: dict[str, list[Step]] = {
    "answered": [_IN, (6, "answer", ("{first}",)), (42, "hang_up", (CUSTOMER,))],
    "missed": [_IN],
    "given_up": [_IN, (9, "hang_up", (CUSTOMER,))],
    "busy": [_IN, (4, "refuse", ())],
    "abandoned": [(0, "call_in_menu", ("{number}", "{did}", "{to}")), (7, "hang_up", (CUSTOMER,))],
    "withheld": [
        (0, "call_in", ("anonymous", "{did}", "{to}")),
        (5, "answer", ("{first}",)),
        (30, "hang_up", ("{first}",)),
    ],
    "transferred": [
        _IN,
        (5, "answer", ("{first}",)),
        (20, "transfer", ("{first}", "{second}")),
        (4, "answer", ("{second}",)),
        (60, "hang_up", (CUSTOMER,)),
    ],
    "outbound": [(0, "dial", ("{first}", "{number}")), (8, "answer", (CUSTOMER,)), (75, "hang_up", ("{first}",))],
    "outbound_no_answer": [(0, "dial", ("{first}", "{number}"))],
    "outbound_refused": [(0, "dial", ("{first}", "{number}")), (5, "hang_up", (CUSTOMER,))],
    "internal": [(0, "internal", ("{first}", "{second}")), (3, "answer", ("{second}",)), (15, "hang_up", ("{first}",))],
}


def play(simulator: Simulator, name: str, arguments: dict[str, Any]) -> None:
    """Begin a scenario.

    :param arguments: any of number, did and to (extensions); the seeded ones by default
    """
    if name not in SCENARIOS:
        raise SimulatorError(f"{name!r} is not a scenario; there are {', '.join(SCENARIOS)}")
    unknown = set(arguments) - {"number", "did", "to"}
    if unknown:
        raise SimulatorError(f"A scenario does not take {', '.join(sorted(unknown))}")
    _Play(simulator, SCENARIOS[name], arguments).next()


class _Play:
    """A running scenario. It stops where the call has ended otherwise than planned."""

    def __init__(self, simulator: Simulator, steps: list[Step], arguments: dict[str, Any]):
        self._simulator = simulator
        self._steps = iter(steps)
        self._call = ""
        exchange = simulator.exchange
        to = list(arguments.get("to") or simulator.settings.ring_group or exchange.extensions)
        self._values: dict[str, Any] = {
            "{number}": arguments.get("number") or exchange.customers[0].number,
            "{did}": arguments.get("did", ""),
            "{to}": to,
            "{first}": to[0],
            "{second}": next((e for e in exchange.extensions if e != to[0]), to[0]),
        }

    def next(self) -> None:
        """Wait for the next step and take it."""
        step = next(self._steps, None)
        if step:
            seconds, action, words = step
            self._simulator.exchange.after(seconds, lambda: self._take(action, words))

    def _take(self, action: str, words: tuple[str, ...]) -> None:
        arguments = [self._values.get(word, word) for word in words]
        try:
            self._actions()[action](*arguments)
        except SimulatorError:
            return
        self.next()

    def _actions(self) -> dict[str, Callable[..., None]]:
        exchange = self._simulator.exchange

        def begin(start: Callable[..., Any], *fixed: Any) -> Callable[..., None]:
            def act(*arguments: Any) -> None:
                self._call = start(*arguments, *fixed).id

            return act

        def act(action: str, *fixed: str) -> Callable[..., None]:
            return lambda *arguments: exchange.act(self._call, action, *arguments, *fixed)

        return {
            "call_in": begin(exchange.call_in, False),
            "call_in_menu": begin(exchange.call_in, True),
            "dial": begin(exchange.dial),
            "internal": begin(exchange.internal),
            "answer": act("answer"),
            "hang_up": act("hang_up"),
            "transfer": act("transfer", "blind"),
            "refuse": self._refuse,
        }

    def _refuse(self) -> None:
        call = self._simulator.exchange.call(self._call)
        for leg in call.open_legs():
            call.hang_up(leg.extension)
