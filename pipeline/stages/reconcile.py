"""Compares stored candles with the exchange's own at every interval, heals what differs, and says what was found."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from pipeline.domain.candle import Candle
from pipeline.domain.comparison import Longer, Pair, Verdict, whole_buckets
from pipeline.domain.folds import fold_buckets
from pipeline.domain.interval import DAY_MS, MINUTE_MS, Interval
from pipeline.domain.views import candle_view
from pipeline.stages.asking import PAGE
from pipeline.stages.mending import Mending

WINDOW_MS = 3 * DAY_MS
"""So many minutes are looked at in one go: a page of five-minute candles, and no bucket lies in two of them."""
FINDINGS_KEPT = 1_000


@dataclass(slots=True)
class Tally:
    """What one symbol's candles of one interval came to, in candles.

    ``compared`` = equal + differ + missing + inconsistent. ``exchangeGaps``: the exchange has none, or a short one that
    equals ours. ``healed`` of those that differed or were missing.
    """

    compared: int = 0
    equal: int = 0
    differ: int = 0
    missing: int = 0
    inconsistent: int = 0
    exchange_gaps: int = 0
    healed: int = 0
    failed: int = 0

    @property
    def matched(self) -> bool:
        """Whether everything that could be compared was equal as it was found, and everything could."""
        return not (self.differ or self.missing or self.inconsistent or self.failed)

    def take(self, verdict: Verdict, *, healed: bool, short: bool) -> None:
        """Count one bucket."""
        self.compared += verdict is not Verdict.GAP
        self.equal += verdict is Verdict.EQUAL
        self.differ += verdict in (Verdict.DIFFERS, Verdict.SURPLUS)
        self.missing += verdict is Verdict.MISSING
        self.inconsistent += verdict is Verdict.INCONSISTENT
        self.exchange_gaps += verdict is Verdict.GAP or short
        self.healed += healed

    def detail(self) -> dict[str, int]:
        """As JSON tells it."""
        told = asdict(self)
        return {**{name: told[name] for name in told if name != "exchange_gaps"}, "exchangeGaps": self.exchange_gaps}


@dataclass(frozen=True, slots=True)
class Finding:
    """One bucket that was not as the exchange has it."""

    symbol: str
    interval: Interval
    pair: Pair
    verdict: Verdict
    healed: bool

    def detail(self) -> dict[str, Any]:
        """As JSON tells it, both candles as the routes show them."""
        return {
            "symbol": self.symbol, "interval": self.interval.value, "openTime": self.pair.open_ms,
            "verdict": self.verdict.value, "healed": self.healed,
            "ours": candle_view(self.pair.ours) if self.pair.ours else None,
            "theirs": candle_view(self.pair.theirs) if self.pair.theirs else None,
        }  # fmt: skip


@dataclass(slots=True)
class Outcome:
    """What a comparison came to: ``tallies`` by symbol and interval, ``findings`` the first that did not match."""

    tallies: dict[tuple[str, Interval], Tally] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def matched(self) -> bool:
        """Whether everything was as the exchange has it when it was looked at."""
        return all(tally.matched for tally in self.tallies.values())

    @property
    def off(self) -> int:
        """How many candles were not as the exchange has them."""
        return sum(tally.differ + tally.missing + tally.inconsistent for tally in self.tallies.values())


@dataclass(slots=True)
class Reconcile:
    """One comparison at the chosen intervals, which heals as it goes if its mending can send."""

    mending: Mending
    outcome: Outcome
    intervals: Sequence[Interval] = tuple(Interval)

    async def run(self, symbols: Sequence[str], *, start_ms: int, end_ms: int, show: Callable[[int], None]) -> None:
        """Compare the half-open range of each symbol; ``show`` is told how many minutes more are settled."""
        self.outcome.tallies |= {(symbol, interval): Tally() for symbol in symbols for interval in self.intervals}
        for symbol in symbols:
            for from_ms, to_ms in windows(start_ms, end_ms):
                await self._window(symbol, from_ms, to_ms)
                show((to_ms - from_ms) // MINUTE_MS)
        if self.mending.shipment is not None:
            await self.mending.shipment.arrived()

    async def _window(self, symbol: str, start_ms: int, end_ms: int) -> None:
        minutes = await self._minutes(symbol, start_ms, end_ms)
        for interval in self.intervals:
            opens = whole_buckets(interval, start_ms=start_ms, end_ms=end_ms)
            if interval is Interval.M1 and minutes is not None:
                self._take_minutes(symbol, minutes)
            elif minutes is None or not opens or not await self._longer(symbol, interval, opens, minutes):
                self.outcome.tallies[symbol, interval].failed += len(opens)

    async def _minutes(self, symbol: str, start_ms: int, end_ms: int) -> list[Pair] | None:
        found: list[Pair] = []
        for from_ms in range(start_ms, end_ms, PAGE * MINUTE_MS):
            page = await self.mending.page(symbol, start_ms=from_ms, end_ms=min(end_ms, from_ms + PAGE * MINUTE_MS))
            if page is None:
                return None
            found += page
        return found

    def _take_minutes(self, symbol: str, minutes: Sequence[Pair]) -> None:
        for pair in minutes:
            healed = self._heals and pair.theirs is not None
            self._take(symbol, Interval.M1, pair, pair.verdict, healed=healed)

    async def _longer(self, symbol: str, interval: Interval, opens: range, minutes: Sequence[Pair]) -> bool:
        """Compare and heal one longer interval; False if the exchange never answered."""
        theirs = await self.mending.asking.range(symbol, interval, start_ms=opens[0], end_ms=opens[-1] + interval.ms)
        if theirs is None:
            return False
        stored = await asyncio.to_thread(
            self.mending.stored.candles, symbol, interval=interval, start_ms=opens[0], end_ms=opens[-1] + 1
        )
        buckets = _buckets(opens, stored=stored, minutes=minutes, theirs=theirs, interval=interval)
        for bucket in buckets:
            self._take(symbol, interval, bucket.pair, bucket.verdict, healed=self._heals and bucket.is_healable)
        if self._heals:
            better = [candle for bucket in buckets if (candle := bucket.better) is not None]
            await asyncio.to_thread(self.mending.stored.upsert, better)
        return True

    @property
    def _heals(self) -> bool:
        return self.mending.shipment is not None

    def _take(self, symbol: str, interval: Interval, pair: Pair, verdict: Verdict, *, healed: bool) -> None:
        off = verdict not in (Verdict.EQUAL, Verdict.GAP)
        short = verdict is Verdict.EQUAL and pair.ours is not None and _is_short(pair.ours)
        self.outcome.tallies[symbol, interval].take(verdict, healed=off and healed, short=short)
        if off and len(self.outcome.findings) < FINDINGS_KEPT:
            self.outcome.findings.append(Finding(symbol, interval, pair, verdict, healed))


def windows(start_ms: int, end_ms: int) -> Iterator[tuple[int, int]]:
    """The half-open range cut at midnights (UTC), at most WINDOW_MS each, oldest first."""
    while start_ms < end_ms:
        cut_ms = min(end_ms, start_ms - start_ms % DAY_MS + WINDOW_MS)
        yield start_ms, cut_ms
        start_ms = cut_ms


def _buckets(
    opens: range, *, stored: Sequence[Candle], minutes: Sequence[Pair], theirs: Sequence[Candle], interval: Interval
) -> list[Longer]:
    folds = _folds((pair.ours for pair in minutes), interval)
    mended = _folds((pair.theirs or pair.ours for pair in minutes), interval)
    kept = {candle.open_ms: candle for candle in stored}
    exchange = {candle.open_ms: candle for candle in theirs}
    return [Longer(t, kept.get(t), folds.get(t), mended.get(t), exchange.get(t)) for t in opens]


def _folds(minutes: Iterable[Candle | None], interval: Interval) -> dict[int, Candle]:
    folded = fold_buckets((minute for minute in minutes if minute is not None), interval=interval)
    return {candle.open_ms: candle for candle in folded}


def _is_short(candle: Candle) -> bool:
    return candle.present is not None and not candle.complete
