"""Sending notifications: one after the other within a call, signed, with the faults asked for."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests

from .clock import Clock
from .faults import Fault, FaultList
from .settings import Settings
from .signatures import event_signature, php_escape
from .wire import WEBHOOK, Exchanged, WireLog

_logger = logging.getLogger(__name__)

# An event held back goes out alone if the call brings no other one in this time.
_HELD_SECONDS = 15.0

Answered = Callable[[int | None, str], None]


@dataclass
class Notice:
    """One notification on its way."""

    event: str
    fields: Mapping[str, str]
    url: str
    call: str = ""
    multipart: bool = False
    answered: Answered | None = None  # called with status and body once the wait is over
    tries: int = 0
    plain: bool = field(default=False)  # faults are done with; just send it


class Courier:
    """Delivers notices: in threads of its own, or when told to by a stepped simulator."""

    def __init__(self, settings: Settings, clock: Clock, faults: FaultList, log: WireLog):
        self._settings = settings
        self._clock = clock
        self._faults = faults
        self._log = log
        self._lock = threading.Lock()
        self._queues: dict[str, deque[Notice]] = {}
        self._held: dict[str, list[Notice]] = defaultdict(list)
        self._draining = threading.Lock()

    def post(self, notice: Notice) -> None:
        """Queue ``notice`` behind those of the same call."""
        with self._lock:
            queue = self._queues.get(notice.call)
            if queue is not None:
                queue.append(notice)
                return
            self._queues[notice.call] = deque([notice])
        if not self._clock.stepped:
            threading.Thread(target=self._work, args=(notice.call,), daemon=True).start()

    def drain(self) -> None:
        """Deliver all that waits, in the calling thread; for stepped simulators."""
        # Only one thread delivers, or the order of a call's events would depend on chance. A
        # second one has nothing to wait for: the first takes what it brought, too.
        if not self._draining.acquire(blocking=False):
            return
        try:
            while calls := list(self._queues):
                for call in calls:
                    self._work(call)
        finally:
            self._draining.release()

    def clear(self) -> None:
        """Forget what was not sent yet."""
        with self._lock:
            for queue in self._queues.values():
                queue.clear()
            self._held.clear()

    def idle(self) -> bool:
        """Tell whether nothing is queued or on its way (held and delayed events not counted)."""
        return not self._queues

    def _work(self, call: str) -> None:
        while notice := self._next(call):
            try:
                self._deliver(notice)
            except Exception:
                _logger.exception("A notification of the simulator failed")

    def _next(self, call: str) -> Notice | None:
        with self._lock:
            queue = self._queues.get(call)
            if queue:
                return queue.popleft()
            self._queues.pop(call, None)
            return None

    def _deliver(self, notice: Notice) -> None:
        fault = None if notice.plain else self._faults.strike(notice.event)
        if fault and fault.kind in ("drop", "delay", "reorder"):
            self._withhold(notice, fault)
            return
        self._send(notice)
        if fault:
            self._send(_again(notice), "duplicate")
        self._release(notice.call)

    def _withhold(self, notice: Notice, fault: Fault) -> None:
        """Keep the event from going out now. The call goes on as if nobody had answered."""
        later = _again(notice)
        if fault.kind == "drop":
            self._log.add(_entry(notice, b"", {}, "dropped"))
        elif fault.kind == "delay":
            self._clock.after(fault.seconds, lambda: self.post(later))
        else:
            with self._lock:
                self._held[notice.call].append(later)
            self._clock.after(_HELD_SECONDS, lambda: self._release(notice.call))
        if notice.answered:
            notice.answered(None, "")

    def _release(self, call: str) -> None:
        with self._lock:
            held = self._held.pop(call, [])
        for notice in held:
            self._send(notice, "reordered")

    def _send(self, notice: Notice, note: str = "") -> None:
        body, headers = _encode(notice, self._settings.secret)
        entry = _entry(notice, body, headers, note)
        started = time.perf_counter()
        try:
            self._post(entry, notice.url, body, headers)
        except requests.RequestException as error:
            entry.note = "; ".join(filter(None, [note, type(error).__name__]))
        entry.milliseconds = round((time.perf_counter() - started) * 1000, 1)
        self._log.add(entry)
        if notice.answered:
            notice.answered(entry.status, entry.response_body)
        if entry.status != 200 and notice.tries < self._settings.retries:
            again = _again(notice)
            again.tries = notice.tries + 1
            self._clock.after(self._settings.retry_seconds, lambda: self.post(again))

    def _post(self, entry: Exchanged, url: str, body: bytes, headers: dict[str, str]) -> None:
        with requests.Session() as session:
            session.trust_env = False  # a proxy of the developer's machine is none of ours
            response = session.post(
                url,
                data=body,
                headers=headers,
                timeout=self._settings.reply_seconds,
                allow_redirects=False,
            )
        entry.status = response.status_code
        entry.response_headers = dict(response.headers)
        entry.response_body = response.content.decode("utf-8", "replace")


def check_url(url: str, seconds: float, log: WireLog) -> bool:
    """Tell whether ``url`` answers a GET with ``zd_echo`` with exactly the value sent."""
    value = str(time.time_ns())[-10:]
    address = f"{url}{'&' if urlsplit(url).query else '?'}zd_echo={value}"
    headers = {"User-Agent": "Zadarma API v1"}
    entry = Exchanged(WEBHOOK, "zd_echo", address, headers, "")
    started = time.perf_counter()
    try:
        with requests.Session() as session:
            session.trust_env = False
            response = session.get(address, headers=headers, timeout=seconds, allow_redirects=False)
        entry.status = response.status_code
        entry.response_headers = dict(response.headers)
        entry.response_body = response.content.decode("utf-8", "replace")
    except requests.RequestException as error:
        entry.note = type(error).__name__
    entry.milliseconds = round((time.perf_counter() - started) * 1000, 1)
    passed = entry.status == 200 and entry.response_body == value
    entry.note = entry.note or ("" if passed else "not the value that was sent")
    log.add(entry)
    return passed


def result_text(result: object) -> str:
    """Write the ``result`` of an event as PHP's ``json_encode`` does: no blanks, ASCII only."""
    return json.dumps(result, separators=(",", ":"))


