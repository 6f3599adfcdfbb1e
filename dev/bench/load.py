"""Clients: one that sends at times fixed in advance, and one that keeps a server busy."""

import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from common import CommandError

THREADS = 8
TIMEOUT = 30  # seconds


class Answer(NamedTuple):
    """An answer.

    :ivar status: of HTTP.
    :ivar body: all of it.
    :ivar at: when its last byte came, in seconds since 1970.
    """

    status: int
    body: bytes
    at: float


@dataclass
class Samples:
    """What came of the requests of one kind.

    :ivar latencies: seconds from the planned time of sending to the last byte of the answer.
    :ivar wrong: how many answers were not those expected.
    """

    latencies: list[float] = field(default_factory=list)
    wrong: int = 0


class Planned(NamedTuple):
    """A request of an open loop.

    :ivar at: seconds after the beginning at which it is sent, whatever became of the others.
    :ivar port: where to.
    :ivar request: its bytes.
    :ivar expected: what the answer begins with.
    :ivar samples: where the outcome goes.
    """

    at: float
    port: int
    request: bytes
    expected: bytes
    samples: Samples


def exchange(port, request, stays=False):
    """Send a request on a connection of its own and return its answer.

    :param stays: stay connected until the server hangs up, as clients do that may have more to ask. Otherwise hang up
        as soon as the answer is there, as a proxy does.
    """
    with socket.create_connection(("127.0.0.1", port), TIMEOUT) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(request)
        received, length = b"", None
        while length is None or len(received) < length:
            part = connection.recv(65536)
            if not part:
                raise ConnectionError("the answer was cut off")
            received += part
            if length is None and b"\r\n\r\n" in received:
                length = _get_length(received)
        at = time.time()
        while stays and connection.recv(65536):
            pass
    head, _blank, body = received.partition(b"\r\n\r\n")
    return Answer(int(head.split(None, 2)[1]), body, at)


def _get_length(received):
    """Return how many bytes an answer has, of which the head is there."""
    head, _blank, _body = received.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        name, _colon, value = line.partition(b":")
        if name.lower() == b"content-length":
            return len(head) + 4 + int(value)
    raise ConnectionError("the answer does not say how long it is")


def exchange_well(port, request, stays=False):
    """Send a request and return the body of its answer; any status but 200 is an error."""
    answer = exchange(port, request, stays)
    if answer.status != 200:
        raise CommandError(f"{answer.status} {answer.body[:200]!r} in place of an answer")
    return answer.body


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
        """Have all work and wait for them."""
        for thread in self.threads:
            thread.start()
        for thread in self.threads:
            thread.join()
        if self.error:
            raise CommandError(f"a request failed: {self.error}")


def open_loop(plan: Iterable[Planned]):
    """Send each request at its time and note what came of it."""
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
            body = exchange_well(planned.port, planned.request)
            planned.samples.latencies.append(time.perf_counter() - start - planned.at)
            planned.samples.wrong += not body.startswith(planned.expected)

    _Crew(work, THREADS).run()


def closed_loop(port: int, make_request: Callable[[], bytes], seconds: float, stays: bool, clients: int = 4) -> float:
    """Keep a server busy with several clients; return how many requests a second it answered.

    :param stays: what the clients do, see :func:`exchange`.
    """
    done = []
    lock = threading.Lock()
    start = time.perf_counter()

    def work(crew):
        while not crew.error and time.perf_counter() - start < seconds:
            with lock:
                request = make_request()
            exchange_well(port, request, stays)
            done.append(1)

    _Crew(work, clients).run()
    return len(done) / (time.perf_counter() - start)
