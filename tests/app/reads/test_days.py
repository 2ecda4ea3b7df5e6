"""What a day should have: neither a missing beginning nor a stack that stands still is hidden by what is stored."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.reads.days import Span, days_between, overlap, quality_days, span
from pipeline.adapters.mongo_quality_reader import DayCount
from pipeline.domain.gap import Cause, Gap, Stream
from pipeline.domain.interval import DAY_MS, MINUTE_MS
from pipeline.domain.quality import QualityDay

DAY = 19_000 * DAY_MS


def at(minute: int) -> int:
    return DAY + minute * MINUTE_MS


def a_gap(start: int, end: int, **other: object) -> Gap:
    gap = Gap(
        symbol="BTCUSDT", stream=Stream.KLINE, start=at(start), end=at(end), cause=Cause.OURS, reason="",
        detected_ms=at(end),
    )  # fmt: skip
    return replace(gap, **other)  # type: ignore[arg-type]


def a_day(present: int, *gaps: Gap, verified: int = 0, expected: int = 1_440) -> QualityDay:
    count = DayCount(symbol="BTCUSDT", day_ms=DAY, present=present, verified=verified, closed=present, rest=0)
    until = Span(start_ms=DAY, end_ms=at(expected))
    (row,) = quality_days("BTCUSDT", until, days=[DAY], counts={DAY: count}, gaps=gaps)
    return row


def test_a_beginning_that_never_came_is_expected() -> None:
    assert span(wanted_ms=at(0), settled_ms=at(90), first_ms=(at(60), None), newest_ms=at(80)).start_ms == at(0)


def test_what_was_stored_before_the_wanted_history_is_expected_too() -> None:
    assert span(wanted_ms=at(60), settled_ms=at(90), first_ms=(at(10), None), newest_ms=at(80)).start_ms == at(10)


def test_a_known_gap_before_the_first_stored_minute_stays_in_sight() -> None:
    assert span(wanted_ms=at(60), settled_ms=at(90), first_ms=(at(30), at(5)), newest_ms=at(80)).start_ms == at(5)


def test_a_stack_that_stands_still_lacks_what_has_passed_since() -> None:
    assert span(wanted_ms=at(0), settled_ms=at(90) + 1, first_ms=(at(0), None), newest_ms=at(20)).end_ms == at(90)


def test_a_minute_that_came_before_it_had_to_is_expected_from_then_on() -> None:
    assert span(wanted_ms=at(0), settled_ms=at(90), first_ms=(at(0), None), newest_ms=at(91)).end_ms == at(92)


def test_a_market_of_which_nothing_is_stored_lacks_the_whole_wanted_history() -> None:
    expected = span(wanted_ms=at(0), settled_ms=at(90), first_ms=(None, None), newest_ms=None)
    (row,) = quality_days("BTCUSDT", expected, days=[DAY], counts={}, gaps=[])
    assert (row.expected, row.present, row.missing, row.unexplained) == (90, 0, 90, 90)


def test_a_gap_of_the_exchange_is_told_from_ours_and_from_what_nobody_has_looked_into() -> None:
    row = a_day(1_400, a_gap(0, 10, cause=Cause.EXCHANGE), a_gap(100, 125))
    assert (row.missing, row.exchange, row.ours, row.unexplained) == (40, 10, 25, 5)


def test_a_healed_gap_lacks_nothing() -> None:
    row = a_day(1_440, a_gap(0, 10, healed_ms=at(20)))
    assert (row.missing, row.ours, row.healed) == (0, 0, 10)


def test_a_gap_that_was_filled_without_a_word_explains_nothing_that_is_there() -> None:
    assert a_day(1_438, a_gap(0, 10, cause=Cause.EXCHANGE), a_gap(20, 30)).exchange == 2


def test_minutes_in_two_gaps_count_once_and_a_gap_counts_only_inside_the_day() -> None:
    gaps = [a_gap(-30, 10), a_gap(5, 15), a_gap(1_435, 2_000)]
    assert overlap(gaps, start_ms=DAY, end_ms=DAY + DAY_MS) == 20


def test_a_day_of_which_nothing_is_expected_has_no_row() -> None:
    expected = Span(start_ms=DAY + DAY_MS, end_ms=DAY + 2 * DAY_MS)
    assert quality_days("BTCUSDT", expected, days=[DAY], counts={}, gaps=[]) == []


@pytest.mark.parametrize(("end", "days"), [(DAY, 0), (DAY + 1, 1), (DAY + DAY_MS, 1), (DAY + DAY_MS + 1, 2)])
def test_days_are_those_a_half_open_range_touches(end: int, days: int) -> None:
    assert days_between(DAY, end) == [DAY + n * DAY_MS for n in reversed(range(days))]


@given(
    present=st.integers(0, 1_440),
    gaps=st.lists(st.tuples(st.integers(-100, 1_500), st.integers(0, 400), st.booleans(), st.booleans()), max_size=6),
)
def test_what_is_missing_is_always_divided_without_remainder(
    present: int, gaps: list[tuple[int, int, bool, bool]]
) -> None:
    found = [
        a_gap(
            start, start + length, cause=Cause.EXCHANGE if theirs else Cause.OURS, healed_ms=at(0) if healed else None
        )
        for start, length, theirs, healed in gaps
    ]
    row = a_day(present, *found)
    assert row.exchange + row.ours + row.unexplained == row.missing == 1_440 - present
    assert min(row.exchange, row.ours, row.unexplained) >= 0
