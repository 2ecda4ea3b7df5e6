"""Reads through a cache, so that a thousand open pages ask the stores once a second and not a thousand times."""

import time
from collections.abc import Callable, Sequence
from functools import wraps
from typing import ParamSpec, TypeVar

from flask_caching import Cache

from callbacks.reads import (
    FeedState,
    Market,
    MarketReads,
    MarketStanding,
    ProcessStanding,
    QualityReads,
    Ranking,
    RankingReads,
    StoredDay,
    StoreStanding,
    SystemReads,
    Ticker,
)
from pipeline.domain.book import BookSnapshot
from pipeline.domain.candle import Candle
from pipeline.domain.faults import TransientError
from pipeline.domain.gap import Gap
from pipeline.domain.interval import Interval
from pipeline.domain.quality import Counts, MarketTrust, QualityDay
from pipeline.domain.trade import Trade

LIVE_S = 1
"""Seconds a live read may be old: one beat of the page. Whole, since Redis counts a key's life in seconds."""
SLOW_S = 2
"""Seconds for what changes slowly or costs more: the last 24 hours, the history of a chart."""
MARKETS_S = 10
GAPS_S = 5
DAYS_S = 20
"""Seconds the count of stored minutes may be old: it is the one read that looks at whole days."""
AWAY_S = 2.0
"""How long after a read failed the same read of any market fails at once: a hanging store costs each its deadline."""

P = ParamSpec("P")
T = TypeVar("T")


def cached_reads(reads: MarketReads, *, cache: Cache, clock: Callable[[], float] = time.monotonic) -> MarketReads:
    """``reads`` with each answer kept for a moment; a TransientError is raised again for ``AWAY_S`` without asking.

    ``clock`` tells seconds.
    """
    return _CachedReads(reads, cache, clock)


def cached_ranking(reads: RankingReads, *, cache: Cache, clock: Callable[[], float] = time.monotonic) -> RankingReads:
    """The markets page's read, kept like the market page's."""
    return _CachedRanking(reads, cache, clock)


def cached_system(reads: SystemReads, *, cache: Cache, clock: Callable[[], float] = time.monotonic) -> SystemReads:
    """The system page's reads, kept like the market page's."""
    return _CachedSystem(reads, cache, clock)


def _impatient(clock: Callable[[], float]) -> Callable[[Callable[P, T]], Callable[P, T]]:
    def failing_at_once(read: Callable[P, T]) -> Callable[P, T]:
        failed: tuple[float, str, float | None] | None = None

        @wraps(read)
        def tried(*args: P.args, **kwargs: P.kwargs) -> T:
            nonlocal failed
            recent = failed
            if recent is not None and clock() - recent[0] < AWAY_S:
                raise TransientError(recent[1], retry_after_s=recent[2])
            try:
                return read(*args, **kwargs)
            except TransientError as error:
                failed = clock(), str(error), error.retry_after_s
                raise

        return tried

    return failing_at_once


def cached_quality(reads: QualityReads, *, cache: Cache, clock: Callable[[], float] = time.monotonic) -> QualityReads:
    """The data quality page's reads, kept like the market page's."""
    return _CachedQuality(reads, cache, clock)


class _CachedReads:
    def __init__(self, reads: MarketReads, cache: Cache, clock: Callable[[], float]) -> None:
        impatient = _impatient(clock)

        # Plain functions, since the cache's key of a bound method holds the address of its object.
        @cache.memoize(timeout=MARKETS_S, response_filter=bool)
        @impatient
        def symbols() -> Sequence[Market]:
            return reads.symbols()

        @cache.memoize(timeout=LIVE_S)
        @impatient
        def candles(symbol: str, interval: str, limit: int) -> Sequence[Candle]:
            return reads.candles(symbol, Interval(interval), limit)

        @cache.memoize(timeout=LIVE_S)
        @impatient
        def forming(symbol: str, interval: str) -> Candle | None:
            return reads.forming(symbol, Interval(interval))

        @cache.memoize(timeout=LIVE_S)
        @impatient
        def book(symbol: str) -> BookSnapshot | None:
            return reads.book(symbol)

        @cache.memoize(timeout=LIVE_S)
        @impatient
        def trades(symbol: str, limit: int) -> Sequence[Trade]:
            return reads.trades(symbol, limit)

        @cache.memoize(timeout=SLOW_S)
        @impatient
        def ticker(symbol: str) -> Ticker:
            return reads.ticker(symbol)

        @cache.memoize(timeout=LIVE_S)
        @impatient
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


class _CachedRanking:
    def __init__(self, reads: RankingReads, cache: Cache, clock: Callable[[], float]) -> None:
        @cache.memoize(timeout=SLOW_S)
        @_impatient(clock)
        def ranking(window: str) -> Ranking:
            return reads.ranking(window)

        self._ranking = ranking

    def ranking(self, window: str) -> Ranking:
        return self._ranking(window)


class _CachedSystem:
    def __init__(self, reads: SystemReads, cache: Cache, clock: Callable[[], float]) -> None:
        impatient = _impatient(clock)

        @cache.memoize(timeout=SLOW_S)
        def stores() -> Sequence[StoreStanding]:
            return reads.stores()

        @cache.memoize(timeout=LIVE_S)
        @impatient
        def processes() -> Sequence[ProcessStanding]:
            return reads.processes()

        @cache.memoize(timeout=LIVE_S)
        @impatient
        def markets() -> Sequence[MarketStanding]:
            return reads.markets()

        @cache.memoize(timeout=SLOW_S)
        @impatient
        def history() -> float | None:
            return reads.history()

        @cache.memoize(timeout=DAYS_S)
        @impatient
        def quality(days: int) -> Sequence[StoredDay]:
            return reads.quality(days)

        self._stores, self._processes, self._markets = stores, processes, markets
        self._history, self._quality = history, quality

    def stores(self) -> Sequence[StoreStanding]:
        return self._stores()

    def processes(self) -> Sequence[ProcessStanding]:
        return self._processes()

    def markets(self) -> Sequence[MarketStanding]:
        return self._markets()

    def history(self) -> float | None:
        return self._history()

    def quality(self, days: int) -> Sequence[StoredDay]:
        return self._quality(days)


class _CachedQuality:
    def __init__(self, reads: QualityReads, cache: Cache, clock: Callable[[], float]) -> None:
        impatient = _impatient(clock)

        @cache.memoize(timeout=GAPS_S)
        @impatient
        def quality_days(days: int) -> Sequence[QualityDay]:
            return reads.days(days)

        @cache.memoize(timeout=GAPS_S)
        @impatient
        def gaps(symbol: str, start_ms: int, end_ms: int) -> Sequence[Gap]:
            return reads.gaps(symbol, start_ms=start_ms, end_ms=end_ms)

        @cache.memoize(timeout=SLOW_S)
        @impatient
        def trust() -> Sequence[MarketTrust]:
            return reads.markets()

        @cache.memoize(timeout=SLOW_S)
        @impatient
        def counts() -> Counts:
            return reads.counts()

        self._days, self._gaps, self._markets, self._counts = quality_days, gaps, trust, counts

    def days(self, days: int) -> Sequence[QualityDay]:
        return self._days(days)

    def gaps(self, symbol: str, *, start_ms: int, end_ms: int) -> Sequence[Gap]:
        return self._gaps(symbol, start_ms, end_ms)

    def markets(self) -> Sequence[MarketTrust]:
        return self._markets()

    def counts(self) -> Counts:
        return self._counts()
