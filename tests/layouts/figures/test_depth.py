"""The depth figure: cumulative steps, both sides over the same distance."""

from decimal import Decimal

from layouts.figures.depth import depth_figure
from pipeline.domain.book import BookSnapshot, Level


def book(bids: list[tuple[str, str]], asks: list[tuple[str, str]]) -> BookSnapshot:
    def levels(rows: list[tuple[str, str]]) -> tuple[Level, ...]:
        return tuple((Decimal(price), Decimal(quantity)) for price, quantity in rows)

    return BookSnapshot(
        symbol="BTCUSDT", last_update_id=1, bids=levels(bids), asks=levels(asks), event_ms=0, received_ms=0
    )


def test_each_wall_adds_up_from_the_best_price_on() -> None:
    bids, asks = depth_figure(book([("99", "1"), ("98", "2")], [("101", "4"), ("102", "8")])).data
    assert (list(bids.x), list(bids.y)) == ([99, 98], [1, 3])
    assert (list(asks.x), list(asks.y)) == ([101, 102], [4, 12])


def test_walls_are_steps_and_not_slopes() -> None:
    assert {trace.line.shape for trace in depth_figure(book([("99", "1")], [("101", "1")])).data} == {"hv"}


def test_both_walls_reach_equally_far_from_the_middle() -> None:
    bids, asks = depth_figure(book([("99", "1"), ("98", "1"), ("50", "9")], [("101", "1"), ("102", "1")])).data
    assert list(bids.x) == [99, 98]
    assert list(asks.x) == [101, 102]


def test_no_book_and_a_one_sided_book_are_empty_frames() -> None:
    for nothing in (None, book([("99", "1")], [])):
        assert [list(trace.x) for trace in depth_figure(nothing).data] == [[], []]
