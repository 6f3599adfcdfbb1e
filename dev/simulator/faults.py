"""Faults that can be switched on, for the API and for notifications.

A fault names what it hits (a shell pattern), how often and how likely. Chance comes from the
simulator's seeded generator, so a seed always gives the same run.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Any

from .settings import SimulatorError

API_FAULTS: dict[str, str] = {
    "rate_limit": "HTTP 429, as documented",
    "rate_limit_200": "HTTP 200 with status error and the text of the rate limit",
    "unauthorized": "HTTP 401",
    "error_500": "HTTP 500 with an empty body",
    "html_502": "HTTP 502 with a proxy's HTML page",
    "garbage": "HTTP 200 with bytes that are no JSON",
    "truncated": "HTTP 200 with the first half of the JSON, complete as HTTP",
    "wrong_types": "numbers as strings, strings as numbers, empty objects as lists",
    "not_found": "HTTP 404, as for a recording that is not ready, or behind a link that is too old",
    "page": "HTTP 200 with a page of HTML, whatever was asked for",
    "huge": "HTTP 200 and the beginning of the right answer, said to be 300 MB, on and on",
    "slow": "the right answer after some seconds",
    "drip": "the right answer one byte at a time, spread over some seconds",
    "cut": "the connection is cut after half of the answer",
    "reset": "the connection is reset without an answer",
    "hang": "no answer; the connection stays open for some seconds",
}
WEBHOOK_FAULTS: dict[str, str] = {
    "duplicate": "sent twice, one after the other",
    "reorder": "sent after the next notification of the same call",
    "delay": "sent some seconds later; the call does not wait for it",
    "drop": "never sent",
}
_DEFAULT_SECONDS = {"slow": 5.0, "drip": 10.0, "hang": 60.0, "delay": 10.0}


@dataclass
class Fault:
    """One switched-on fault."""

    kind: str
    pattern: str = "*"  # API: of "GET /v1/info/balance/" or the path; webhooks: of the event
    seconds: float = 0.0  # real for the API, simulated for notifications
    probability: float = 1.0
    times: int | None = None  # how often it still strikes; None: until switched off
    id: int = 0

    def hits(self, names: Iterable[str]) -> bool:
        """Tell whether the fault is meant for something of one of these names."""
        return self.times != 0 and any(fnmatchcase(name, self.pattern) for name in names)


class FaultList:
    """The switched-on faults of one side; the first that fits strikes."""

    def __init__(self, kinds: dict[str, str], chance: random.Random):
        self._kinds = kinds
        self._chance = chance
        self._faults: list[Fault] = []
        self._last_id = 0
        self._lock = threading.Lock()

    def add(
        self,
        kind: str,
        pattern: str = "*",
        seconds: float | None = None,
        probability: float = 1.0,
        times: int | None = None,
    ) -> Fault:
        """Switch a fault on."""
        if kind not in self._kinds:
            raise SimulatorError(f"{kind!r} is not a fault; there are {', '.join(self._kinds)}")
        if seconds is None:
            seconds = _DEFAULT_SECONDS.get(kind, 0.0)
        with self._lock:
            self._last_id += 1
            fault = Fault(kind, pattern, float(seconds), float(probability), times, self._last_id)
            self._faults.append(fault)
        return fault

    def remove(self, fault_id: int) -> None:
        """Switch one fault off."""
        with self._lock:
            self._faults = [fault for fault in self._faults if fault.id != fault_id]

    def clear(self) -> None:
        """Switch all faults off."""
        with self._lock:
            self._faults.clear()

    def strike(self, *names: str) -> Fault | None:
        """Return the fault that strikes something of these names, and use it up by one."""
        with self._lock:
            for fault in self._faults:
                # The generator is asked only for faults that may strike: a run stays the same
                # whatever else passes by.
                if fault.hits(names) and self._chance.random() < fault.probability:
                    if fault.times is not None:
                        fault.times -= 1
                    return fault
        return None

    def as_list(self) -> list[dict[str, Any]]:
        """Return all faults, used up ones included, as plain JSON data."""
        with self._lock:
            return [asdict(fault) for fault in self._faults]


def wrong_types(value: Any) -> Any:
    """Return ``value`` with the types of its parts mixed up, as a loosely typed server may."""
    if isinstance(value, dict):
        # PHP writes an empty array for an empty object.
        return {key: wrong_types(item) for key, item in value.items()} or []
    if isinstance(value, list):
        return {str(index): wrong_types(item) for index, item in enumerate(value)}
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value, int(value) if value.isdigit() else value)
    return value
