"""The provider's limits: so many requests a minute in total, fewer for statistics."""

from __future__ import annotations

import math
import threading

from .clock import Clock
from .settings import Settings

WINDOW = 60.0


class _Window:
    """Requests of one kind, counted from the first until a minute later."""

    def __init__(self) -> None:
        self.began = -math.inf
        self.count = 0

    def roll(self, now: float) -> None:
        if now >= self.began + WINDOW:
            self.began, self.count = now, 0


class RateLimiter:
    """Counts requests. Minutes are real ones, or those of a stepped clock."""

    def __init__(self, settings: Settings, clock: Clock):
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """Forget all requests."""
        self._total, self._statistics = _Window(), _Window()

    def count(self, statistics: bool) -> tuple[bool, dict[str, str]]:
        """Count a request; return whether it is allowed, and the headers that tell the limits."""
        with self._lock:
            limits = [(self._total, self._settings.rate_limit)]
            if statistics:
                limits.append((self._statistics, self._settings.statistics_limit))
            now = self._clock.now()
            for window, _limit in limits:
                window.roll(now)
            allowed = all(window.count < limit for window, limit in limits)
            if allowed:
                for window, _limit in limits:
                    window.count += 1
            window, limit = min(limits, key=lambda pair: pair[1] - pair[0].count)
            return allowed, {
                "X-RateLimit-Limit": str(limits[-1][1]),
                "X-RateLimit-Remaining": str(max(0, limit - window.count)),
                "X-RateLimit-Reset": str(math.ceil(window.began + WINDOW)),
            }
