"""The exchange's time as its events tell it."""

import pytest

from pipeline.domain.event_clock import AHEAD_MS, BEHIND_MS, OFF_FOR_MS, STRAY_FOR_MS, EventClock
from tests.words import NOON_MS


def a_clock() -> EventClock:
    clock = EventClock()
    assert clock.admits(NOON_MS, now_ms=1_000)
    return clock


def test_it_goes_on_with_our_clock_between_events() -> None:
    assert EventClock().now(5) == 0
    assert a_clock().now(1_500) == NOON_MS + 500


def test_an_event_a_little_older_does_not_turn_it_back() -> None:
    clock = a_clock()
    assert clock.admits(NOON_MS - 1_500, now_ms=1_000)
    assert clock.now(1_000) == NOON_MS


@pytest.mark.parametrize("off_ms", [AHEAD_MS + 1, -BEHIND_MS - 1, 10 * 365 * 86_400_000])
def test_strays_are_refused_however_many_and_move_nothing(off_ms: int) -> None:
    clock = a_clock()
    for step in range(200):
        now_ms = 1_000 + 10 * step
        assert not clock.admits(NOON_MS + off_ms + now_ms - 1_000, now_ms=now_ms)
    assert clock.admits(NOON_MS + 1_990, now_ms=2_990)
    assert clock.now(2_990) == NOON_MS + 1_990


@pytest.mark.parametrize("off_ms", [300_000, 590_000, -300_000])
def test_one_event_that_is_off_is_taken_and_moves_nothing(off_ms: int) -> None:
    clock = a_clock()
    assert clock.admits(NOON_MS + off_ms, now_ms=1_000)
    assert clock.admits(NOON_MS + 10, now_ms=1_010)
    assert clock.admits(NOON_MS + off_ms, now_ms=5_000)
    assert clock.now(5_000) == NOON_MS + 4_000


@pytest.mark.parametrize("off_ms", [5_000, -5_000])
def test_a_clock_that_is_off_by_seconds_is_followed_there_and_back(off_ms: int) -> None:
    clock = a_clock()
    for now_ms in range(1_000, 1_000 + OFF_FOR_MS + 100, 100):
        assert clock.admits(NOON_MS + now_ms - 1_000 + off_ms, now_ms=now_ms)
    assert clock.now(3_000) == NOON_MS + 2_000 + off_ms
    for now_ms in range(3_000, 3_000 + OFF_FOR_MS + 100, 100):
        assert clock.admits(NOON_MS + now_ms - 1_000, now_ms=now_ms)
    assert clock.now(5_000) == NOON_MS + 4_000


def test_a_clock_that_really_moved_far_is_believed_when_nothing_else_comes() -> None:
    clock = a_clock()
    later = NOON_MS + 10 * AHEAD_MS
    assert not clock.admits(later, now_ms=1_000)
    assert not clock.admits(later, now_ms=999 + STRAY_FOR_MS)
    assert clock.admits(later, now_ms=1_000 + STRAY_FOR_MS)
    assert clock.now(1_000 + STRAY_FOR_MS) == later


def test_a_recording_may_jump() -> None:
    clock = EventClock(live=False)
    for event_ms in (NOON_MS, NOON_MS + 90 * 86_400_000, NOON_MS + 90 * 86_400_000 + 5):
        assert clock.admits(event_ms, now_ms=1_000)
        assert clock.now(1_000) == event_ms
