"""Candles for readers: closed ones of any interval from MongoDB, the one in progress from Redis, no hole between."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.reads.stitching import OLDER, is_whole, lacking, stitched
from pipeline.adapters.mongo_gaps import GapStore
from pipeline.adapters.mongo_reader import MongoReader
from pipeline.adapters.redis_reader import RedisReader
from pipeline.domain.candle import Candle
from pipeline.domain.faults import TransientError
from pipeline.domain.folds import fold_buckets, fold_minutes
from pipeline.domain.gap import Stream, caused
from pipeline.domain.interval import MINUTE_MS, Interval

EVER_MS = 1 << 53
"""Later than any open time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CandleRange:
    """Which candles are wanted: the newest ``limit`` of those opened from ``start_ms`` to ``end_ms`` inclusive."""

    interval: Interval
    limit: int
    start_ms: int | None = None
    end_ms: int | None = None

    @property
    def first_minute_ms(self) -> int:
        """The earliest minute that may be part of a wanted candle: the first bucket begins at or after ``start_ms``."""
        start_ms = self.start_ms or 0
        return start_ms + -start_ms % self.interval.ms

    @property
    def past_minute_ms(self) -> int:
        """The first minute after every wanted candle."""
        if self.end_ms is None:
            return EVER_MS
        return self.interval.open_ms(self.end_ms) + self.interval.ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Closed candles, oldest first, and the one in progress (None while it is unknown)."""

    candles: Sequence[Candle]
    forming: Candle | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edge:
    """Where the stored minutes end, and what Redis knows beyond: closed minutes, and the newest of all."""

    stored_ms: int
    tail: Sequence[Candle]
    latest: Candle | None

    @property
    def closed_ms(self) -> int:
        """Open time of the newest closed minute, -1 if there is none."""
        return self.tail[-1].open_ms if self.tail else self.stored_ms

    @property
    def forming(self) -> Candle | None:
        """The minute in progress."""
        latest = self.latest
        return latest if latest is not None and not latest.closed and latest.open_ms > self.closed_ms else None


class CandleReads:
    """Candles of any interval; longer ones are folded from minutes on read, and the exchange's own where these lack.

    MongoDB is asked first and Redis after it, so that a minute closed in between is in one of the two answers.
    """

    def __init__(self, redis: RedisReader, mongo: MongoReader, ledger: GapStore) -> None:
        self._redis = redis
        self._mongo = mongo
        self._ledger = ledger

    def chart(self, symbol: str, wanted: CandleRange) -> Chart:
        """Closed candles of a range and the one in progress now; without Redis, what MongoDB alone knows."""
        stored_ms = self._stored_ms(symbol)
        try:
            edge = self._edge(symbol, stored_ms)
        except TransientError:
            edge = _Edge(stored_ms=stored_ms, tail=(), latest=None)
        return Chart(candles=self._closed(symbol, wanted, edge), forming=self._forming(symbol, wanted.interval, edge))

    def closed(self, symbol: str, wanted: CandleRange) -> list[Candle]:
        """Closed candles of a range, oldest first. Raises TransientError while a store is away."""
        return self._closed(symbol, wanted, self._edge(symbol, self._stored_ms(symbol)))

    def forming(self, symbol: str, interval: Interval) -> Candle | None:
        """The candle in progress. Raises TransientError while a store is away."""
        return self._forming(symbol, interval, self._edge(symbol, self._stored_ms(symbol)))

    def _stored_ms(self, symbol: str) -> int:
        newest_ms = self._mongo.newest_open_ms(symbol, start_ms=0, end_ms=EVER_MS)
        return -1 if newest_ms is None else newest_ms

    def _edge(self, symbol: str, stored_ms: int) -> _Edge:
        newest = self._redis.newest(symbol, after_ms=stored_ms)
        return _Edge(stored_ms=stored_ms, tail=newest.closed, latest=newest.latest)

    def _closed(self, symbol: str, wanted: CandleRange, edge: _Edge) -> list[Candle]:
        past_ms = min(wanted.past_minute_ms, wanted.interval.open_ms(edge.closed_ms + MINUTE_MS))
        tail = [minute for minute in edge.tail if wanted.first_minute_ms <= minute.open_ms < past_ms]
        if wanted.interval is Interval.M1:
            stored = self._mongo.minutes(
                symbol, start_ms=wanted.first_minute_ms, end_ms=past_ms, limit=max(1, wanted.limit - len(tail))
            )
            return [*stored, *tail][-wanted.limit :]
        folded = self._folded(symbol, wanted, past_ms=past_ms, tail=tail)
        return self._explained(symbol, self._with_longer(symbol, wanted, folded))

    def _with_longer(self, symbol: str, wanted: CandleRange, folded: Sequence[Candle]) -> Sequence[Candle]:
        """``folded`` and the exchange's own candles before and between them, the newest of both."""
        if wanted.interval not in OLDER or is_whole(folded, limit=wanted.limit):
            return folded
        start_ms = folded[0].open_ms if len(folded) == wanted.limit else wanted.first_minute_ms
        longer = self._mongo.longer(
            symbol, interval=wanted.interval, start_ms=start_ms, end_ms=wanted.past_minute_ms, limit=wanted.limit
        )
        return stitched(folded, longer)[-wanted.limit :]

    def _explained(self, symbol: str, candles: Sequence[Candle]) -> list[Candle]:
        """``candles``, the short ones with their cause where the exchange has no more minutes either."""
        short = lacking(candles)
        if not short:
            return list(candles)
        past_ms = short[-1].open_ms + short[-1].interval.ms
        gaps = self._ledger.between([symbol], stream=Stream.KLINE, start=short[0].open_ms, end=past_ms)
        return [caused(candle, gaps) for candle in candles]

    def _folded(self, symbol: str, wanted: CandleRange, *, past_ms: int, tail: Sequence[Candle]) -> list[Candle]:
        """The newest buckets that have any minute; those MongoDB has whole are folded there."""
        folded: list[Candle] = []
        if tail:
            open_ms = wanted.interval.open_ms(tail[0].open_ms)
            stored = self._mongo.minutes(symbol, start_ms=open_ms, end_ms=tail[0].open_ms)
            folded, past_ms = fold_buckets([*stored, *tail], interval=wanted.interval), open_ms
        while len(folded) < wanted.limit:
            older = self._stretch(symbol, wanted, past_ms=past_ms, count=wanted.limit - len(folded))
            if not older:
                break
            folded, past_ms = older + folded, older[0].open_ms
        return folded[-wanted.limit :]

    def _stretch(self, symbol: str, wanted: CandleRange, *, past_ms: int, count: int) -> list[Candle]:
        """The newest bucket before ``past_ms`` that has a minute and those of the ``count - 1`` before it that do.

        A hole of any length costs one more stretch.
        """
        start_ms, interval = wanted.first_minute_ms, wanted.interval
        newest_ms = self._mongo.newest_open_ms(symbol, start_ms=start_ms, end_ms=past_ms)
        if newest_ms is None:
            return []
        first_ms = max(start_ms, interval.open_ms(newest_ms) - (count - 1) * interval.ms)
        return self._mongo.buckets(symbol, interval=interval, start_ms=first_ms, end_ms=past_ms)

    def _forming(self, symbol: str, interval: Interval, edge: _Edge) -> Candle | None:
        forming = edge.forming
        if interval is Interval.M1 or edge.latest is None:
            return forming
        newest_ms = edge.closed_ms if forming is None else forming.open_ms
        if forming is None and interval.close_ms(interval.open_ms(newest_ms)) == Interval.M1.close_ms(newest_ms):
            return None
        open_ms = interval.open_ms(newest_ms)
        stored = self._mongo.minutes(symbol, start_ms=open_ms, end_ms=edge.stored_ms + 1)
        tail = [minute for minute in edge.tail if minute.open_ms >= open_ms]
        minutes = [*stored, *tail, *([forming] if forming is not None else [])]
        return replace(fold_minutes(minutes, interval=interval), closed=False) if minutes else None
