"""The twin of the leases in memory."""

from collections.abc import Callable
from dataclasses import dataclass, field

from pipeline.domain.faults import TransientError
from pipeline.domain.lease import LeaseAnswer, LeaseWish


@dataclass(slots=True)
class MemoryLeases:
    """One group's leases; ``clock`` gives UTC epoch milliseconds. ``away`` makes it as unreachable as a dead Redis."""

    clock: Callable[[], int]
    away: bool = False
    held: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    """By name: holder, token, and when the lease ends."""
    _replicas: dict[str, int] = field(default_factory=dict)
    _since_ms: int | None = None
    _token: int = 0

    def wipe(self) -> None:
        """Forget everything, as a Redis that was started anew."""
        self.held.clear()
        self._replicas.clear()
        self._since_ms, self._token = None, 0

    async def beat(self, wish: LeaseWish) -> LeaseAnswer:
        """Register, give back, renew and take what is free."""
        if self.away:
            raise TransientError("no leases here")
        now_ms = self.clock()
        self._end_what_is_over(now_ms)
        self._register(wish, now_ms)
        for name in wish.release:
            if self._holder(name) == wish.replica:
                del self.held[name]
        if not wish.leaving:
            self._take(wish, now_ms)
        asked = (*wish.hold, *wish.release)
        since_ms = now_ms if self._since_ms is None else self._since_ms
        return LeaseAnswer(
            replicas=frozenset(self._replicas),
            tokens={name: self.held[name][1] for name in asked if self._holder(name) == wish.replica},
            others={name: holder for name in asked if (holder := self._holder(name)) not in (None, wish.replica)},
            since_ms=since_ms,
            age_ms=now_ms - since_ms,
        )

    def _holder(self, name: str) -> str | None:
        return self.held[name][0] if name in self.held else None

    def _end_what_is_over(self, now_ms: int) -> None:
        self.held = {name: lease for name, lease in self.held.items() if lease[2] > now_ms}
        self._replicas = {replica: ends for replica, ends in self._replicas.items() if ends > now_ms}
        if not self._replicas:
            self._since_ms = None

    def _register(self, wish: LeaseWish, now_ms: int) -> None:
        if wish.leaving:
            self._replicas.pop(wish.replica, None)
            return
        self._since_ms = now_ms if self._since_ms is None else self._since_ms
        self._replicas[wish.replica] = now_ms + wish.ttl_ms

    def _take(self, wish: LeaseWish, now_ms: int) -> None:
        free = [name for name in wish.hold if self._holder(name) is None]
        if free:
            self._token = max(self._token + 1, wish.floor + 1, now_ms)
        for name in wish.hold:
            if name in free:
                self.held[name] = (wish.replica, self._token, now_ms + wish.ttl_ms)
            elif self._holder(name) == wish.replica:
                self.held[name] = (wish.replica, self.held[name][1], now_ms + wish.ttl_ms)
