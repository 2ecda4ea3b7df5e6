"""Outages and what becomes of a symbol: streams, REST and exchangeInfo tell the same story."""

from typing import Any

import orjson
import pytest

from pipeline.domain.interval import DAY_MS, MINUTE_MS, Interval
from pipeline.simulator.market import KlineQuery, Market, TradeQuery
from pipeline.simulator.rest import answer
from pipeline.simulator.roll import FOREVER_MS, Roll
from pipeline.simulator.seeded.market import SeededMarket
from tests.pipeline.simulator.worlds import BTC, NOON_MS, Clock, events, play, replay, row_digits, rows_of, run, seeded

STREAMS = ["btcusdt@trade", "btcusdt@kline_1m", "btcusdt@depth@100ms"]


def minutes(market: Market, symbol: str = "BTCUSDT", **query: Any) -> list[int]:
    return [row[0] for row in rows_of(market.klines(KlineQuery(symbol=symbol, **query)))]


def names(market: Market) -> dict[str, str]:
    body = orjson.loads(answer(market, "/api/v3/exchangeInfo", {}).body)
    return {entry["symbol"]: entry["status"] for entry in body["symbols"]}


def after(market: SeededMarket, clock: Clock, becomes: str, **more: str) -> dict[str, list[dict[str, Any]]]:
    """What BTCUSDT sends in the two minutes after its status changed, half a minute before the minute's end."""
    clock.now_ms = NOON_MS + 30_000
    market.due(STREAMS)
    market.roll.change("BTCUSDT", becomes, at_ms=clock.now_ms, **more)
    frames = run(market, clock, streams=STREAMS, ms=120_000)
    return {kind: events(frames, kind) for kind in ("@trade", "@kline_1m", "@depth@100ms")}


def test_an_outage_leaves_no_kline_and_no_trade_on_the_stream_or_over_rest() -> None:
    clock = Clock(NOON_MS - 1_000)
    market = seeded(clock)
    start_ms, end_ms = NOON_MS + MINUTE_MS, NOON_MS + 2 * MINUTE_MS
    market.roll.lose("BTCUSDT", start_ms, end_ms)
    frames = run(market, clock, streams=STREAMS, ms=4 * MINUTE_MS)
    closed = {event["k"]["t"] for event in events(frames, "@kline_1m") if event["k"]["x"]}
    assert closed == {NOON_MS - MINUTE_MS, NOON_MS, end_ms}
    assert not any(event["k"]["t"] == start_ms for event in events(frames, "@kline_1m"))
    trades = events(frames, "@trade")
    assert not any(start_ms <= event["T"] < end_ms for event in trades)
    assert minutes(market, start_ms=NOON_MS, limit=3) == [NOON_MS, end_ms, end_ms + MINUTE_MS]
    told = rows_of(market.aggregates(TradeQuery(symbol="BTCUSDT", from_id=trades[0]["t"], limit=100_000)))
    until_ms = trades[-1]["T"]
    assert [row["a"] for row in told if row["T"] <= until_ms] == [event["t"] for event in trades]


def test_a_page_of_trades_reaches_across_an_outage() -> None:
    clock = Clock(NOON_MS + 5 * MINUTE_MS)
    market = seeded(clock)
    start_ms, end_ms = NOON_MS + MINUTE_MS, NOON_MS + 3 * MINUTE_MS
    (before,) = rows_of(market.aggregates(TradeQuery(symbol="ATOMUSDT", end_ms=start_ms - 1, limit=1)))
    market.roll.lose("ATOMUSDT", start_ms, end_ms)
    page = rows_of(market.aggregates(TradeQuery(symbol="ATOMUSDT", from_id=before["a"], limit=10)))
    assert len(page) == 10
    assert page[0] == before
    assert page[1]["T"] >= end_ms
    newest = rows_of(market.aggregates(TradeQuery(symbol="ATOMUSDT", limit=200)))
    assert len(newest) == 200
    assert not any(start_ms <= row["T"] < end_ms for row in newest)
    assert [row["a"] for row in newest] == sorted(row["a"] for row in newest)


