"""Which minutes are still to be closed."""

from pipeline.domain.interval import MINUTE_MS
from pipeline.domain.minutes import MOST_MISSING, OVERDUE_MS, Minutes
from tests.words import NOON_MS, a_candle, forming


def test_a_minute_whose_closing_frame_came_is_not_overdue() -> None:
    minutes = Minutes()
    minutes.take(forming(0))
    minutes.take(a_candle(0))
    assert minutes.overdue(NOON_MS + MINUTE_MS + OVERDUE_MS) == []


def test_a_minute_is_overdue_as_soon_as_its_closing_frame_is_late_by_the_exchange_s_clock() -> None:
    minutes = Minutes()
    minutes.take(forming(0))
    assert minutes.overdue(NOON_MS + MINUTE_MS + OVERDUE_MS - 1) == []
    assert minutes.overdue(NOON_MS + MINUTE_MS + OVERDUE_MS) == [NOON_MS]


def test_a_minute_of_which_no_frame_came_at_all_is_overdue_too() -> None:
    minutes = Minutes()
    minutes.take(a_candle(0))
    minutes.take(a_candle(3))
    assert minutes.overdue(NOON_MS + 4 * MINUTE_MS + OVERDUE_MS) == [NOON_MS + MINUTE_MS, NOON_MS + 2 * MINUTE_MS]


def test_a_late_closing_frame_or_a_row_settles_it() -> None:
    minutes = Minutes()
    minutes.take(forming(0))
    minutes.overdue(NOON_MS + 2 * MINUTE_MS)
    minutes.take(a_candle(0))
    assert minutes.overdue(NOON_MS + 2 * MINUTE_MS) == []


def test_what_is_given_up_is_asked_for_no_more() -> None:
    minutes = Minutes()
    minutes.take(forming(0))
    minutes.overdue(NOON_MS + 2 * MINUTE_MS)
    minutes.give_up(NOON_MS)
    assert minutes.overdue(NOON_MS + 2 * MINUTE_MS) == []


def test_minutes_before_following_began_are_not_its_business() -> None:
    minutes = Minutes()
    minutes.take(forming(5))
    minutes.take(a_candle(2))
    assert minutes.overdue(NOON_MS + 5 * MINUTE_MS) == []


def test_what_is_remembered_is_bounded() -> None:
    minutes = Minutes()
    minutes.take(forming(0))
    for days in (1, 3_650):
        overdue = minutes.overdue(NOON_MS + days * 1_440 * MINUTE_MS)
        assert MOST_MISSING - 2 <= len(overdue) <= MOST_MISSING
        assert overdue[-1] == NOON_MS + days * 1_440 * MINUTE_MS - 2 * MINUTE_MS


def test_a_clock_that_ran_ahead_is_forgotten_when_the_market_says_what_time_it_is() -> None:
    minutes = Minutes()
    minutes.take(forming(0))
    minutes.overdue(NOON_MS + 3_650 * 1_440 * MINUTE_MS)
    minutes.take(forming(1))
    assert minutes.overdue(NOON_MS + 2 * MINUTE_MS) == []
    assert minutes.overdue(NOON_MS + 2 * MINUTE_MS + OVERDUE_MS) == [NOON_MS + MINUTE_MS]
