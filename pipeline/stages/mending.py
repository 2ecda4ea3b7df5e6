"""Minutes compared with the exchange's own and, where they lack or differ, sent anew; the gaps noted on the way."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.domain.candle import Candle
from pipeline.domain.comparison import Pair, Verdict, is_unverified, pairs
from pipeline.domain.gap import Gaps
from pipeline.domain.interval import MINUTE_MS, Interval
from pipeline.stages.asking import SURE_MS, Asking
from pipeline.stages.history import missed
from pipeline.stages.ports import Candles, Clock
from pipeline.stages.shipment import Shipment


@dataclass(slots=True)
class Mending:
    """What backfill and reconcile do with a page of minutes; without a shipment they only look."""

    asking: Asking
    stored: Candles
    gaps: Gaps
    clock: Clock
    shipment: Shipment | None = None
    _expected: dict[str, range] = field(default_factory=dict)

    async def page(self, symbol: str, *, start_ms: int, end_ms: int) -> list[Pair] | None:
        """Every minute of a half-open range of at most a page, as it was found; None if the exchange never answered."""
        if symbol not in self._expected:
            self._expected[symbol] = await asyncio.to_thread(self._collected, symbol)
        theirs = await self.asking.page(symbol, Interval.M1, start_ms=start_ms, end_ms=end_ms)
        if theirs is None:
            return None
        ours = await asyncio.to_thread(
            self.stored.candles, symbol, interval=Interval.M1, start_ms=start_ms, end_ms=end_ms
        )
        found = pairs(ours, theirs, range(start_ms, end_ms, MINUTE_MS))
        if self.shipment is not None:
            await self._mend(symbol, found, self.shipment)
        return found

    async def _mend(self, symbol: str, found: Sequence[Pair], shipment: Shipment) -> None:
        await shipment.send([pair.theirs for pair in found if pair.theirs is not None and is_news(pair, pair.theirs)])
        now_ms = self.clock()
        absent = [pair.open_ms for pair in found if pair.theirs is None and pair.open_ms < now_ms - SURE_MS]
        late = [pair.open_ms for pair in found if pair.verdict is Verdict.MISSING]
        ours = [open_ms for open_ms in late if open_ms in self._expected[symbol]]
        await asyncio.to_thread(self.gaps.note, missed(symbol, absent=absent, ours=ours, now_ms=now_ms))

    def _collected(self, symbol: str) -> range:
        """From the first stored minute to the last: what is missing in between was missed by us."""
        newest = self.stored.newest(symbol, count=1)
        return range(self.stored.oldest_ms(symbol) or 0, newest[0].open_ms) if newest else range(0)


def is_news(pair: Pair, theirs: Candle) -> bool:
    """Whether the store gains by the exchange's row: a candle, other values, or a verification it does not have."""
    return pair.ours is None or pair.verdict is not Verdict.EQUAL or is_unverified(pair.ours, theirs)
