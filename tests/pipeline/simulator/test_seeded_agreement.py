"""The seeded market tells one story: trades, klines of every interval and REST history agree digit for digit."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.candle import Candle, Revision
from pipeline.domain.folds import fold_minutes, fold_trades
from pipeline.domain.interval import DAY_MS, MINUTE_MS, Interval
from pipeline.simulator.market import KlineQuery, TradeQuery
from pipeline.simulator.replay.klines import words_of
from pipeline.simulator.seeded.listing import LISTED_MS, listing_of
from pipeline.simulator.seeded.market import SeededMarket
from tests.pipeline.simulator.worlds import (
    NOON_MS,
    Clock,
    by_minute,
    events,
    frame_digits,
    row_digits,
    rows_of,
    run,
    seeded,
    trade_of,
)

SYMBOLS = ("BTCUSDT", "XRPUSDT", "ATOMUSDT", "ABCBTC")


def trades_between(market: SeededMarket, symbol: str, *, start_ms: int, end_ms: int) -> list[Any]:
    rows = rows_of(market.aggregates(TradeQuery(symbol=symbol, start_ms=start_ms, end_ms=end_ms, limit=20_000)))
    return [trade_of({"s": symbol, "t": row["a"], "E": row["T"], **row}) for row in rows]


@settings(max_examples=25, deadline=None)
@given(
    symbol=st.sampled_from(SYMBOLS),
    minute=st.integers(min_value=LISTED_MS // MINUTE_MS, max_value=NOON_MS // MINUTE_MS - 1),
)
def test_a_minutes_kline_is_the_fold_of_its_trades(symbol: str, minute: int) -> None:
    market = seeded(Clock())
    open_ms = minute * MINUTE_MS
    (row,) = rows_of(market.klines(KlineQuery(symbol=symbol, start_ms=open_ms, limit=1)))
    trades = trades_between(market, symbol, start_ms=open_ms, end_ms=open_ms + MINUTE_MS - 1)
    if trades:
        assert row_digits(rows_of([words_of(fold_trades(trades)).row()])[0]) == row_digits(row)
    else:
        assert row[5] == "0.00000000"
        assert row[1] == row[2] == row[3] == row[4]
        assert row[8] == 0


def test_a_quiet_symbol_has_empty_minutes_that_repeat_the_close_before() -> None:
    market = seeded(Clock())
    rows = rows_of(market.klines(KlineQuery(symbol="ATOMUSDT", start_ms=NOON_MS - DAY_MS, limit=1_000)))
    empty = [place for place, row in enumerate(rows) if place and row[8] == 0]
    assert empty
    assert all(rows[place][1] == rows[place - 1][4] for place in empty)


def test_no_day_begins_with_an_empty_minute() -> None:
    market = seeded(Clock())
    for day in range(40):
        open_ms = LISTED_MS + day * DAY_MS
        (row,) = rows_of(market.klines(KlineQuery(symbol="ATOMUSDT", start_ms=open_ms, limit=1)))
        assert row[8] > 0


@pytest.mark.parametrize("interval", [interval for interval in Interval if interval is not Interval.M1])
@pytest.mark.parametrize("symbol", ["BTCUSDT", "ATOMUSDT"])
def test_longer_klines_are_the_fold_of_the_minutes(interval: Interval, symbol: str) -> None:
    market = seeded(Clock(NOON_MS + 754_321))
    longer = rows_of(market.klines(KlineQuery(symbol=symbol, interval=interval, limit=3)))
    assert len(longer) == 3
    for row in longer:
        folded = fold_minutes(minutes_of_bucket(market, symbol, row[0], interval), interval=interval)
        assert row_digits(rows_of([words_of(folded).row()])[0]) == row_digits(row)


def minutes_of_bucket(market: SeededMarket, symbol: str, open_ms: int, interval: Interval) -> list[Candle]:
    rows = []
    for start_ms in range(open_ms, open_ms + interval.ms, 1_000 * MINUTE_MS):
        end_ms = min(open_ms + interval.ms, start_ms + 1_000 * MINUTE_MS) - 1
        rows += market.klines(KlineQuery(symbol=symbol, start_ms=start_ms, end_ms=end_ms, limit=1_000))
    return [candle_of(symbol, row) for row in rows_of(rows)]


def candle_of(symbol: str, row: list[Any]) -> Candle:
    numbers = [Decimal(row[place]) for place in (1, 2, 3, 4, 5, 7, 9, 10)]
    names = ("open", "high", "low", "close", "volume", "quote_volume", "taker_buy_volume", "taker_buy_quote_volume")
    return Candle(
        symbol=symbol,
        interval=Interval.M1,
        open_ms=row[0],
        trades=row[8],
        closed=True,
        revision=Revision.REST,
        source="rest",
        event_ms=row[0],
        received_ms=row[0],
        **dict(zip(names, numbers, strict=True)),  # type: ignore[arg-type]
    )


def test_live_frames_equal_rest_once_the_minute_is_over() -> None:
    clock = Clock(NOON_MS - 1)
    market = seeded(clock)
    streams = [f"{symbol}@{kind}" for symbol in ("btcusdt", "atomusdt") for kind in ("trade", "kline_1m", "kline_5m")]
    frames = run(market, clock, streams=streams, ms=5 * MINUTE_MS + 1_000)
    for symbol in ("BTCUSDT", "ATOMUSDT"):
        trades = by_minute([trade_of(event) for event in events(frames, "@trade") if event["s"] == symbol])
        for interval in (Interval.M1, Interval.M5):
            closed = closed_klines(events(frames, f"@kline_{interval.value}"), symbol)
            rows = rows_of(market.klines(KlineQuery(symbol=symbol, interval=interval, start_ms=NOON_MS - 300_000)))
            assert len(closed) >= 300_000 // interval.ms
            assert closed == {row[0]: row_digits(row) for row in rows if row[0] in closed}
        minutes = closed_klines(events(frames, "@kline_1m"), symbol)
        for open_ms, group in trades.items():
            if open_ms in minutes:
                assert frame_digits_of(group) == minutes[open_ms]


def closed_klines(klines: list[dict[str, Any]], symbol: str) -> dict[int, tuple[Any, ...]]:
    return {e["k"]["t"]: frame_digits(e["k"]) for e in klines if e["s"] == symbol and e["k"]["x"]}


def frame_digits_of(trades: list[Any]) -> tuple[Any, ...]:
    return row_digits(rows_of([words_of(fold_trades(trades)).row()])[0])


def test_a_forming_frame_is_the_fold_of_the_trades_up_to_its_last_id() -> None:
    clock = Clock(NOON_MS - 1)
    frames = run(seeded(clock), clock, streams=["btcusdt@trade", "btcusdt@kline_1m"], ms=58_500)
    trades = [trade_of(event) for event in events(frames, "@trade")]
    forming = [event["k"] for event in events(frames, "@kline_1m") if event["k"]["t"] == NOON_MS]
    assert len(forming) == 29
    for k in forming:
        assert frame_digits_of([trade for trade in trades if k["f"] <= trade.trade_id <= k["L"]]) == frame_digits(k)


def test_trade_ids_are_contiguous_across_minutes_and_days() -> None:
    market = seeded(Clock())
    for boundary_ms in (NOON_MS - 60 * MINUTE_MS, NOON_MS // DAY_MS * DAY_MS):
        trades = trades_between(market, "ATOMUSDT", start_ms=boundary_ms - 600_000, end_ms=boundary_ms + 600_000)
        ids = [trade.trade_id for trade in trades]
        assert ids == list(range(ids[0], ids[-1] + 1))
        assert [trade.time_ms for trade in trades] == sorted(trade.time_ms for trade in trades)
        assert {trade.time_ms < boundary_ms for trade in trades} == {True, False}


def test_a_page_from_an_id_goes_on_where_the_last_one_ended() -> None:
    market = seeded(Clock())
    first = rows_of(market.aggregates(TradeQuery(symbol="BTCUSDT", start_ms=NOON_MS - 60_000, limit=50)))
    second = rows_of(market.aggregates(TradeQuery(symbol="BTCUSDT", from_id=first[-1]["a"] + 1, limit=50)))
    assert second[0]["f"] == first[-1]["l"] + 1


def test_the_current_minute_over_rest_holds_the_trades_so_far() -> None:
    market = seeded(Clock(NOON_MS + 31_234))
    row = rows_of(market.klines(KlineQuery(symbol="BTCUSDT", limit=1)))[0]
    trades = trades_between(market, "BTCUSDT", start_ms=NOON_MS, end_ms=NOON_MS + 31_234)
    assert row[0] == NOON_MS
    assert row_digits(row) == frame_digits_of(trades)


def test_nothing_happened_before_the_listing() -> None:
    market = seeded(Clock())
    assert market.klines(KlineQuery(symbol="BTCUSDT", start_ms=0, end_ms=LISTED_MS - 1)) == []
    days = rows_of(market.klines(KlineQuery(symbol="BTCUSDT", interval=Interval.D1, start_ms=0, limit=2)))
    assert [row[0] for row in days] == [LISTED_MS, LISTED_MS + DAY_MS]


def test_two_markets_of_one_seed_agree_and_of_two_seeds_do_not() -> None:
    one, same, other = (seeded(Clock(), seed=seed) for seed in (3, 3, 4))
    query = KlineQuery(symbol="SOLUSDT", limit=20)
    assert one.klines(query) == same.klines(query) != other.klines(query)
    assert one.depth("SOLUSDT", limit=20) == same.depth("SOLUSDT", limit=20)


def test_a_symbol_without_a_known_quote_asset_is_not_listed() -> None:
    assert listing_of("NONSENSE", seed=1, rate=1.0) is None
    assert not seeded(Clock()).listed("NONSENSE")
