"""The market page's reads in memory: a deterministic market, every value a function of symbol and time."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from callbacks.reads import FeedState, Market, Ticker
from pipeline.domain.book import BookSnapshot, BookState, Level
from pipeline.domain.candle import Candle, Revision
from pipeline.domain.faults import TransientError
from pipeline.domain.interval import Interval
from pipeline.domain.trade import Trade

TRADE_MS = 250
"""One trade in so many milliseconds."""
SAMPLES = 12
_TICKS = {"BTCUSDT": ("64000", "0.01"), "ETHUSDT": ("3100", "0.01"), "DOGEUSDT": ("0.12", "0.00001")}


@dataclass
class MemoryReads:
    """A twin of the stores; ``away`` makes every read fail as an unreachable store does."""

    now_ms: Callable[[], int]
    source: str = "simulator"
    history: float | None = None
    away: bool = False
    empty: bool = False
    book_state: BookState = BookState.SYNCED
    repaired: dict[int, Candle] = field(default_factory=dict)
    """Closed candles by open time that are told instead of the market's own."""
    lacking: set[int] = field(default_factory=set)
    """Open times whose closed candles are not there yet."""

    def symbols(self) -> Sequence[Market]:
        self._reach()
        return [
            Market(symbol=symbol, base=symbol[:-4], quote="USDT", tick_size=Decimal(tick), step_size=Decimal("0.00010"))
            for symbol, (_, tick) in _TICKS.items()
        ]

    def candles(self, symbol: str, interval: Interval, limit: int) -> Sequence[Candle]:
        self._reach()
        if self._unknown(symbol):
            return []
        newest = interval.open_ms(self.now_ms())
        opened = [newest - ago * interval.ms for ago in range(limit, 0, -1)]
        return [
            self.repaired.get(open_ms) or self.candle(symbol, interval, open_ms)
            for open_ms in opened
            if open_ms not in self.lacking
        ]

    def forming(self, symbol: str, interval: Interval) -> Candle | None:
        self._reach()
        return None if self._unknown(symbol) else self.candle(symbol, interval, interval.open_ms(self.now_ms()))

    def book(self, symbol: str) -> BookSnapshot | None:
        self._reach()
        if self._unknown(symbol):
            return None
        now = self._event_ms()
        return BookSnapshot(
            symbol=symbol, last_update_id=now // 100, event_ms=now, received_ms=now, state=self.book_state,
            bids=self._levels(symbol, now, way=-1), asks=self._levels(symbol, now, way=1),
        )  # fmt: skip

    def trades(self, symbol: str, limit: int) -> Sequence[Trade]:
        self._reach()
        if self._unknown(symbol):
            return []
        newest = self.now_ms() // TRADE_MS
        return [self.trade(symbol, number) for number in range(newest, newest - limit, -1)]

    def ticker(self, symbol: str) -> Ticker:
        self._reach()
        if self._unknown(symbol):
            return Ticker(symbol=symbol)
        last, before = self.price(symbol, self._event_ms()), self.price(symbol, self._event_ms() - 86_400_000)
        return Ticker(
            symbol=symbol, last=last, change=last - before, change_percent=(last - before) / before * 100,
            high=last * Decimal("1.02"), low=last * Decimal("0.97"),
            volume=Decimal("18234.5"), quote_volume=Decimal("18234.5") * last,
        )  # fmt: skip

    def feed_state(self, symbol: str) -> FeedState:
        self._reach()
        known = not self._unknown(symbol)
        return FeedState(
            source=self.source, history=self.history,
            received_ms=self._event_ms() if known else None, lag_ms=40 if known else None,
        )  # fmt: skip

    def price(self, symbol: str, time_ms: int) -> Decimal:
        """The price at a time: three waves and a step of noise every half second."""
        base, tick = (Decimal(text) for text in _TICKS[symbol])
        step = time_ms // 500
        noise = math.sin(step * 12.9898) * 43758.5453 % 1 - 0.5
        wave = 0.021 * math.sin(time_ms / 7.2e6) + 0.004 * math.sin(time_ms / 9e5) + 0.0012 * math.sin(time_ms / 61e3)
        return (base * Decimal(1 + wave + 0.0006 * noise)).quantize(tick)

    def candle(self, symbol: str, interval: Interval, open_ms: int) -> Candle:
        """The candle opened at ``open_ms``: forming if it has not ended, from ``SAMPLES`` prices."""
        now = self._event_ms()
        closed = now > interval.close_ms(open_ms)
        end = min(now, interval.close_ms(open_ms))
        times = [open_ms + interval.ms * k // SAMPLES for k in range(SAMPLES)]
        prices = [self.price(symbol, time) for time in times if time <= end] + [self.price(symbol, end)]
        share = Decimal(end - open_ms + 1) / interval.ms
        volume = (share * interval.minutes * (9 + abs(prices[0] * 7 % 11))).quantize(Decimal("0.0001"))
        return Candle(
            symbol=symbol, interval=interval, open_ms=open_ms,
            open=prices[0], high=max(prices), low=min(prices), close=prices[-1],
            volume=volume, quote_volume=volume * prices[-1], trades=240, taker_buy_volume=volume / 2,
            taker_buy_quote_volume=volume * prices[-1] / 2, closed=closed,
            revision=Revision.CLOSED if closed else Revision.FORMING, source="ws", event_ms=end, received_ms=end,
        )  # fmt: skip

    def trade(self, symbol: str, number: int) -> Trade:
        """The trade with this id."""
        time_ms = number * TRADE_MS
        return Trade(
            symbol=symbol, trade_id=number, last_id=number, price=self.price(symbol, time_ms),
            quantity=Decimal(number * 7919 % 4000 + 1) / 10_000, time_ms=time_ms, is_buyer_maker=number * 31 % 5 < 2,
            event_ms=time_ms, received_ms=time_ms, source="ws",
        )  # fmt: skip

    def _levels(self, symbol: str, now: int, *, way: int) -> tuple[Level, ...]:
        tick = Decimal(_TICKS[symbol][1])
        best = self.price(symbol, now)
        return tuple(
            (best + way * tick * (1 + 3 * rank), Decimal((now // 250 * 17 + rank * 7919) % 9000 + 300) / 1000)
            for rank in range(100)
        )

    def _event_ms(self) -> int:
        return self.now_ms() // TRADE_MS * TRADE_MS

    def _unknown(self, symbol: str) -> bool:
        return self.empty or symbol not in _TICKS

    def _reach(self) -> None:
        if self.away:
            raise TransientError("the store is away")
