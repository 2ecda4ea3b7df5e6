"""What each market did over a window that ends at its newest event: the plain fold behind rankings and tickers."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pipeline.adapters.mongo_reader import MongoReader, Window
from pipeline.adapters.redis_reader import RedisReader
from pipeline.domain.candle import Candle
from pipeline.domain.faults import TransientError
from pipeline.domain.interval import DAY_MS, MINUTE_MS

WINDOWS_MS = {
    "1m": MINUTE_MS, "5m": 5 * MINUTE_MS, "15m": 15 * MINUTE_MS,
    "1h": 60 * MINUTE_MS, "4h": 240 * MINUTE_MS, "24h": DAY_MS,
}  # fmt: skip
KEPT_S = 5.0
PATIENCE_S = 2.0
REACH_MS = 60 * MINUTE_MS
"""How much older than the window's start the reference minute may be, where the exchange itself had a hole."""
_PERCENT = Decimal("0.0001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One market over one window: from the reference minute's close to the last price.

    ``change_percent`` is in per cent, rounded to four places; ``as_of_ms`` is the market's newest event time and
    ``received_ms`` our clock when it came. High and low count only minutes in which something was traded.
    """

    symbol: str
    price: Decimal
    change: Decimal
    change_percent: Decimal
    high: Decimal
    low: Decimal
    base_volume: Decimal
    quote_volume: Decimal
    as_of_ms: int
    received_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Movements:
    """Every market that has its reference minute, and by name those that do not have it yet."""

    moved: Mapping[str, Movement]
    pending: Sequence[str]


class WindowReads:
    """Movements over a window, kept for five seconds so that many readers cost one aggregation."""

    def __init__(
        self,
        redis: RedisReader,
        mongo: MongoReader,
        clock: Callable[[], float] = time.monotonic,
        *,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._redis = redis
        self._mongo = mongo
        self._patience_s = patience_s
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, tuple[str, ...]], tuple[float, Movements]] = {}

    def movements(self, symbols: Sequence[str], window: str) -> Movements:
        """What ``symbols`` did over ``window``, one of WINDOWS_MS. Raises TransientError while a store is away."""
        if not self._lock.acquire(timeout=self._patience_s):
            raise TransientError("MongoDB: another reader still waits for it", retry_after_s=PATIENCE_S)
        try:
            return self._fresh((window, tuple(symbols)))
        finally:
            self._lock.release()

    def _fresh(self, key: tuple[str, tuple[str, ...]]) -> Movements:
        kept_at, kept = self._kept.get(key, (float("-inf"), None))
        if kept is None or self._clock() - kept_at >= KEPT_S:
            kept = self._fold(key[1], WINDOWS_MS[key[0]])
            self._kept[key] = (self._clock(), kept)
        return kept

    def _fold(self, symbols: Sequence[str], length_ms: int) -> Movements:
        latest = self._redis.latest_of(symbols)
        ends = {symbol: candle.event_ms for symbol, candle in latest.items()}
        windows = self._mongo.windows(ends, length_ms=length_ms, reach_ms=REACH_MS)
        moved = {
            symbol: movement(latest[symbol], window, self._beyond(latest[symbol], window))
            for symbol, window in windows.items()
        }
        return Movements(moved=moved, pending=[symbol for symbol in symbols if symbol not in moved])

    def _beyond(self, latest: Candle, window: Window) -> list[Candle]:
        """The minutes after the newest stored one: closed ones MongoDB does not have yet, and the newest."""
        if latest.open_ms <= window.newest_ms:
            return []
        if latest.open_ms == window.newest_ms + MINUTE_MS:
            return [latest]
        closed = self._redis.newest(latest.symbol, after_ms=window.newest_ms).closed
        return [minute for minute in closed if minute.open_ms < latest.open_ms] + [latest]


def movement(latest: Candle, window: Window, beyond: Sequence[Candle]) -> Movement:
    """The movement of one market: its stored window and the minutes ``beyond`` it, the newest last."""
    change = latest.close - window.reference
    traded = [minute for minute in beyond if minute.volume]
    highs = [high for high in (window.high, *(minute.high for minute in traded)) if high is not None]
    lows = [low for low in (window.low, *(minute.low for minute in traded)) if low is not None]
    return Movement(
        symbol=latest.symbol,
        price=latest.close,
        change=change,
        change_percent=(change / window.reference * 100).quantize(_PERCENT),
        high=max(highs, default=latest.close),
        low=min(lows, default=latest.close),
        base_volume=sum((minute.volume for minute in beyond), window.volume),
        quote_volume=sum((minute.quote_volume for minute in beyond), window.quote_volume),
        as_of_ms=latest.event_ms,
        received_ms=latest.received_ms,
    )
