"""The longer candle in progress, folded from its bucket's minutes step by step."""

from collections.abc import Iterable
from dataclasses import replace

from pipeline.domain.candle import Candle
from pipeline.domain.folds import fold_minutes
from pipeline.domain.interval import MINUTE_MS, Interval

SECTION_MS = 30 * MINUTE_MS
"""How much of a bucket is folded together: near the square root of a day's minutes, so that no change costs a day."""


class RunningFold:
    """Candles of one bucket by open time, folded; that of all but the newest is kept while only the newest changes."""

    __slots__ = ("_earlier", "_interval", "_newest_ms", "_parts")

    def __init__(self, interval: Interval) -> None:
        self._interval = interval
        self._parts: dict[int, Candle] = {}
        self._newest_ms = -1
        self._earlier: Candle | None = None

    def put(self, open_ms: int, part: Candle) -> None:
        """Take a part in, or another state of it."""
        if open_ms != self._newest_ms:
            self._earlier = None
        self._parts[open_ms] = part
        self._newest_ms = max(self._newest_ms, open_ms)

    def candle(self) -> Candle:
        """The fold of all parts, at least one; its ``present`` counts nothing."""
        if self._earlier is None and len(self._parts) > 1:
            earlier = [self._parts[open_ms] for open_ms in sorted(self._parts) if open_ms != self._newest_ms]
            self._earlier = fold_minutes(earlier, interval=self._interval)
        newest = self._parts[self._newest_ms]
        return fold_minutes([newest] if self._earlier is None else [self._earlier, newest], interval=self._interval)

    def copy(self) -> "RunningFold":
        """Another of the same parts, to go on separately."""
        other = RunningFold(self._interval)
        other._parts = dict(self._parts)
        other._newest_ms, other._earlier = self._newest_ms, self._earlier
        return other


class Bucket:
    """The minutes of one longer candle, folded by section, and the sections folded into the whole."""

    __slots__ = ("_changed", "_minutes", "_sections", "_whole", "interval", "open_ms")

    def __init__(self, interval: Interval, open_ms: int) -> None:
        self.interval = interval
        self.open_ms = open_ms
        self._minutes: dict[int, Candle] = {}
        self._sections: dict[int, RunningFold] = {}
        self._changed: set[int] = set()
        self._whole = RunningFold(interval)

    def put(self, minute: Candle) -> bool:
        """Take a minute in; False if it is known or older than the known one. Folds nothing yet."""
        if not minute.supersedes(self._minutes.get(minute.open_ms)):
            return False
        self._minutes[minute.open_ms] = minute
        section_ms = minute.open_ms - minute.open_ms % SECTION_MS
        if section_ms not in self._sections:
            self._sections[section_ms] = RunningFold(self.interval)
        self._sections[section_ms].put(minute.open_ms, minute)
        self._changed.add(section_ms)
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
        for section_ms in self._changed:
            self._whole.put(section_ms, self._sections[section_ms].candle())
        self._changed.clear()
        return replace(self._whole.candle(), present=len(self._minutes), closed=self.finished)

    def copy(self) -> "Bucket":
        """Another of the same minutes, to go on separately."""
        other = Bucket(self.interval, self.open_ms)
        other._minutes = dict(self._minutes)
        other._sections = {open_ms: section.copy() for open_ms, section in self._sections.items()}
        other._changed = set(self._changed)
        other._whole = self._whole.copy()
        return other


class LongerBar:
    """One symbol's candle of a longer interval: the bucket in progress and the one before it.

    The one before stays, because a minute's closing frame may come after the first trade of the next minute.
    All folding of ``minutes`` is done when it is made: whoever serves sockets takes a ``copy``.
    """

    __slots__ = ("_buckets", "interval")

    def __init__(self, interval: Interval, minutes: Iterable[Candle] = ()) -> None:
        self.interval = interval
        self._buckets: dict[int, Bucket] = {}
        for minute in sorted(minutes, key=lambda minute: minute.open_ms):
            bucket = self._bucket(interval.open_ms(minute.open_ms))
            if bucket is not None:
                bucket.put(minute)
        self._drop_partial()
        for bucket in self._buckets.values():
            bucket.candle()

    def copy(self) -> "LongerBar":
        """Another of the same minutes, to go on separately; cheap, for it folds nothing."""
        other = LongerBar(self.interval)
        other._buckets = {open_ms: bucket.copy() for open_ms, bucket in self._buckets.items()}
        return other

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
