"""Longer candles from two sources, one a bucket: the fold of the minutes, or the exchange's own. Pure.

The exchange's own 1h, 4h and 1d reach back years behind the first stored minute; they give way bucket by bucket.
"""

from collections.abc import Sequence
from dataclasses import replace

from pipeline.domain.candle import Candle
from pipeline.domain.gap import Cause
from pipeline.domain.interval import Interval

OLDER = frozenset({Interval.H1, Interval.H4, Interval.D1})
"""Of which intervals the exchange's own candles are kept."""


def stitched(folded: Sequence[Candle], longer: Sequence[Candle]) -> list[Candle]:
    """One candle a bucket, oldest first: ``folded`` are of minutes, ``longer`` the exchange's own."""
    buckets = {candle.open_ms: candle for candle in longer}
    for fold in folded:
        theirs = buckets.get(fold.open_ms)
        buckets[fold.open_ms] = fold if theirs is None else _nearer(fold, theirs)
    return [buckets[open_ms] for open_ms in sorted(buckets)]


def _nearer(fold: Candle, theirs: Candle) -> Candle:
    """Which of two candles of one bucket is shown.

    A short fold with the exchange's values is short because the exchange has no more minutes: that is said of it.
    """
    if fold.values == theirs.values:
        cause = fold.cause if fold.complete else Cause.EXCHANGE.value
        return replace(fold, verified_ms=_later(fold.verified_ms, theirs.verified_ms), cause=cause)
    return fold if fold.complete else theirs


def _later(one: int | None, other: int | None) -> int | None:
    return max((each for each in (one, other) if each is not None), default=None)


def is_whole(folded: Sequence[Candle], *, limit: int) -> bool:
    """Whether the folds alone are ``limit`` whole candles without a hole between them."""
    unbroken = len(folded) == limit and folded[-1].open_ms - folded[0].open_ms == (limit - 1) * folded[0].interval.ms
    return unbroken and all(candle.complete for candle in folded)


def lacking(candles: Sequence[Candle]) -> list[Candle]:
    """Those that lack minutes without anyone having said why."""
    return [candle for candle in candles if candle.present is not None and not candle.complete and not candle.cause]
