"""Clients: one that sends at times fixed in advance, and one that keeps a server busy."""

import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from common import CommandError

THREADS = 8
TIMEOUT = 30  # seconds


class Planned(NamedTuple):
    """A request of an open loop.

    :ivar at: seconds after the beginning at which it is sent, whatever became of the others.
    :ivar port: where to.
    :ivar request: its bytes.
    :ivar answer: what the answer begins with.
    :ivar latencies: where its latency goes, in seconds from the planned time to the last byte of the answer.
    """

    at: float
    port: int
    request: bytes
    answer: bytes
    latencies: list[float]


class Answer(NamedTuple):
    """An answer.

    :ivar status: of HTTP.
    :ivar body: all of it.
    :ivar at: when its last byte came, in seconds since 1970.
    """

    status: int
    body: bytes
    at: float


def exchange(port, request, hold=0.0):
    """Send a request on a connection of its own and return its answer.

    :param hold: seconds for which the connection stays open after the answer; Odoo begins nothing else on a worker
        until it is closed or some milliseconds have passed.
    """
    with socket.create_connection(("127.0.0.1", port), TIMEOUT) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(request)
        head, body, length = b"", b"", None
        while length is None or len(body) < length:
            part = connection.recv(65536)
            if not part:
                raise ConnectionError("the answer was cut off")
            if length is not None:
                body += part
                continue
            head += part
            if b"\r\n\r\n" in head:
                head, body = head.split(b"\r\n\r\n", 1)
                length = _content_length(head)
        at = time.time()
        time.sleep(hold)
    return Answer(int(head.split(None, 2)[1]), body, at)


def _content_length(head):
    for line in head.split(b"\r\n"):
        name, _colon, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise ConnectionError("the answer does not say how long it is")


def exchange_checked(port, request, answer):
    """Send a request; fail unless it is answered as it should be."""
    got = exchange(port, request)
    if got.status != 200 or not got.body.startswith(answer):
        raise CommandError(f"{got.status} {got.body[:200]!r} where 200 {answer!r} should be the answer")


class _Crew:
    """Threads that work until one of them fails."""

    def __init__(self, work: Callable, count: int):
        self.error = None
        self.threads = [threading.Thread(target=self._guard, args=(work,), daemon=True) for _ in range(count)]

    def _guard(self, work):
        try:
            work(self)
        except (CommandError, OSError) as error:
            self.error = error

    def run(self):
        for thread in self.threads:
            thread.start()
        for thread in self.threads:
            thread.join()
        if self.error:
            raise CommandError(f"a request failed: {self.error}")


def open_loop(plan: Sequence[Planned]):
    """Send each request at its time and note how long its answer took."""
    pending = iter(plan)
    lock = threading.Lock()
    start = time.perf_counter() + 0.05

    def work(crew):
        while not crew.error:
            with lock:
                planned = next(pending, None)
            if not planned:
                return
            time.sleep(max(0.0, start + planned.at - time.perf_counter()))
            exchange_checked(planned.port, planned.request, planned.answer)
            planned.latencies.append(time.perf_counter() - start - planned.at)

    _Crew(work, THREADS).run()


def closed_loop(port: int, make_request: Callable[[], bytes], answer: bytes, seconds: float, clients: int = 4) -> float:
    """Keep a server busy with several clients; return how many requests a second it answered."""
    done = []
    lock = threading.Lock()
    start = time.perf_counter()

    def work(crew):
        while not crew.error and time.perf_counter() - start < seconds:
            with lock:
                request = make_request()
            exchange_checked(port, request, answer)
            done.append(1)

    _Crew(work, clients).run()
    return len(done) / (time.perf_counter() - start)
