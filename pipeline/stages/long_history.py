"""Years of longer candles from the first day on: the exchange's own 1h, 4h and 1d of before the first stored minute.

They lie in the collection of their interval with ``source`` rest and ``present`` None, and give way to the fold of
their minutes as soon as these are there.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.domain.candle import Candle
from pipeline.domain.interval import Interval
from pipeline.stages.asking import PAGE, Asking
from pipeline.stages.ports import Candles

log = logging.getLogger(__name__)

LONGEST_REST_S = 5.0
"""After a page that took long nobody is asked for as long again: years can wait, the live market can't."""
INTERVALS = (Interval.D1, Interval.H4, Interval.H1)


@dataclass(slots=True)
class LongHistory:
    """Keeps a page of each longer interval behind the minutes; safe to run again at any time."""

    asking: Asking
    stored: Candles
    counts: dict[str, int] = field(default_factory=lambda: {interval.value: 0 for interval in INTERVALS})

    async def fill(self, symbols: Sequence[str], *, before_ms: int) -> None:
        """Fetch what lacks of the candles opened before the minutes begin: at ``before_ms``, or earlier if stored."""
        for interval in INTERVALS:
            for symbol in symbols:
                await self._fill(symbol, interval, before_ms)

    async def _fill(self, symbol: str, interval: Interval, before_ms: int) -> None:
        start_ms, end_ms, lacking = await asyncio.to_thread(self._lacking, symbol, interval, before_ms)
        if not lacking:
            return
        loop = asyncio.get_running_loop()
        began = loop.time()
        candles = await self.asking.page(symbol, interval, start_ms=start_ms, end_ms=end_ms)
        await asyncio.sleep(min(loop.time() - began, LONGEST_REST_S))
        if candles is None:
            log.warning("older %s candles of %s did not come; the next start asks again", interval.value, symbol)
        elif wanted := [candle for candle in candles if candle.open_ms in lacking]:
            await asyncio.to_thread(self.stored.upsert, wanted)
            self.counts[interval.value] += len(wanted)

    def _lacking(self, symbol: str, interval: Interval, before_ms: int) -> tuple[int, int, set[int]]:
        """The range of a page that ends with the bucket of the first minute, and what of it is not stored."""
        first_ms = min(before_ms, self.stored.oldest_ms(symbol) or before_ms)
        end_ms = interval.open_ms(first_ms - 1) + interval.ms
        start_ms = max(0, end_ms - PAGE * interval.ms)
        held = self.stored.candles(symbol, interval=interval, start_ms=start_ms, end_ms=end_ms)
        return start_ms, end_ms, set(range(start_ms, end_ms, interval.ms)) - _opens(held)


def _opens(candles: Sequence[Candle]) -> set[int]:
    return {candle.open_ms for candle in candles}
