"""The request weight an exchange grants one address: what was spent in the last minute, and who may spend more.

A sliding window in small buckets, not the clock's minute: however our clock stands to the exchange's, no minute of its
clock can hold more than we allow in any sixty seconds. Source of the limits: binance-spot-api-docs, rest-api.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

BUCKETS = 24
"""Parts of a window: what was spent is forgotten one such part after the window has passed."""
BOOK_SHARE, HISTORY_SHARE = 0.95, 0.5
"""How much of the limit snapshots and repairs may use, and how much the history may."""
COLD_SHARE = 0.1
"""What may be spent before the exchange's first answer told what is used already."""
COLD_MS = 20_000
"""After so long without any answer the window counts as known: a request of ours is given up sooner."""
COLD_LOOK_MS = 100
YIELD_MS = 2_000
"""How long the history stands back for a book request that had to wait."""


class Priority(StrEnum):
    """Who asks: ``BOOK`` (snapshots, repairs) goes before ``HISTORY`` (backfill, reconciliation, audits)."""

    BOOK = "book"
    HISTORY = "history"


@dataclass(frozen=True, slots=True)
class WeightLimits:
    """What the exchange grants an address: weight in one window, requests of any weight in another."""

    weight: int = 6_000
    weight_ms: int = 60_000
    requests: int = 61_000
    requests_ms: int = 300_000

    @property
    def book(self) -> int:
        """Weight that all together may use in a window."""
        return int(self.weight * BOOK_SHARE)

    @property
    def history(self) -> int:
        """Weight that the history may use in a window."""
        return int(self.weight * HISTORY_SHARE)

    @property
    def raw(self) -> int:
        """Requests that may go out in a window."""
        return int(self.requests * BOOK_SHARE)

    @property
    def cold(self) -> int:
        """Weight that may go out before anything is known."""
        return int(self.weight * COLD_SHARE)


@dataclass(frozen=True, slots=True)
class WeightStanding:
    """How a store answers: milliseconds to wait (0: the request counts as sent), and how things stand."""

    wait_ms: int
    used: int
    limits: WeightLimits
    blocked_until_ms: int
    epoch: str = ""


@dataclass(frozen=True, slots=True)
class WeightMemory:
    """What a process knows by itself, handed over with each question, so that a wiped store is filled again.

    ``epoch`` names the store it last spoke to; ``away`` says that it had to do without it since.
    """

    used: int = 0
    blocked_until_ms: int = 0
    limits: WeightLimits = field(default_factory=WeightLimits)
    epoch: str = ""
    away: bool = False


@dataclass(slots=True)
class Window:
    """Amounts by the start of their bucket, forgotten when the whole bucket is older than the window."""

    amounts: dict[int, int] = field(default_factory=dict)

    def add(self, amount: int, *, now_ms: int, length_ms: int) -> None:
        """Count ``amount`` as of now."""
        start_ms = now_ms - now_ms % (length_ms // BUCKETS)
        self.amounts[start_ms] = self.amounts.get(start_ms, 0) + amount

    def used(self, *, now_ms: int, length_ms: int) -> int:
        """The sum that still counts."""
        kept_ms = length_ms + length_ms // BUCKETS
        self.amounts = {start: amount for start, amount in self.amounts.items() if start + kept_ms > now_ms}
        return sum(self.amounts.values())

    def wait_ms(self, amount: int, *, most: int, now_ms: int, length_ms: int) -> int:
        """How long until ``amount`` fits below ``most``; an empty window takes anything."""
        used = self.used(now_ms=now_ms, length_ms=length_ms)
        wait_ms = 0
        for start_ms in sorted(self.amounts):
            if not used or used + amount <= most:
                break
            used -= self.amounts[start_ms]
            wait_ms = start_ms + length_ms + length_ms // BUCKETS - now_ms
        return wait_ms


@dataclass(slots=True)
class WeightLedger:
    """One address's spending as a plain object that is told the time."""

    began_ms: int
    limits: WeightLimits = field(default_factory=WeightLimits)
    blocked_until_ms: int = 0
    _spent: Window = field(default_factory=Window)
    _history: Window = field(default_factory=Window)
    _requests: Window = field(default_factory=Window)
    _cold_until_ms: int = 0
    _unheard: int = 0
    _book_waits_until_ms: int = 0

    def __post_init__(self) -> None:
        self._cold_until_ms = self.began_ms + COLD_MS

    def ask(self, weight: int, priority: Priority, *, now_ms: int) -> int:
        """Milliseconds until a request of ``weight`` may go out; 0 is now, and then it counts as sent."""
        wait_ms = self._wait_ms(weight, priority, now_ms)
        if not wait_ms:
            self.spend(weight, priority, now_ms=now_ms)
        elif priority is Priority.BOOK:
            self._book_waits_until_ms = now_ms + YIELD_MS
        return wait_ms

    def spend(self, weight: int, priority: Priority, *, now_ms: int) -> None:
        """Count a request as sent."""
        self._spent.add(weight, now_ms=now_ms, length_ms=self.limits.weight_ms)
        self._requests.add(1, now_ms=now_ms, length_ms=self.limits.requests_ms)
        self._unheard += weight
        if priority is Priority.HISTORY:
            self._history.add(weight, now_ms=now_ms, length_ms=self.limits.weight_ms)

    def used(self, now_ms: int) -> int:
        """Weight that still counts."""
        return self._spent.used(now_ms=now_ms, length_ms=self.limits.weight_ms)

    def told(self, used: int, *, now_ms: int) -> None:
        """Take the exchange's own count from an answer: what we did not know of was spent by somebody else."""
        self._cold_until_ms = 0
        self.at_least(used, now_ms=now_ms)

    def at_least(self, used: int, *, now_ms: int) -> None:
        """Count as spent what is missing to ``used``."""
        missing = used - self.used(now_ms)
        if missing > 0:
            self._spent.add(missing, now_ms=now_ms, length_ms=self.limits.weight_ms)

    def block(self, until_ms: int) -> None:
        """Send nothing before ``until_ms``, as a 429 or 418 demands."""
        self.blocked_until_ms = max(self.blocked_until_ms, until_ms)

    def _wait_ms(self, weight: int, priority: Priority, now_ms: int) -> int:
        if now_ms < self.blocked_until_ms:
            return self.blocked_until_ms - now_ms
        if now_ms < self._cold_until_ms and self._unheard and self._unheard + weight > self.limits.cold:
            return COLD_LOOK_MS
        if priority is Priority.HISTORY and now_ms < self._book_waits_until_ms:
            return self._book_waits_until_ms - now_ms
        limits, weight_ms = self.limits, self.limits.weight_ms
        waits = [
            self._spent.wait_ms(weight, most=limits.book, now_ms=now_ms, length_ms=weight_ms),
            self._requests.wait_ms(1, most=limits.raw, now_ms=now_ms, length_ms=limits.requests_ms),
        ]
        if priority is Priority.HISTORY:
            waits.append(self._history.wait_ms(weight, most=limits.history, now_ms=now_ms, length_ms=weight_ms))
        return max(waits)


def standing_view(standing: WeightStanding, *, waits: int, waited_ms: int, shared: bool) -> Mapping[str, Any]:
    """What the heartbeat tells of the weight: ``blockedUntil`` is UTC epoch ms, 0 for not blocked."""
    return {
        "used": standing.used, "limit": standing.limits.weight, "blockedUntil": standing.blocked_until_ms,
        "waits": waits, "waitedMs": waited_ms, "shared": shared,
    }  # fmt: skip