def _again(notice: Notice) -> Notice:
    """Return the notice for a later or second delivery, to whose answer nobody listens."""
    return Notice(notice.event, notice.fields, notice.url, notice.call, notice.multipart, plain=True)


def _entry(notice: Notice, body: bytes, headers: dict[str, str], note: str) -> Exchanged:
    return Exchanged(
        WEBHOOK,
        notice.event,
        notice.url,
        headers,
        body.decode("utf-8", "replace"),
        fields=dict(notice.fields),
        note=note,
        call=notice.call,
    )


def _encode(notice: Notice, secret: str) -> tuple[bytes, dict[str, str]]:
    fields = {"event": notice.event, **notice.fields}
    if notice.multipart:
        boundary = "------------------------" + f"{abs(hash(frozenset(fields.items()))):016x}"[:16]
        body = _multipart(fields, boundary)
        content_type, agent = f"multipart/form-data; boundary={boundary}", "Zadarma API"
    else:
        body = "&".join(f"{php_escape(k)}={php_escape(v)}" for k, v in fields.items()).encode()
        content_type, agent = "application/x-www-form-urlencoded", "Zadarma API v1"
    headers = {"User-Agent": agent, "Accept": "*/*", "Content-Type": content_type}
    if notice.multipart:
        headers["Expect"] = "100-continue"
    if secret:
        headers["Signature"] = event_signature(notice.event, notice.fields, secret)
    return body, headers


def _multipart(fields: Mapping[str, str], boundary: str) -> bytes:
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    return ("".join(parts) + f"--{boundary}--\r\n").encode()
