"""How many requests may be sent, and when: Zadarma's limits, kept with a margin.

Zadarma allows 100 requests a minute, of them 3 to the methods of the statistics, and tells with each answer what is
left. Source: https://zadarma.com/en/support/api/ (Limits).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

# A second more than Zadarma's minute, because requests take a while to get there.
WINDOW = 61.0
LIMIT, STATISTICS_LIMIT = 95, 3
# What background work leaves to people who wait for their click.
RESERVE = 20
_STATISTICS_PATH = "/v1/statistics/"
_FIRST_PAUSE, _LONGEST_PAUSE = 60.0, 3600.0


@dataclass(frozen=True)
class RateLimit:
    """What an answer told about the rate limit.

    :ivar limit: requests a minute.
    :ivar remaining: requests left in this minute.
    :ivar reset: Unix time, in seconds, at which the count starts anew.
    """

    limit: int
    remaining: int
    reset: int


class Gate(Protocol):
    """What a client asks before it sends, and tells what came of it."""

    def enter(self, path: str) -> None:
        """Let a request pass, or raise :class:`zadarma_api.errors.RateLimitError`."""

    def answered(self, path: str, limit: RateLimit | None) -> None:
        """Hear what an answer told about the limit."""

    def refused(self, path: str, asked: int | None) -> int:
        """Hear of an answer that says "too many", with the seconds it asks for; return those to wait."""


class OpenGate:
    """Lets everything pass; for programs that send little."""

    def enter(self, path: str) -> None:
        """Let a request pass."""

    def answered(self, path: str, limit: RateLimit | None) -> None:
        """Forget what an answer told."""

    def refused(self, path: str, asked: int | None) -> int:
        """Return the seconds to wait, between one and an hour."""
        return int(max(1, min(_FIRST_PAUSE if asked is None else asked, _LONGEST_PAUSE)))


@dataclass
class Lane:
    """Requests that share a limit.

    :ivar sent: Unix times of the requests of the last minute, in their order.
    :ivar left: how many Zadarma says are left, None where it said nothing of note.
    :ivar until: Unix time until which that holds.
    :ivar strikes: how often in a row Zadarma said "too many".
    """

    limit: int
    reserve: int = 0
    sent: list[float] = field(default_factory=list)
    left: int | None = None
    until: float = 0.0
    strikes: int = 0

    def settle(self, now: float) -> None:
        """Forget what is over. A clock that was set back must not make the past last for longer."""
        self.sent = [min(moment, now) for moment in self.sent if moment > now - WINDOW]
        self.until = min(self.until, now + _LONGEST_PAUSE)
        if self.until <= now:
            self.left = None

    def wait(self, now: float, urgent: bool) -> float:
        """Return for how many seconds no request may be sent."""
        kept_back = 0 if urgent else self.reserve
        if self.left is not None and self.left <= kept_back:
            return self.until - now
        excess = len(self.sent) - (self.limit - kept_back)
        return self.sent[excess] + WINDOW - now if excess >= 0 else 0.0

    def take(self, now: float) -> None:
        """Count a request."""
        self.sent.append(now)
        if self.left is not None:
            self.left -= 1


@dataclass(frozen=True)
class Use:
    """How much of the limit is used.

    :ivar sent: requests of the last minute.
    :ivar limit: how many there may be.
    :ivar refused: whether Zadarma has said "too many" and nothing may be sent.
    :ivar wait: for how many seconds more.
    """

    sent: int
    limit: int
    refused: bool
    wait: int


@dataclass
class Throttle:
    """What one account's programs remember of their requests."""

    everything: Lane = field(default_factory=lambda: Lane(LIMIT, RESERVE))
    statistics: Lane = field(default_factory=lambda: Lane(STATISTICS_LIMIT))

    @classmethod
    def load(cls, state: Mapping[str, Any] | None) -> Throttle:
        """Return what :meth:`dump` wrote."""
        throttle = cls()
        for name, kept in (state or {}).items():
            for attribute, value in kept.items():
                setattr(getattr(throttle, name), attribute, value)
        return throttle

    def dump(self) -> dict[str, Any]:
        """Return the state as JSON has it."""
        return {
            name: {"sent": lane.sent, "left": lane.left, "until": lane.until, "strikes": lane.strikes}
            for name, lane in vars(self).items()
        }

    def admit(self, path: str, now: float, urgent: bool = False) -> float:
        """Count a request that may be sent now, or return the seconds until one may.

        :param path: the method.
        :param now: Unix time.
        :param urgent: whether a person waits for it; the rest leaves them a reserve.
        :return: 0 where it may be sent.
        """
        lanes = [self.everything, self.statistics] if is_statistics(path) else [self.everything]
        for lane in lanes:
            lane.settle(now)
        wait = max(lane.wait(now, urgent) for lane in lanes)
        if not wait:
            for lane in lanes:
                lane.take(now)
        return wait

    def answered(self, path: str, limit: RateLimit | None, now: float) -> None:
        """Take note of what an answer says is left."""
        lane = self._lane(path)
        lane.strikes = 0
        # What there is plenty of need not be remembered. Near its end it tells of others who use the same key, too.
        if limit and limit.reset > now and limit.remaining * 4 <= limit.limit:
            lane.left, lane.until = limit.remaining, limit.reset

    def refused(self, path: str, asked: int | None, now: float, chance: float) -> float:
        """Take note of an answer that says "too many"; return for how many seconds nothing may be sent.

        Pauses double as long as that goes on, whatever the answer asks for: a clock that is wrong must not make a
        pause of a second out of a minute's for ever.

        :param asked: the seconds that the answer asks for, None where it does not.
        :param chance: between 0 and 1; spreads the tries of several programs.
        """
        lane = self._lane(path)
        lane.strikes += 1
        growing = (_FIRST_PAUSE if asked is None else 1.0) * 2 ** min(lane.strikes - 1, 12) * (1 + chance / 2)
        pause = min(max(asked or 0.0, growing), _LONGEST_PAUSE)
        lane.left, lane.until = 0, now + pause
        return pause

    def use(self, now: float) -> Use:
        """Return how much of the limit is used, for people to see."""
        self.everything.settle(now)
        self.statistics.settle(now)
        lanes = [lane for lane in (self.everything, self.statistics) if lane.strikes and lane.left is not None]
        wait = max((lane.until - now for lane in lanes), default=0.0)
        return Use(len(self.everything.sent), LIMIT, bool(lanes), round(wait))

    def _lane(self, path: str) -> Lane:
        return self.statistics if is_statistics(path) else self.everything


def is_statistics(path: str) -> bool:
    """Tell whether a method has the lower limit."""
    return path.startswith(_STATISTICS_PATH)
