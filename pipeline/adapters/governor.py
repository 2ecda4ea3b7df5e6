"""When the next request to the exchange may go out: one weight for every process, or our own where Redis is away.

What a process spends it also counts by itself, with every answer's header. So it can go on alone, and it hands what it
knows to a Redis that was wiped or that it could not reach: the minute is never free again because somebody forgot it.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from pipeline.domain.faults import TransientError
from pipeline.domain.weight import (
    Priority,
    WeightLedger,
    WeightLimits,
    WeightMemory,
    WeightStanding,
    standing_view,
)

log = logging.getLogger(__name__)

LOOK_AGAIN_MS = 1_000
"""The longest sleep before asking again: what others do, and a block that was lifted, is then seen."""
MOST_WAIT_MS = 150_000
"""A request that would have to wait longer is given back to its caller."""
SHARED_AGAIN_MS = 2_000
"""How often a Redis that is away is asked again."""


class WeightStore(Protocol):
    """The window that all processes share."""

    async def ask(self, weight: int, priority: Priority, memory: WeightMemory) -> WeightStanding: ...  # noqa: D102
    async def told(self, used: int, memory: WeightMemory) -> WeightStanding: ...  # noqa: D102
    async def block(self, ms: int, memory: WeightMemory) -> WeightStanding: ...  # noqa: D102
    async def learn(self, limits: WeightLimits, memory: WeightMemory) -> WeightStanding: ...  # noqa: D102


def wall_clock_ms() -> int:
    """Our clock, UTC epoch milliseconds."""
    return time.time_ns() // 1_000_000


class Governor:
    """Grants requests their weight; ``shared`` is the window of all processes, None for this one alone."""

    def __init__(
        self,
        shared: WeightStore | None = None,
        *,
        limits: WeightLimits | None = None,
        clock: Callable[[], int] = wall_clock_ms,
    ) -> None:
        self.waits = self.waited_ms = 0
        self._shared, self._clock = shared, clock
        self._own = WeightLedger(clock(), limits=limits or WeightLimits())
        self._epoch, self._away, self._again_ms = "", False, 0
        self._turns = {priority: asyncio.Lock() for priority in Priority}
        self._last = self._alone()

    async def acquire(self, weight: int, *, priority: Priority = Priority.BOOK) -> None:
        """Wait until a request of ``weight`` may go out; it then counts as sent.

        Raises TransientError at once where that would take longer than two and a half minutes: a ban.
        """
        async with self._turns[priority]:
            while wait_ms := await self._ask(weight, priority):
                if wait_ms > MOST_WAIT_MS:
                    raise TransientError(f"the exchange is not to be asked for {wait_ms // 1000} s", wait_ms / 1000)
                sleep_ms = min(wait_ms, LOOK_AGAIN_MS)
                self.waits += 1
                self.waited_ms += sleep_ms
                await asyncio.sleep(sleep_ms / 1000)

    async def told(self, used: int) -> None:
        """Take the exchange's own count from an answer's header."""
        self._own.told(used, now_ms=self._clock())
        await self._tell(lambda store: store.told(used, self._memory()))

    async def block(self, seconds: float) -> None:
        """Nobody asks anything for ``seconds``, as a 429 or 418 demands."""
        ms = int(seconds * 1000)
        self._own.block(self._clock() + ms)
        log.warning("the exchange demands %.0f s without requests", seconds)
        await self._tell(lambda store: store.block(ms, self._memory()))

    async def learn(self, limits: WeightLimits) -> None:
        """The exchange's limits are these."""
        self._own.limits = limits
        await self._tell(lambda store: store.learn(limits, self._memory()))

    def detail(self) -> Mapping[str, Any]:
        """What the heartbeat tells: used, limit, blockedUntil (UTC epoch ms or 0), waits, waitedMs, shared."""
        shared = self._shared is not None and not self._away
        return standing_view(self._last, waits=self.waits, waited_ms=self.waited_ms, shared=shared)

    async def _ask(self, weight: int, priority: Priority) -> int:
        standing = await self._try(lambda store: store.ask(weight, priority, self._memory()))
        if standing is None:
            wait_ms = self._own.ask(weight, priority, now_ms=self._clock())
            self._last = self._alone()
            return wait_ms
        if not standing.wait_ms:
            self._own.spend(weight, priority, now_ms=self._clock())
        return standing.wait_ms

    async def _tell(self, call: Callable[[WeightStore], Awaitable[WeightStanding]]) -> None:
        if await self._try(call) is None:
            self._last = self._alone()

    async def _try(self, call: Callable[[WeightStore], Awaitable[WeightStanding]]) -> WeightStanding | None:
        """The shared window's answer, or None where we are on our own."""
        if self._shared is None or (self._away and self._clock() < self._again_ms):
            return None
        try:
            standing = await call(self._shared)
        except TransientError as error:
            self._left_alone(error)
            return None
        if self._away and self._epoch:
            log.warning("the request weight is shared again")
        self._away, self._epoch, self._last = False, standing.epoch, standing
        self._own.limits = standing.limits
        self._own.block(standing.blocked_until_ms)
        return standing

    def _left_alone(self, error: TransientError) -> None:
        if not self._away:  # a program that needs no Redis, such as a recording, begins so
            level = logging.WARNING if self._epoch else logging.INFO
            log.log(level, "the request weight is not shared, this process counts its own: %s", error)
        self._away, self._again_ms = True, self._clock() + SHARED_AGAIN_MS

    def _memory(self) -> WeightMemory:
        used = self._own.used(self._clock())
        return WeightMemory(used, self._own.blocked_until_ms, self._own.limits, self._epoch, self._away)

    def _alone(self) -> WeightStanding:
        own = self._own
        return WeightStanding(0, own.used(self._clock()), own.limits, own.blocked_until_ms)
