"""The exchange's time as its events tell it."""

from pipeline.domain.event_clock import AHEAD_MS, BEHIND_MS, MOST_STRAYS, EventClock
from tests.words import NOON_MS


def test_it_goes_on_with_our_clock_between_events() -> None:
    clock = EventClock()
    assert clock.now(5) == 0
    assert clock.admits(NOON_MS, now_ms=1_000)
    assert clock.now(1_500) == NOON_MS + 500


def test_an_older_event_does_not_turn_it_back() -> None:
    clock = EventClock()
    clock.admits(NOON_MS, now_ms=0)
    assert clock.admits(NOON_MS - 5_000, now_ms=0)
    assert clock.now(0) == NOON_MS


def test_a_stray_event_is_refused_and_moves_nothing() -> None:
    clock = EventClock()
    clock.admits(NOON_MS, now_ms=0)
    assert not clock.admits(NOON_MS + AHEAD_MS + 1, now_ms=0)
    assert clock.admits(NOON_MS + 1, now_ms=0)
    assert not clock.admits(NOON_MS - BEHIND_MS - 1, now_ms=0)
    assert clock.now(0) == NOON_MS + 1


def test_a_clock_that_really_moved_is_believed_after_a_few_events() -> None:
    clock = EventClock()
    clock.admits(NOON_MS, now_ms=0)
    later = NOON_MS + 10 * AHEAD_MS
    assert [clock.admits(later, now_ms=0) for _ in range(MOST_STRAYS)] == [False] * (MOST_STRAYS - 1) + [True]
    assert clock.now(0) == later
