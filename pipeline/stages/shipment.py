"""Candles on their way through the log into the store: sent, and waited for until the archive has stored them."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pipeline.domain import records
from pipeline.domain.candle import Candle
from pipeline.domain.faults import TransientError
from pipeline.domain.interval import Interval
from pipeline.domain.names import Topics
from pipeline.stages.ports import Candles, Publisher

MOST_UNDER_WAY = 20_000
"""Candles that may be in the log and not yet in the store before more are sent."""
ARRIVES_WITHIN_S = 60.0
LOOK_EVERY_S = 0.2
PRESSED_WAIT_S = 0.05


@dataclass(slots=True)
class Shipment:
    """One-minute candles that are to be stored by whoever follows the log."""

    publisher: Publisher
    stored: Candles
    topics: Topics
    clock_s: Callable[[], float] = time.monotonic
    under_way: int = 0
    _parcels: deque[Sequence[Candle]] = field(default_factory=deque)

    async def send(self, candles: Sequence[Candle]) -> None:
        """Append candles of one symbol, oldest first; returns before they are stored. As ``arrived``."""
        if not candles:
            return
        for candle in candles:
            self.publisher.append(self.topics.kline, key=candle.symbol, value=records.encode_candle(candle))
        self._parcels.append(candles)
        self.under_way += len(candles)
        while self.publisher.pressed:
            await asyncio.sleep(PRESSED_WAIT_S)
        while self.under_way > MOST_UNDER_WAY:
            await self._next_arrived()

    async def arrived(self) -> None:
        """Return when everything sent is stored. Raises TransientError if it does not get there."""
        while self._parcels:
            await self._next_arrived()

    async def _next_arrived(self) -> None:
        await asyncio.to_thread(self.publisher.flush)
        deadline_s = self.clock_s() + ARRIVES_WITHIN_S
        while lacking := await asyncio.to_thread(self._lacking, self._parcels[0]):
            if self.clock_s() > deadline_s:
                raise TransientError(
                    f"{self.under_way} candles are in the log, and after {ARRIVES_WITHIN_S:.0f} s MongoDB still lacks "
                    f"{lacking} of the first {len(self._parcels[0])}: see with ./run status that archive runs"
                )
            await asyncio.sleep(LOOK_EVERY_S)
        self.under_way -= len(self._parcels.popleft())

    def _lacking(self, parcel: Sequence[Candle]) -> int:
        start_ms, end_ms = parcel[0].open_ms, parcel[-1].open_ms + 1
        found = self.stored.candles(parcel[0].symbol, interval=Interval.M1, start_ms=start_ms, end_ms=end_ms)
        held = {candle.open_ms: candle for candle in found}
        return sum(not _is_stored(candle, held.get(candle.open_ms)) for candle in parcel)


def _is_stored(sent: Candle, held: Candle | None) -> bool:
    """Whether the store has taken ``sent`` in, or knows something later."""
    return held is not None and sent.merged(held) == held
