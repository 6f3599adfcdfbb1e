"""The log of what went over the wire, in both directions."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any

WEBHOOK = "webhook"
API = "api"


@dataclass
class Exchanged:
    """One HTTP request and its answer."""

    direction: str  # WEBHOOK: sent by the simulator; API: received by it
    title: str  # the event, or verb and path
    url: str
    request_headers: dict[str, str]
    request_body: str
    fields: dict[str, str] = field(default_factory=dict)
    status: int | None = None  # None: no answer
    response_headers: dict[str, str] = field(default_factory=dict)
    response_body: str = ""
    milliseconds: float = 0.0
    note: str = ""  # what the simulator did on purpose, or what went wrong
    call: str = ""  # pbx_call_id of the call a notification is about
    id: int = 0
    time: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON data."""
        return asdict(self)


class Changes:
    """A version number of the simulator's state on which others can wait."""

    def __init__(self) -> None:
        self.version = 0
        self._condition = threading.Condition()

    def announce(self) -> None:
        """Say that something changed."""
        with self._condition:
            self.version += 1
            self._condition.notify_all()

    def wait(self, version: int, seconds: float) -> int:
        """Return the version as soon as it is another one than ``version``, or after a while."""
        with self._condition:
            self._condition.wait_for(lambda: self.version != version, seconds)
            return self.version


class WireLog:
    """The last requests, oldest first."""

    def __init__(self, changes: Changes, size: int = 1000):
        self._entries: deque[Exchanged] = deque(maxlen=size)
        self._changes = changes
        self._lock = threading.Lock()
        self._last_id = 0

    def add(self, entry: Exchanged) -> Exchanged:
        """Number ``entry``, keep it and announce the change."""
        with self._lock:
            self._last_id += 1
            entry.id = self._last_id
            entry.time = time.time()
            self._entries.append(entry)
        self._changes.announce()
        return entry

    def entries(self, after: int = 0, direction: str = "") -> list[Exchanged]:
        """Return what came after the entry with id ``after``, oldest first."""
        with self._lock:
            return [entry for entry in self._entries if entry.id > after and direction in ("", entry.direction)]

    def first_id(self) -> int:
        """Return the id of the oldest entry kept, or of the next one to come."""
        with self._lock:
            return self._entries[0].id if self._entries else self._last_id + 1

    def clear(self) -> None:
        """Forget everything; ids go on."""
        with self._lock:
            self._entries.clear()
        self._changes.announce()