def test_the_exchanges_longer_candle_is_made_of_the_minutes_there_are() -> None:
    clock = Clock(NOON_MS + DAY_MS)
    market = seeded(clock)
    plain = seeded(clock)
    market.roll.lose("BTCUSDT", NOON_MS + MINUTE_MS, NOON_MS + 3 * MINUTE_MS)
    query = KlineQuery(symbol="BTCUSDT", interval=Interval.M5, start_ms=NOON_MS - 300_000, limit=3)
    before, short, later = rows_of(market.klines(query))
    whole = rows_of(plain.klines(query))
    assert [before, later] == [whole[0], whole[2]]
    rows = rows_of(market.klines(KlineQuery(symbol="BTCUSDT", start_ms=NOON_MS, end_ms=NOON_MS + 240_000)))
    assert len(rows) == 3
    assert short[8] == sum(row[8] for row in rows) < whole[1][8]
    assert (short[1], short[4]) == (rows[0][1], rows[-1][4])
    assert (float(short[2]), float(short[3])) == (max(float(r[2]) for r in rows), min(float(r[3]) for r in rows))


def test_a_bucket_of_lost_minutes_has_no_candle() -> None:
    market = seeded(Clock(NOON_MS + DAY_MS))
    market.roll.lose("BTCUSDT", NOON_MS, NOON_MS + 10 * MINUTE_MS)
    opens = minutes(market, interval=Interval.M5, start_ms=NOON_MS - 300_000, limit=3)
    assert opens == [NOON_MS - 300_000, NOON_MS + 600_000, NOON_MS + 900_000]


def test_a_page_of_klines_is_full_across_an_outage() -> None:
    market = seeded(Clock(NOON_MS + DAY_MS))
    market.roll.lose("BTCUSDT", NOON_MS, NOON_MS + 30 * MINUTE_MS)
    opens = minutes(market, start_ms=NOON_MS - 5 * MINUTE_MS, limit=50)
    assert len(opens) == 50
    assert opens[5] == NOON_MS + 30 * MINUTE_MS


def test_the_other_symbols_go_on() -> None:
    market = seeded(Clock(NOON_MS + DAY_MS))
    market.roll.lose("BTCUSDT", NOON_MS, NOON_MS + MINUTE_MS)
    assert NOON_MS in minutes(market, "ATOMUSDT", start_ms=NOON_MS)


def test_a_halted_symbol_still_sends_data() -> None:
    clock = Clock()
    market = seeded(clock)
    got = after(market, clock, "HALT")
    assert names(market)["BTCUSDT"] == "HALT"
    assert got["@trade"][-1]["T"] > NOON_MS + 140_000
    assert got["@kline_1m"][-1]["k"]["t"] == NOON_MS + 2 * MINUTE_MS


def test_a_symbol_in_a_break_sends_nothing_and_goes_on_later() -> None:
    clock = Clock()
    market = seeded(clock)
    got = after(market, clock, "BREAK")
    assert names(market)["BTCUSDT"] == "BREAK"
    assert all(event["T"] < NOON_MS + MINUTE_MS for event in got["@trade"])
    assert all(event["E"] < NOON_MS + MINUTE_MS for event in got["@depth@100ms"])
    assert [event["k"]["t"] for event in got["@kline_1m"] if event["k"]["x"]] == [NOON_MS]
    last_id = got["@depth@100ms"][-1]["u"]
    assert orjson.loads(market.depth("BTCUSDT", limit=5))["lastUpdateId"] == last_id
    again = after_break(market, clock)
    assert names(market)["BTCUSDT"] == "TRADING"
    assert again[0]["U"] > last_id + 1
    assert minutes(market, start_ms=NOON_MS, limit=2) == [NOON_MS, NOON_MS + 3 * MINUTE_MS]


def after_break(market: SeededMarket, clock: Clock) -> list[dict[str, Any]]:
    market.roll.change("BTCUSDT", "TRADING", at_ms=clock.now_ms)
    return events(run(market, clock, streams=STREAMS, ms=60_000), "@depth@100ms")


