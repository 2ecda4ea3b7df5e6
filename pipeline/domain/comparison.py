"""Our candles beside the exchange's own, bucket by bucket, and what can be said of each pair."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from pipeline.domain.candle import Candle
from pipeline.domain.gap import Cause
from pipeline.domain.interval import DAY_MS, Interval

QUOTE_ROUNDING = Decimal("0.00000001")
"""The exchange states quote volumes to eight digits a candle, so a fold of minutes may be off by that for each."""
VERIFIED_FOR_MS = DAY_MS
"""A candle found equal is stamped again only after this long: the stamp of a minute is a record in the log."""
KEPT_WITHOUT_MINUTES = (Interval.H1, Interval.H4, Interval.D1)
"""Intervals whose own candles of the exchange are stored where the minutes are not."""


class Verdict(StrEnum):
    """What a pair comes to."""

    EQUAL = "equal"
    DIFFERS = "differs"
    MISSING = "missing"
    """The exchange has it and we do not."""
    SURPLUS = "surplus"
    """We have it and the exchange does not."""
    GAP = "gap"
    """Nobody has it."""
    INCONSISTENT = "inconsistent"
    """Every minute equals the exchange's own, and its longer candle is not what they add up to."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One bucket: our candle and the exchange's, either of which may be lacking."""

    open_ms: int
    ours: Candle | None
    theirs: Candle | None

    @property
    def verdict(self) -> Verdict:
        """What it comes to; INCONSISTENT takes more than one pair to know."""
        if self.ours is None:
            return Verdict.GAP if self.theirs is None else Verdict.MISSING
        if self.theirs is None:
            return Verdict.SURPLUS
        return Verdict.EQUAL if agree(self.ours, self.theirs) else Verdict.DIFFERS


@dataclass(frozen=True, slots=True)
class Longer:
    """One bucket of a longer interval as it stands, and as it would be with every minute mended.

    ``stored`` lies in the interval's own collection, ``fold`` is made of the stored minutes, ``mended`` of the
    exchange's; each may be lacking.
    """

    open_ms: int
    stored: Candle | None
    fold: Candle | None
    mended: Candle | None
    theirs: Candle | None

    @property
    def pair(self) -> Pair:
        """What is served, beside the exchange's."""
        return Pair(self.open_ms, served(self.stored, self.fold), self.theirs)

    @property
    def verdict(self) -> Verdict:
        """What it comes to; INCONSISTENT if the exchange's own minutes do not make the exchange's candle."""
        verdict = self.pair.verdict
        if verdict in (Verdict.EQUAL, Verdict.GAP) or self.is_healable:
            return verdict
        return verdict if self.theirs is None else Verdict.INCONSISTENT

    @property
    def is_healable(self) -> bool:
        """Whether the exchange's minutes, or its own candle where there are none, put it right."""
        if self.theirs is None:
            return False
        if self.mended is None:
            return self.theirs.interval in KEPT_WITHOUT_MINUTES
        return agree(self.mended, self.theirs)

    @property
    def better(self) -> Candle | None:
        """What the interval's collection should hold instead of, or as, its candle; None if it is well as it is."""
        theirs, stored = self.theirs, self.stored
        if theirs is None or (stored is None and (self.mended is not None or not self.is_healable)):
            return None
        if stored is None or stored.present is None:
            return theirs if stored is None or not agree(stored, theirs) or is_unverified(stored, theirs) else None
        if agree(stored, theirs):
            return _stamped(stored, theirs) if is_unverified(stored, theirs) else None
        if self.mended is None or not self.is_healable:
            return None
        return _stamped(replace(self.mended, revision=theirs.revision, event_ms=theirs.event_ms), theirs)


def served(stored: Candle | None, fold: Candle | None) -> Candle | None:
    """What is shown: a stored fold, else the fold of all minutes, else the exchange's own, else a short fold."""
    if stored is not None and stored.present is not None:
        return stored
    return fold if fold is not None and (fold.complete or stored is None) else stored


def is_unverified(ours: Candle, theirs: Candle) -> bool:
    """Whether a candle equal to ``theirs`` was never found so, or too long ago."""
    return ours.verified_ms is None or (theirs.verified_ms or 0) - ours.verified_ms > VERIFIED_FOR_MS


def pairs(ours: Iterable[Candle], theirs: Iterable[Candle], opens: Iterable[int]) -> list[Pair]:
    """The pair of each open time, in the order of ``opens``; all candles are of one symbol and interval."""
    own = {candle.open_ms: candle for candle in ours}
    exchange = {candle.open_ms: candle for candle in theirs}
    return [Pair(open_ms, own.get(open_ms), exchange.get(open_ms)) for open_ms in opens]


def whole_buckets(interval: Interval, *, start_ms: int, end_ms: int) -> range:
    """Open times of the buckets that lie entirely in the half-open range."""
    first_ms = interval.open_ms(start_ms + interval.ms - 1)
    return range(first_ms, max(first_ms, end_ms - interval.ms + 1), interval.ms)


def agree(ours: Candle, theirs: Candle) -> bool:
    """Whether two candles of one bucket say the same: digit for digit, sums of quote volume to their rounding."""
    if ours.values == theirs.values:
        return True
    slack = QUOTE_ROUNDING * ours.expected if ours.interval is not Interval.M1 else Decimal(0)
    return _exact(ours) == _exact(theirs) and all(
        abs(one - other) <= slack for one, other in zip(_quotes(ours), _quotes(theirs), strict=True)
    )


def _stamped(ours: Candle, theirs: Candle) -> Candle:
    """Ours, found equal; what it lacks the exchange lacks as well."""
    cause = ours.cause if ours.complete else Cause.EXCHANGE.value
    return replace(ours, verified_ms=theirs.verified_ms, cause=cause)


def _exact(candle: Candle) -> tuple[Decimal | int, ...]:
    return (
        candle.open, candle.high, candle.low, candle.close, candle.volume, candle.trades, candle.taker_buy_volume,
    )  # fmt: skip


def _quotes(candle: Candle) -> tuple[Decimal, Decimal]:
    return (candle.quote_volume, candle.taker_buy_quote_volume)
