"""What a UTC day of a market should have and what it has: minutes counted, verified, missing and why. Pure.

A market's minutes are expected from the earliest of three: the start of the wanted history (``HISTORY_DAYS`` before
now), its first stored minute, and its first known gap; and up to the last minute that had time to be stored. So neither
a beginning that never came nor a stack that stands still is hidden by what is there.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.adapters.mongo_quality_reader import DayCount
from pipeline.domain.gap import Cause, Gap
from pipeline.domain.interval import DAY_MS, MINUTE_MS, Interval
from pipeline.domain.quality import QualityDay

SETTLED_MS = 90_000
"""A minute over for so long should have gone through the stream, or its repair, into the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From when to when a market's minutes are expected, half-open."""

    start_ms: int
    end_ms: int


def span(*, wanted_ms: int, settled_ms: int, first_ms: Sequence[int | None], newest_ms: int | None) -> Span:
    """When a market's minutes are expected; ``first_ms`` are its first stored minute and its first known gap."""
    start_ms = min([wanted_ms, *(each for each in first_ms if each is not None)])
    end_ms = settled_ms if newest_ms is None else max(settled_ms, newest_ms + MINUTE_MS)
    return Span(start_ms=Interval.M1.open_ms(start_ms), end_ms=Interval.M1.open_ms(end_ms))


def quality_days(
    symbol: str, expected: Span, *, days: Sequence[int], counts: Mapping[int, DayCount], gaps: Sequence[Gap]
) -> list[QualityDay]:
    """The rows of one market for the days that begin at ``days``; a day of which nothing is expected has none."""
    rows = (_row(symbol, day_ms, expected, counts.get(day_ms), gaps) for day_ms in days)
    return [row for row in rows if row.expected]


def _row(symbol: str, day_ms: int, expected: Span, count: DayCount | None, gaps: Sequence[Gap]) -> QualityDay:
    start_ms, end_ms = max(day_ms, expected.start_ms), min(day_ms + DAY_MS, expected.end_ms)
    minutes = max(0, end_ms - start_ms) // MINUTE_MS
    present = count.present if count else 0
    missing = max(0, minutes - present)
    by_cause = {
        cause: overlap((g for g in gaps if g.cause is cause and g.healed_ms is None), start_ms=start_ms, end_ms=end_ms)
        for cause in Cause
    }
    exchange = min(missing, by_cause[Cause.EXCHANGE])
    return QualityDay(
        symbol=symbol, day_ms=day_ms, expected=minutes, present=present, verified=count.verified if count else 0,
        closed=count.closed if count else 0, rest=count.rest if count else 0,
        exchange=exchange, ours=min(missing - exchange, by_cause[Cause.OURS]),
        healed=overlap((gap for gap in gaps if gap.healed_ms is not None), start_ms=start_ms, end_ms=end_ms),
    )  # fmt: skip


def overlap(gaps: Iterable[Gap], *, start_ms: int, end_ms: int) -> int:
    """How many minutes of the half-open range lie in any of the gaps, each counted once."""
    total_ms, reached_ms = 0, start_ms
    for gap in sorted(gaps, key=lambda gap: gap.start):
        begin_ms, over_ms = max(gap.start, reached_ms), min(gap.end, end_ms)
        total_ms += max(0, over_ms - begin_ms)
        reached_ms = max(reached_ms, over_ms)
    return total_ms // MINUTE_MS


def days_between(start_ms: int, end_ms: int) -> list[int]:
    """When each UTC day that the half-open range touches begins, newest first."""
    first, past = start_ms // DAY_MS, -(-end_ms // DAY_MS)
    return [day * DAY_MS for day in range(past - 1, first - 1, -1)]
