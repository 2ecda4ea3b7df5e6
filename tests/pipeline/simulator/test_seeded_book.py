"""The seeded book: differences lead from any snapshot to any later one, and trades happen at its best prices."""

import time

import orjson
import pytest

from pipeline.domain.book import OrderBook
from pipeline.simulator.market import Frame
from pipeline.simulator.replay.books import diff_of, snapshot_of
from pipeline.simulator.seeded.market import SeededMarket
from tests.pipeline.simulator.worlds import NOON_MS, Clock, events, run, seeded


def book_of(market: SeededMarket, symbol: str) -> OrderBook:
    return OrderBook(snapshot_of(symbol, orjson.loads(market.depth(symbol, limit=5_000))))


@pytest.mark.parametrize("symbol", ["BTCUSDT", "DOGEUSDT", "ATOMUSDT"])
@pytest.mark.parametrize("stream", ["depth@100ms", "depth"])
def test_differences_lead_from_a_snapshot_to_a_later_one(symbol: str, stream: str) -> None:
    clock = Clock(NOON_MS + 37_050)
    market = seeded(clock)
    book = book_of(market, symbol)
    last_id = None
    for diff in (diff_of(symbol, event) for event in events(frames_of(market, clock, symbol, stream), stream)):
        assert last_id in (None, diff.first_id - 1)
        book.apply(diff)
        assert not book.crossed
        last_id = diff.last_id
    later = book_of(market, symbol)
    assert book.last_update_id == later.last_update_id
    assert book.bids(5_000) == later.bids(5_000)
    assert book.asks(5_000) == later.asks(5_000)


def frames_of(market: SeededMarket, clock: Clock, symbol: str, stream: str) -> list[Frame]:
    return run(market, clock, streams=[f"{symbol.lower()}@{stream}"], ms=22_950, step_ms=50)


def test_every_difference_changes_something_and_some_delete() -> None:
    clock = Clock()
    diffs = events(run(seeded(clock), clock, streams=["btcusdt@depth@100ms"], ms=20_000), "@depth@100ms")
    assert len(diffs) == 200
    assert all(diff["b"] and diff["a"] for diff in diffs)
    assert any(quantity == "0.00000000" for diff in diffs for _, quantity in diff["b"] + diff["a"])


def test_the_ticker_is_the_book_at_its_id() -> None:
    clock = Clock()
    market = seeded(clock)
    book = book_of(market, "BTCUSDT")
    frames = run(market, clock, streams=["btcusdt@depth@100ms", "btcusdt@bookTicker"], ms=30_000)
    tickers = {event["u"]: event for event in events(frames, "@bookTicker")}
    assert len(tickers) == 300
    for event in events(frames, "@depth@100ms"):
        book.apply(diff_of("BTCUSDT", event))
        ticker = tickers[event["u"]]
        (bid, bid_quantity), (ask, ask_quantity) = book.bids(1)[0], book.asks(1)[0]
        assert [ticker[letter] for letter in "bBaA"] == [f"{n:f}" for n in (bid, bid_quantity, ask, ask_quantity)]


def test_a_best_quantity_that_stays_as_it_was_still_has_a_ticker() -> None:
    clock = Clock(NOON_MS - 100)
    market = seeded(clock, symbols=("ABCBTC",))
    frames = run(market, clock, streams=["abcbtc@depth@100ms", "abcbtc@bookTicker"], ms=600_000, step_ms=10_000)
    assert len(events(frames, "@bookTicker")) == 6_000
    book = book_of(seeded(Clock(clock.now_ms), symbols=("ABCBTC",)), "ABCBTC")
    last = events(frames, "@bookTicker")[-1]
    assert (last["b"], last["B"]) == tuple(f"{number:f}" for number in book.bids(1)[0])


def test_two_hundred_symbols_are_made_faster_than_they_are_sent() -> None:
    clock = Clock(NOON_MS + 1_000)
    names = tuple(f"S{number:03d}USDT" for number in range(200))
    market = seeded(clock, symbols=names)
    streams = [f"{name.lower()}@{kind}" for name in names for kind in ("kline_1m", "depth@100ms", "trade")]
    run(market, clock, streams=streams, ms=2_000)
    began_s = time.process_time()
    frames = run(market, clock, streams=streams, ms=4_000, step_ms=10)
    assert time.process_time() - began_s < 4
    assert len(frames) > 200 * 40
    assert {frame.stream for frame in frames} >= {f"{name.lower()}@depth@100ms" for name in names}


def test_takers_buy_at_the_best_ask_and_sell_at_the_best_bid() -> None:
    clock = Clock()
    market = seeded(clock)
    frames = run(market, clock, streams=["btcusdt@trade", "btcusdt@bookTicker"], ms=180_000)
    best: dict[str, str] = {}
    sides = set()
    for frame in frames:
        event = orjson.loads(frame.data)
        if frame.stream.endswith("bookTicker"):
            best = event
        elif best:
            assert event["p"] == (best["b"] if event["m"] else best["a"])
            sides.add(event["m"])
    assert sides == {True, False}


def test_the_book_is_about_1200_levels_deep_a_side_and_sorted() -> None:
    body = orjson.loads(seeded(Clock()).depth("BTCUSDT", limit=5_000))
    bids, asks = ([float(price) for price, _ in body[side]] for side in ("bids", "asks"))
    assert 1_000 < len(bids) < 1_500
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]


def test_a_sleeping_machine_goes_on_from_now() -> None:
    clock = Clock()
    market = seeded(clock)
    market.due(["btcusdt@depth@100ms"])
    clock.now_ms += 3_600_000
    assert len(market.due(["btcusdt@depth@100ms"])) <= 601


def test_working_ahead_changes_nothing_that_is_sent() -> None:
    streams = ["btcusdt@trade", "btcusdt@depth@100ms", "btcusdt@kline_1m"]
    lazy_clock, eager_clock = Clock(), Clock()
    lazy, eager = seeded(lazy_clock), seeded(eager_clock)
    eager.due(streams)
    ahead: list[Frame] = []
    for _ in range(400):
        eager_clock.now_ms += 10
        ahead += eager.due(streams)
        eager.prepare(streams)
    assert ahead == run(lazy, lazy_clock, streams=streams, ms=4_000)
