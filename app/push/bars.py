"""The longer candle in progress, folded from a bucket's closed minutes and the forming one."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from pipeline.domain.candle import Candle
from pipeline.domain.folds import fold_minutes
from pipeline.domain.interval import MINUTE_MS, Interval


@dataclass(slots=True)
class Bucket:
    """The minutes of one longer candle; the fold of the closed ones is kept until one of them changes."""

    interval: Interval
    open_ms: int
    _minutes: dict[int, Candle] = field(default_factory=dict)
    _settled: Candle | None = None

    def put(self, minute: Candle) -> bool:
        """Take a minute in; False if it is known or older than the known one."""
        if not minute.supersedes(self._minutes.get(minute.open_ms)):
            return False
        if minute.closed:
            self._settled = None
        self._minutes[minute.open_ms] = minute
        return True

    @property
    def finished(self) -> bool:
        """Whether the bucket's last minute has closed."""
        last = self._minutes.get(self.open_ms + self.interval.ms - MINUTE_MS)
        return last is not None and last.closed

    @property
    def whole(self) -> bool:
        """Whether no minute is missing."""
        return len(self._minutes) == self.interval.minutes

    def candle(self) -> Candle:
        """The longer candle as far as it is known; ``present`` counts its minutes."""
        return replace(self._fold(), present=len(self._minutes), closed=self.finished)

    def _fold(self) -> Candle:
        forming = [minute for minute in self._minutes.values() if not minute.closed]
        newest = max(self._minutes)
        if len(forming) > 1 or (forming and forming[0].open_ms != newest):
            return fold_minutes(self._ordered(), interval=self.interval)
        if self._settled is None and len(forming) < len(self._minutes):
            self._settled = fold_minutes([m for m in self._ordered() if m.closed], interval=self.interval)
        parts = ([] if self._settled is None else [self._settled]) + forming
        return fold_minutes(parts, interval=self.interval)

    def _ordered(self) -> list[Candle]:
        return [self._minutes[open_ms] for open_ms in sorted(self._minutes)]


class LongerBar:
    """One symbol's candle of a longer interval: the bucket in progress and the one before it.

    The one before stays, because a minute's closing frame may come after the first trade of the next minute.
    """

    __slots__ = ("_buckets", "interval")

    def __init__(self, interval: Interval, minutes: Iterable[Candle] = ()) -> None:
        self.interval = interval
        self._buckets: dict[int, Bucket] = {}
        for minute in sorted(minutes, key=lambda minute: minute.open_ms):
            self.apply(minute)
        self._drop_partial()

    def candle(self) -> Candle | None:
        """The candle in progress; None before the first minute."""
        return self._buckets[max(self._buckets)].candle() if self._buckets else None

    def apply(self, minute: Candle) -> tuple[bool, Candle] | None:
        """(whether a candle is finished by this minute, the candle); None for a minute of a bucket long gone."""
        bucket = self._bucket(self.interval.open_ms(minute.open_ms))
        if bucket is None:
            return None
        changed = bucket.put(minute)
        last = minute.open_ms + MINUTE_MS == bucket.open_ms + self.interval.ms
        return minute.closed and (last or (changed and bucket.finished)), bucket.candle()

    def _bucket(self, open_ms: int) -> Bucket | None:
        if self._buckets and open_ms not in self._buckets and open_ms < max(self._buckets):
            return None
        if open_ms not in self._buckets:
            self._buckets[open_ms] = Bucket(self.interval, open_ms)
            for old in sorted(self._buckets)[:-2]:
                del self._buckets[old]
        return self._buckets[open_ms]

    def _drop_partial(self) -> None:
        for open_ms in sorted(self._buckets)[:-1]:
            if not self._buckets[open_ms].whole:
                del self._buckets[open_ms]
