"""The request weight as a plain object: no sixty seconds hold more than the limit, and books go before history."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.weight import COLD_MS, YIELD_MS, Priority, WeightLedger, WeightLimits
from tests.words import NOON_MS

MINUTE_MS = 60_000
LIMITS = WeightLimits(weight=1_000)


def ledger(*, warm: bool = True) -> WeightLedger:
    one = WeightLedger(NOON_MS, limits=LIMITS)
    if warm:
        one.told(0, now_ms=NOON_MS)
    return one


asked = st.tuples(st.integers(0, 20_000), st.integers(1, 250), st.sampled_from(Priority))


@given(requests=st.lists(asked, max_size=120))
def test_no_minute_of_any_clock_holds_more_than_the_limit(requests: list[tuple[int, int, Priority]]) -> None:
    one, now_ms = ledger(), NOON_MS
    granted: list[tuple[int, int, Priority]] = []
    for later_ms, weight, priority in requests:
        now_ms += later_ms
        if not one.ask(weight, priority, now_ms=now_ms):
            granted.append((now_ms, weight, priority))
    for start_ms, _, _ in granted:
        minute = [entry for entry in granted if start_ms <= entry[0] < start_ms + MINUTE_MS]
        assert sum(weight for _, weight, _ in minute) <= LIMITS.book
        assert sum(weight for _, weight, priority in minute if priority is Priority.HISTORY) <= LIMITS.history


@given(requests=st.lists(asked, max_size=60))
def test_who_waits_as_long_as_told_gets_through(requests: list[tuple[int, int, Priority]]) -> None:
    one, now_ms = ledger(), NOON_MS
    for later_ms, weight, priority in requests:
        now_ms += later_ms
        for _ in range(4):
            wait_ms = one.ask(weight, priority, now_ms=now_ms)
            now_ms += wait_ms
            if not wait_ms:
                break
        else:
            pytest.fail("four waits were not enough")


def test_history_leaves_half_to_the_books() -> None:
    one = ledger()
    while not one.ask(50, Priority.HISTORY, now_ms=NOON_MS):
        pass
    assert one.used(NOON_MS) == LIMITS.history
    assert not one.ask(250, Priority.BOOK, now_ms=NOON_MS)


def test_history_stands_back_while_a_book_waits() -> None:
    one = ledger()
    one.told(LIMITS.book, now_ms=NOON_MS)
    assert one.ask(250, Priority.BOOK, now_ms=NOON_MS + 1)
    free_ms = NOON_MS + 63_000
    assert one.ask(50, Priority.BOOK, now_ms=free_ms - 4_000)
    assert one.ask(2, Priority.HISTORY, now_ms=free_ms - 3_000) == YIELD_MS - 1_000
    assert not one.ask(2, Priority.HISTORY, now_ms=free_ms)


def test_what_the_exchange_counts_beyond_ours_was_somebody_elses() -> None:
    one = ledger()
    one.ask(100, Priority.BOOK, now_ms=NOON_MS)
    one.told(700, now_ms=NOON_MS)
    assert one.used(NOON_MS) == 700
    one.told(50, now_ms=NOON_MS)
    assert one.used(NOON_MS) == 700
    assert one.used(NOON_MS + 63_000) == 0


def test_a_block_holds_everybody_and_a_shorter_one_does_not_lift_it() -> None:
    one = ledger()
    one.block(NOON_MS + 9_000)
    one.block(NOON_MS + 1_000)
    assert [one.ask(1, priority, now_ms=NOON_MS + 2_000) for priority in Priority] == [7_000, 7_000]
    assert not one.ask(1, Priority.BOOK, now_ms=NOON_MS + 9_000)


def test_before_the_first_answer_only_a_tenth_goes_out() -> None:
    one = ledger(warm=False)
    assert not one.ask(60, Priority.BOOK, now_ms=NOON_MS)
    assert one.ask(60, Priority.BOOK, now_ms=NOON_MS)
    one.told(60, now_ms=NOON_MS)
    assert not one.ask(60, Priority.BOOK, now_ms=NOON_MS)


def test_answers_that_never_come_do_not_hold_us_for_ever() -> None:
    one = ledger(warm=False)
    one.ask(100, Priority.BOOK, now_ms=NOON_MS)
    assert one.ask(100, Priority.BOOK, now_ms=NOON_MS + COLD_MS - 1)
    assert not one.ask(100, Priority.BOOK, now_ms=NOON_MS + COLD_MS)


def test_a_request_heavier_than_the_limit_goes_out_alone() -> None:
    one = ledger()
    assert not one.ask(5_000, Priority.BOOK, now_ms=NOON_MS)
    assert one.ask(1, Priority.BOOK, now_ms=NOON_MS)


def test_requests_have_a_limit_of_their_own() -> None:
    one = WeightLedger(NOON_MS, limits=WeightLimits(requests=20, requests_ms=300_000))
    one.told(0, now_ms=NOON_MS)
    waits = [one.ask(1, Priority.BOOK, now_ms=NOON_MS) for _ in range(20)]
    assert [bool(wait) for wait in waits] == [False] * 19 + [True]
    assert waits[-1] > 240_000
