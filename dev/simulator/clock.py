"""The simulator's time: real and scaled, or moved by hand so that tests never sleep."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

_logger = logging.getLogger(__name__)


@dataclass(order=True)
class Timer:
    """A function to be called at ``due`` (seconds since 1970)."""

    due: float
    order: int
    action: Callable[[], None] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        """Make sure that the function is not called any more."""
        self.cancelled = True


class SteppedClock:
    """Time that stands still until somebody calls :meth:`advance`."""

    stepped = True

    def __init__(self, now: float | None = None):
        self._now = time.time() if now is None else now
        self._timers: list[Timer] = []
        self._order = itertools.count()

    def now(self) -> float:
        """Return the time in seconds since 1970."""
        return self._now

    def between(self, start: float, end: float) -> float:
        """Return the simulated seconds between two times that :meth:`now` gave."""
        return end - start

    def after(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Call ``action`` once ``seconds`` simulated seconds have passed."""
        timer = Timer(self._now + seconds, next(self._order), action)
        heapq.heappush(self._timers, timer)
        return timer

    def advance(self, seconds: float, then: Callable[[], None] = lambda: None) -> None:
        """Let ``seconds`` pass; ``then`` runs after each timer that falls due."""
        end = self._now + seconds
        while self._timers and self._timers[0].due <= end:
            timer = heapq.heappop(self._timers)
            if not timer.cancelled:
                self._now = max(self._now, timer.due)
                timer.action()
                then()
        self._now = end

    def next_due(self) -> float | None:
        """Return the seconds until the next timer, None without one."""
        while self._timers and self._timers[0].cancelled:
            heapq.heappop(self._timers)
        return self._timers[0].due - self._now if self._timers else None

    def clear(self) -> None:
        """Forget all timers."""
        self._timers.clear()

    def start(self) -> None:
        """Nothing to start: the clock is moved by hand."""

    def stop(self) -> None:
        """Forget all timers."""
        self.clear()


class WallClock:
    """Real time; simulated seconds pass ``speed`` times as fast as those on the wall.

    Time stamps stay real, so that they agree with the clock of whoever receives them; waits and
    durations are scaled.
    """

    stepped = False

    def __init__(self, speed: float = 1.0):
        self.speed = speed
        self._timers: list[Timer] = []
        self._order = itertools.count()
        self._wake = threading.Condition()
        self._running = False
        self._thread: threading.Thread | None = None

    def now(self) -> float:
        """Return the time in seconds since 1970."""
        return time.time()

    def between(self, start: float, end: float) -> float:
        """Return the simulated seconds between two times that :meth:`now` gave."""
        return (end - start) * self.speed

    def after(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Call ``action`` in the clock's thread once ``seconds`` simulated seconds passed."""
        with self._wake:
            timer = Timer(time.time() + seconds / self.speed, next(self._order), action)
            heapq.heappush(self._timers, timer)
            self._wake.notify()
        return timer

    def clear(self) -> None:
        """Forget all timers."""
        with self._wake:
            self._timers.clear()

    def start(self) -> None:
        """Start the thread that calls what falls due."""
        self._running = True
        self._thread = threading.Thread(target=self._run, name="simulator-clock", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread; timers that are still waiting are forgotten."""
        with self._wake:
            self._running = False
            self._timers.clear()
            self._wake.notify()
        if self._thread and self._thread is not threading.current_thread():
            self._thread.join(5)

    def _run(self) -> None:
        while timer := self._next():
            if timer.cancelled:
                continue
            try:
                timer.action()
            except Exception:
                _logger.exception("A timer of the simulator failed")

    def _next(self) -> Timer | None:
        with self._wake:
            while self._running:
                if self._timers and self._timers[0].due <= time.time():
                    return heapq.heappop(self._timers)
                wait = self._timers[0].due - time.time() if self._timers else None
                self._wake.wait(wait)
        return None


Clock = SteppedClock | WallClock
