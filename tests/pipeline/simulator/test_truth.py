"""The truth told to checkers: the book at an update id, the trades by id."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession

from pipeline.domain.book import OrderBook
from pipeline.domain.interval import MINUTE_MS
from pipeline.simulator.replay.books import diff_of, snapshot_of
from pipeline.simulator.seeded.market import SeededMarket
from pipeline.simulator.server import Exchange
from tests.pipeline.simulator.worlds import BTC, NOON_MS, Clock, events, play, replay, rows_of, run, seeded


def levels(body: bytes | None, symbol: str = "BTCUSDT") -> tuple[Any, Any]:
    assert body is not None
    book = snapshot_of(symbol, orjson.loads(body))
    return list(book.bids), list(book.asks)


def test_the_book_at_an_id_is_the_book_the_differences_lead_to() -> None:
    clock = Clock(NOON_MS + 37_050)
    market = seeded(clock)
    book = OrderBook(snapshot_of("BTCUSDT", orjson.loads(market.depth("BTCUSDT", limit=5_000))))
    for event in events(run(market, clock, streams=["btcusdt@depth@100ms"], ms=5_000), "@depth@100ms"):
        book.apply(diff_of("BTCUSDT", event))
        if event["u"] % 5 == 0:
            assert levels(market.book_at("BTCUSDT", event["u"])) == (book.bids(5_000), book.asks(5_000))


def test_there_is_no_book_at_an_id_between_steps_or_to_come() -> None:
    market = seeded(Clock())
    now_id = orjson.loads(market.depth("BTCUSDT", limit=5))["lastUpdateId"]
    assert market.book_at("BTCUSDT", now_id) is not None
    assert market.book_at("BTCUSDT", now_id - 1) is None
    assert market.book_at("BTCUSDT", now_id + 8) is None


def test_the_trades_by_id_are_those_of_the_stream() -> None:
    clock = Clock()
    market = seeded(clock)
    sent = events(run(market, clock, streams=["btcusdt@trade"], ms=20_000), "@trade")
    first, last = sent[0]["t"], sent[-1]["t"]
    rows = rows_of(market.trades_by_id("BTCUSDT", first=first, last=last))
    assert [(row["id"], row["price"], row["qty"], row["time"], row["isBuyerMaker"]) for row in rows] == [
        (event["t"], event["p"], event["q"], event["T"], event["m"]) for event in sent
    ]
    assert len(market.trades_by_id("BTCUSDT", first=first, last=last + 10**6)) >= len(rows)
    assert market.trades_by_id("BTCUSDT", first=last + 10**6, last=last + 10**6 + 5) == []


def test_trades_lost_in_an_outage_are_not_the_truth() -> None:
    clock = Clock(NOON_MS + 2 * MINUTE_MS)
    market = seeded(clock)
    market.roll.lose("BTCUSDT", NOON_MS, NOON_MS + MINUTE_MS)
    rows = rows_of(market.trades("BTCUSDT", limit=10_000))
    told = rows_of(market.trades_by_id("BTCUSDT", first=rows[0]["id"], last=rows[-1]["id"]))
    assert told == rows
    assert len(told) < rows[-1]["id"] - rows[0]["id"]


def test_a_replay_tells_the_truth_it_has() -> None:
    clock = Clock()
    market = replay(BTC, clock)
    assert market.book_at("BTCUSDT", 1) is None
    frames = play(market, clock, streams=["btcusdt@trade", "btcusdt@depth@100ms"])
    sent = events(frames, "@trade")
    rows = rows_of(market.trades_by_id("BTCUSDT", first=sent[3]["t"], last=sent[8]["t"]))
    assert [row["id"] for row in rows] == [event["t"] for event in sent[3:9]]
    last_id = events(frames, "@depth@100ms")[-1]["u"]
    assert levels(market.book_at("BTCUSDT", last_id)) == levels(market.depth("BTCUSDT", limit=1 << 20))


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    market = SeededMarket(["BTCUSDT"], seed=7, rate=1.0, clock_ms=Clock())
    async with Exchange(market).serving() as one:
        yield one


async def test_the_truth_is_asked_over_http_and_weighs_nothing(exchange: Exchange) -> None:
    now_id = orjson.loads(exchange.market.depth("BTCUSDT", limit=5))["lastUpdateId"]
    newest = rows_of(exchange.market.trades("BTCUSDT", limit=3))
    asked = {
        f"book?symbol=BTCUSDT&lastUpdateId={now_id}": 200,
        f"book?symbol=BTCUSDT&lastUpdateId={now_id + 1}": 404,
        "book?symbol=NOSUCH&lastUpdateId=8": 400,
        "book?lastUpdateId=8": 400,
        f"trades?symbol=BTCUSDT&fromId={newest[0]['id']}&toId={newest[-1]['id']}": 200,
    }
    async with ClientSession() as session, asyncio.timeout(10):
        bodies = []
        for path, status in asked.items():
            async with session.get(f"{exchange.rest_url}/truth/{path}") as reply:
                assert reply.status == status, path
                bodies.append(await reply.json())
    assert bodies[0]["lastUpdateId"] == now_id
    assert bodies[-1] == newest
    assert exchange.report()["weights"] == {}
