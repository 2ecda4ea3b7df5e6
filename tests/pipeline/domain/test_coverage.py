"""Which trades have come: ids only, in any order and any number."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.coverage import MOST_HOLES, Coverage, Verdict


def take(coverage: Coverage, first: int, last: int | None = None) -> Verdict:
    return coverage.take(first, first if last is None else last, time_ms=first, now_ms=0)


def runs(coverage: Coverage) -> list[tuple[int, int]]:
    return [(hole.first, hole.last) for hole in coverage.holes]


def test_consecutive_trades_leave_no_hole() -> None:
    coverage = Coverage()
    assert [take(coverage, number) for number in (7, 8, 9)] == [Verdict.NEW] * 3
    assert runs(coverage) == []
    assert coverage.next_id == 10


def test_ids_that_did_not_come_are_known_exactly() -> None:
    coverage = Coverage()
    for number in (7, 10, 11, 15):
        take(coverage, number)
    assert runs(coverage) == [(8, 9), (12, 14)]
    assert coverage.missing == 5
    assert [hole.after_ms for hole in coverage.holes] == [7, 11]


def test_a_late_trade_is_new_once_and_known_ever_after() -> None:
    coverage = Coverage()
    for number in (7, 12):
        take(coverage, number)
    assert take(coverage, 9) is Verdict.NEW
    assert runs(coverage) == [(8, 8), (10, 11)]
    assert take(coverage, 9) is Verdict.KNOWN
    assert take(coverage, 7) is Verdict.KNOWN


def test_an_aggregate_fills_what_it_covers_even_if_part_of_it_is_known() -> None:
    coverage = Coverage()
    for number in (7, 12):
        take(coverage, number)
    assert take(coverage, 6, 9) is Verdict.NEW
    assert runs(coverage) == [(10, 11)]
    assert take(coverage, 10, 15) is Verdict.NEW
    assert runs(coverage) == []
    assert coverage.next_id == 16


def test_hearing_of_later_trades_opens_a_hole_once() -> None:
    coverage = Coverage()
    take(coverage, 7)
    assert coverage.told(9, now_ms=5)
    assert not coverage.told(9, now_ms=6)
    assert runs(coverage) == [(8, 9)]
    assert take(coverage, 8) is Verdict.NEW


def test_hearing_of_trades_before_any_came_says_nothing() -> None:
    assert not Coverage().told(9, now_ms=5)


def test_holes_are_bounded_by_joining_the_oldest() -> None:
    coverage = Coverage()
    for number in range(0, 2 * MOST_HOLES + 20, 2):
        take(coverage, number)
    assert len(coverage.holes) <= MOST_HOLES
    assert coverage.holes[0].first == 1


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 4)), min_size=1))
def test_in_any_order_exactly_the_new_ids_are_called_new(steps: list[tuple[int, int]]) -> None:
    coverage, seen, base = Coverage(), set[int](), steps[0][0]
    for first, length in steps:
        ids = set(range(first, first + length + 1))
        fresh = {number for number in ids - seen if number >= base}
        verdict = take(coverage, first, first + length)
        assert (verdict is Verdict.NEW) == bool(fresh)
        seen |= ids
    wanted = set(range(base, max(seen) + 1)) - seen
    assert {number for first, last in runs(coverage) for number in range(first, last + 1)} == wanted
