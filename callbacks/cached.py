"""Reads through a cache, so that a thousand open pages ask the stores once a second and not a thousand times."""

from collections.abc import Sequence

from flask_caching import Cache

from callbacks.reads import FeedState, Market, MarketReads, Ticker
from pipeline.domain.book import BookSnapshot
from pipeline.domain.candle import Candle
from pipeline.domain.interval import Interval
from pipeline.domain.trade import Trade

LIVE_S = 1
"""Seconds a live read may be old: one beat of the page. Whole, since Redis counts a key's life in seconds."""
SLOW_S = 2
"""Seconds for what changes slowly or costs more: the last 24 hours, the history of a chart."""
MARKETS_S = 10


def cached_reads(reads: MarketReads, *, cache: Cache) -> MarketReads:
    """``reads`` with each answer kept for a moment; errors are never kept."""
    return _CachedReads(reads, cache)


class _CachedReads:
    def __init__(self, reads: MarketReads, cache: Cache) -> None:
        # Plain functions, since the cache's key of a bound method holds the address of its object.
        @cache.memoize(timeout=MARKETS_S, response_filter=bool)
        def symbols() -> Sequence[Market]:
            return reads.symbols()

        @cache.memoize(timeout=LIVE_S)
        def candles(symbol: str, interval: str, limit: int) -> Sequence[Candle]:
            return reads.candles(symbol, Interval(interval), limit)

        @cache.memoize(timeout=LIVE_S)
        def forming(symbol: str, interval: str) -> Candle | None:
            return reads.forming(symbol, Interval(interval))

        @cache.memoize(timeout=LIVE_S)
        def book(symbol: str) -> BookSnapshot | None:
            return reads.book(symbol)

        @cache.memoize(timeout=LIVE_S)
        def trades(symbol: str, limit: int) -> Sequence[Trade]:
            return reads.trades(symbol, limit)

        @cache.memoize(timeout=SLOW_S)
        def ticker(symbol: str) -> Ticker:
            return reads.ticker(symbol)

        @cache.memoize(timeout=LIVE_S)
        def feed_state(symbol: str) -> FeedState:
            return reads.feed_state(symbol)

        self._symbols, self._candles, self._forming, self._book = symbols, candles, forming, book
        self._trades, self._ticker, self._feed_state = trades, ticker, feed_state

    def symbols(self) -> Sequence[Market]:
        return self._symbols()

    def candles(self, symbol: str, interval: Interval, limit: int) -> Sequence[Candle]:
        return self._candles(symbol, interval.value, limit)

    def forming(self, symbol: str, interval: Interval) -> Candle | None:
        return self._forming(symbol, interval.value)

    def book(self, symbol: str) -> BookSnapshot | None:
        return self._book(symbol)

    def trades(self, symbol: str, limit: int) -> Sequence[Trade]:
        return self._trades(symbol, limit)

    def ticker(self, symbol: str) -> Ticker:
        return self._ticker(symbol)

    def feed_state(self, symbol: str) -> FeedState:
        return self._feed_state(symbol)
