"""What a killed process left open in the ledger is closed by what the log holds."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from pipeline.domain.gap import Cause, Gap, Stream
from pipeline.stages.covered import runs_of
from pipeline.stages.open_gaps import filled


def a_trade(trade_id: int) -> tuple[str, bytes]:
    return "BTCUSDT", orjson.dumps({"e": "trade", "s": "BTCUSDT", "t": trade_id, "T": 1})


def an_aggregate(first: int, last: int) -> tuple[str, bytes]:
    return "BTCUSDT", orjson.dumps({"e": "aggTrade", "s": "BTCUSDT", "f": first, "l": last, "T": 1})


def a_gap(start: int, end: int) -> Gap:
    return Gap(
        symbol="BTCUSDT", stream=Stream.TRADES, start=start, end=end,
        cause=Cause.OURS, reason="missed", detected_ms=1,
    )  # fmt: skip


def test_a_gap_whose_trades_came_late_and_as_aggregates_is_filled() -> None:
    logged = runs_of([a_trade(5), a_trade(9), a_trade(10), an_aggregate(6, 7), a_trade(8), ("BTCUSDT", b"<html>")])
    assert logged == {"BTCUSDT": [(5, 11)]}
    assert filled([a_gap(6, 9)], logged) == [("BTCUSDT", 6, 9)]


def test_a_gap_of_which_the_log_holds_a_part_is_filled_in_that_part_only() -> None:
    assert filled([a_gap(1, 9)], runs_of([a_trade(3), a_trade(4), a_trade(7)])) == [
        ("BTCUSDT", 3, 5), ("BTCUSDT", 7, 8),
    ]  # fmt: skip


def test_a_gap_the_log_does_not_reach_stays_open() -> None:
    assert filled([a_gap(1, 9)], runs_of([a_trade(9), a_trade(0)])) == []
    assert filled([a_gap(1, 9)], {}) == []


@given(st.sets(st.integers(0, 60)), st.integers(0, 60), st.integers(1, 20))
def test_what_is_filled_is_exactly_what_both_name(ids: set[int], start: int, length: int) -> None:
    found = filled([a_gap(start, start + length)], runs_of(a_trade(trade_id) for trade_id in ids))
    named = [trade_id for _, first, end in found for trade_id in range(first, end)]
    assert named == sorted(ids & set(range(start, start + length)))
