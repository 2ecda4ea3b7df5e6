"""Asking an exchange for its own candles, a page at a time and with patience."""

import asyncio
import logging
from dataclasses import dataclass

from pipeline.domain.candle import Candle
from pipeline.domain.faults import BadMessageError, TransientError
from pipeline.domain.interval import Interval
from pipeline.stages.backoff import Backoff
from pipeline.stages.ports import Clock, Past

log = logging.getLogger(__name__)

PAGE = 1_000
"""Candles of one request."""
GIVE_UP_AFTER = 8
SURE_MS = 120_000
"""What closed later than this before the exchange's own time may not be in its database yet."""


@dataclass(frozen=True, slots=True)
class Asking:
    """An exchange that is asked again where it does not answer."""

    venue: Past
    clock: Clock

    async def server_ms(self) -> int:
        """The exchange's clock. Raises TransientError, BadMessageError, RefusedError."""
        return await self.venue.server_ms()

    async def page(self, symbol: str, interval: Interval, *, start_ms: int, end_ms: int) -> list[Candle] | None:
        """Its closed candles of a half-open range of at most PAGE buckets, oldest first; None if it never answered.

        Raises RefusedError where the exchange refuses this address: whether to wait is not ours to say.
        """
        backoff = Backoff()
        for _attempt in range(GIVE_UP_AFTER):
            try:
                return await self.venue.klines(
                    symbol, interval, start_ms=start_ms, end_ms=end_ms, received_ms=self.clock()
                )
            except (TransientError, BadMessageError) as error:
                wait_s = backoff.next_s()
                log.warning("%s candles of %s: %s; again in %.1f s", interval.value, symbol, error, wait_s)
                await asyncio.sleep(wait_s)
        return None

    async def range(self, symbol: str, interval: Interval, *, start_ms: int, end_ms: int) -> list[Candle] | None:
        """The same of a range of any length; None if a page of it never came."""
        found: list[Candle] = []
        for from_ms in range(start_ms, end_ms, PAGE * interval.ms):
            to_ms = min(end_ms, from_ms + PAGE * interval.ms)
            page = await self.page(symbol, interval, start_ms=from_ms, end_ms=to_ms)
            if page is None:
                return None
            found += page
        return found
