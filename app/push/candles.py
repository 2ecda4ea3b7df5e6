"""The candles a socket begins with: closed ones of any interval from closed minutes, and what older ones add."""

from collections.abc import Sequence
from dataclasses import replace

from pipeline.domain.candle import Candle
from pipeline.domain.folds import fold_buckets
from pipeline.domain.interval import MINUTE_MS, Interval


def closed_candles(minutes: Sequence[Candle], *, interval: Interval) -> list[Candle]:
    """The finished candles of ``interval`` over closed minutes in time order, oldest first.

    A bucket is finished when its last minute, or a later one, has closed.
    """
    if interval is Interval.M1 or not minutes:
        return list(minutes)
    end_ms = minutes[-1].open_ms + MINUTE_MS
    folded = fold_buckets(minutes, interval=interval)
    return [replace(candle, closed=True) for candle in folded if candle.open_ms + interval.ms <= end_ms]


def keep_older(older: Sequence[Candle], recent: Sequence[Candle]) -> list[Candle]:
    """``recent`` with what is only in ``older``, or incomplete in ``recent``, put in: one candle a bucket, in order.

    Nothing of ``older`` is newer than ``recent``: that is for the live stream to tell.
    """
    end_ms = recent[-1].open_ms if recent else max((candle.open_ms for candle in older), default=0)
    joined = {candle.open_ms: candle for candle in recent}
    for candle in older:
        held = joined.get(candle.open_ms)
        if candle.open_ms <= end_ms and (held is None or (held.present or 0) < (candle.present or candle.expected)):
            joined[candle.open_ms] = candle
    return [joined[open_ms] for open_ms in sorted(joined)]


def recent_minutes(minutes: Sequence[Candle], *, interval: Interval) -> list[Candle]:
    """The minutes of the newest bucket and the one before it."""
    newest_ms = max((minute.open_ms for minute in minutes), default=0)
    first_ms = interval.open_ms(newest_ms) - interval.ms
    return [minute for minute in minutes if minute.open_ms >= first_ms]