def test_a_symbol_with_cancels_only_has_data_except_klines() -> None:
    clock = Clock()
    market = seeded(clock)
    got = after(market, clock, "CANCEL_ONLY")
    assert names(market)["BTCUSDT"] == "CANCEL_ONLY"
    assert got["@trade"][-1]["T"] > NOON_MS + 140_000
    assert {event["k"]["t"] for event in got["@kline_1m"]} == {NOON_MS}
    assert minutes(market, start_ms=NOON_MS) == [NOON_MS]


def test_a_delisted_symbol_is_gone_from_the_list_and_its_history_is_still_answered() -> None:
    clock = Clock()
    market = seeded(clock)
    got = after(market, clock, "DELISTED")
    assert names(market) == {"ATOMUSDT": "TRADING"}
    assert answer(market, "/api/v3/exchangeInfo", {"symbol": "BTCUSDT"}).status == 400
    assert all(event["T"] < NOON_MS + MINUTE_MS for event in got["@trade"])
    assert minutes(market, limit=2) == [NOON_MS - MINUTE_MS, NOON_MS]


def test_a_renamed_symbol_ends_and_the_new_name_begins() -> None:
    clock = Clock()
    market = seeded(clock)
    after(market, clock, "RENAMED", renamed_to="NEWUSDT")
    assert names(market) == {"ATOMUSDT": "TRADING", "NEWUSDT": "TRADING"}
    begins_ms = NOON_MS + MINUTE_MS
    assert minutes(market, limit=1) == [NOON_MS]
    assert minutes(market, "NEWUSDT", start_ms=0, limit=2) == [begins_ms, begins_ms + MINUTE_MS]
    trades = rows_of(market.aggregates(TradeQuery(symbol="NEWUSDT", start_ms=0, limit=5)))
    assert all(row["T"] >= begins_ms for row in trades)
    frames = run(market, clock, streams=["newusdt@kline_1m", "newusdt@depth@100ms"], ms=10_000)
    assert events(frames, "@kline_1m")
    assert events(frames, "@depth@100ms")


def test_clearing_lets_every_symbol_trade_and_keeps_what_was_lost() -> None:
    roll = Roll()
    roll.lose("BTCUSDT", 0, MINUTE_MS)
    roll.change("BTCUSDT", "BREAK", at_ms=10 * MINUTE_MS)
    roll.clear(20 * MINUTE_MS)
    assert roll.missing_klines("BTCUSDT") == ((0, MINUTE_MS), (10 * MINUTE_MS, 20 * MINUTE_MS))
    assert roll.names(["BTCUSDT"]) == ("BTCUSDT",)


def test_a_change_taken_back_before_it_began_loses_nothing() -> None:
    roll = Roll()
    roll.change("BTCUSDT", "BREAK", at_ms=1)
    assert roll.missing_klines("BTCUSDT") == ((MINUTE_MS, FOREVER_MS),)
    roll.change("BTCUSDT", "TRADING", at_ms=2)
    assert roll.missing_klines("BTCUSDT") == ()


@pytest.mark.parametrize("interval", [Interval.H1, Interval.D1])
def test_without_an_outage_the_rows_are_untouched(interval: Interval) -> None:
    market, plain = seeded(Clock()), seeded(Clock())
    market.roll.lose("ATOMUSDT", NOON_MS - MINUTE_MS, NOON_MS)
    query = KlineQuery(symbol="BTCUSDT", interval=interval, limit=5)
    assert [row_digits(row) for row in rows_of(market.klines(query))] == [
        row_digits(row) for row in rows_of(plain.klines(query))
    ]


def test_a_replay_has_outages_too() -> None:
    clock = Clock()
    market = replay(BTC, clock)
    begun_ms = market.status()["start"]
    start_ms = begun_ms // MINUTE_MS * MINUTE_MS + MINUTE_MS
    market.roll.lose("BTCUSDT", start_ms, start_ms + MINUTE_MS)
    frames = play(market, clock, streams=STREAMS)
    trades = events(frames, "@trade")
    assert trades
    assert not any(start_ms <= frame.time_ms < start_ms + MINUTE_MS for frame in frames if "@kline" not in frame.stream)
    assert start_ms not in minutes(market, limit=1_000)
    told = rows_of(market.aggregates(TradeQuery(symbol="BTCUSDT", from_id=0, limit=100_000)))
    assert [row["a"] for row in told] == [event["t"] for event in trades]
