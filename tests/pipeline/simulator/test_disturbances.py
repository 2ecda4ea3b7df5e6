"""Orders that concern the market itself, given as a client gives them: outages, lifecycles, skew, silent minutes."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession

from pipeline.domain.interval import MINUTE_MS
from pipeline.simulator.delivery import Delivery
from pipeline.simulator.seeded.market import SeededMarket
from pipeline.simulator.server import Exchange
from tests.pipeline.simulator.worlds import BTC, NOON_MS, Clock, replay


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON_MS + 20_000)


@pytest.fixture
async def exchange(clock: Clock) -> AsyncIterator[Exchange]:
    market = SeededMarket(["BTCUSDT", "ETHUSDT"], seed=7, rate=1.0, clock_ms=clock)
    async with Exchange(market, clock_ms=clock).serving() as one:
        yield one


async def order(exchange: Exchange, **wish: Any) -> Any:
    """The log's entry of an order, or what was said against it."""
    async with ClientSession() as session, session.post(f"{exchange.rest_url}/faults", json=wish) as reply:
        answer = await reply.json()
    return answer["log"][-1] if reply.status == 200 else answer["error"]


async def get(exchange: Exchange, path: str) -> Any:
    async with ClientSession() as session, session.get(f"{exchange.rest_url}/api/v3/{path}") as reply:
        return await reply.json()


async def test_an_outage_begins_with_the_next_whole_minute(exchange: Exchange, clock: Clock) -> None:
    entry = await order(exchange, kind="outage", match="btcusdt", count=2)
    assert (entry["begun_ms"], entry["ended_ms"]) == (NOON_MS + MINUTE_MS, NOON_MS + 3 * MINUTE_MS)
    clock.now_ms = NOON_MS + 5 * MINUTE_MS
    rows = await get(exchange, f"klines?symbol=BTCUSDT&interval=1m&startTime={NOON_MS}")
    assert [row[0] for row in rows] == [NOON_MS + number * MINUTE_MS for number in (0, 3, 4, 5)]
    assert len(await get(exchange, f"klines?symbol=ETHUSDT&interval=1m&startTime={NOON_MS}")) == 6


async def test_an_outage_of_the_past_takes_its_rows_away(exchange: Exchange) -> None:
    start_ms = NOON_MS - 10 * MINUTE_MS
    await order(exchange, kind="outage", match="", start_ms=start_ms, end_ms=start_ms + MINUTE_MS)
    rows = await get(exchange, f"klines?symbol=ETHUSDT&interval=1m&startTime={start_ms}&limit=1")
    assert rows[0][0] == start_ms + MINUTE_MS


async def test_a_status_is_seen_and_cleared(exchange: Exchange) -> None:
    await order(exchange, kind="lifecycle", match="BTCUSDT", becomes="HALT")
    (entry,) = (await get(exchange, "exchangeInfo?symbol=BTCUSDT"))["symbols"]
    assert entry["status"] == "HALT"
    assert [one["symbol"] for one in (await get(exchange, "exchangeInfo?symbolStatus=TRADING"))["symbols"]] == [
        "ETHUSDT"
    ]
    exchange.clear()
    (entry,) = (await get(exchange, "exchangeInfo?symbol=BTCUSDT"))["symbols"]
    assert entry["status"] == "TRADING"


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"kind": "lifecycle", "match": "NOSUCH", "becomes": "HALT"}, "expected a symbol"),
        ({"kind": "lifecycle", "match": "BTCUSDT", "becomes": "RENAMED"}, "renamed_to is ''"),
        ({"kind": "stale_book"}, "expected a symbol"),
    ],
)
async def test_what_this_market_cannot_have_is_refused(exchange: Exchange, wish: Any, words: str) -> None:
    assert words in await order(exchange, **wish)
    assert exchange.report()["log"] == []


async def test_a_replay_cannot_rename_to_what_was_not_recorded() -> None:
    async with Exchange(replay(BTC, Clock())).serving() as exchange:
        wish = {"kind": "lifecycle", "match": "BTCUSDT", "becomes": "RENAMED", "renamed_to": "NEWUSDT"}
        assert "expected a symbol this market can have" in await order(exchange, **wish)


async def test_silent_minutes_are_the_next_whole_ones(exchange: Exchange, clock: Clock) -> None:
    await order(exchange, kind="silent_minutes", match="btcusdt", count=1)
    (silent,) = exchange.mischief.orders
    assert (silent.start_ms, silent.end_ms) == (NOON_MS + MINUTE_MS, NOON_MS + 2 * MINUTE_MS)
    clock.now_ms = NOON_MS + 2 * MINUTE_MS + 1_000
    assert exchange.report()["orders"]
    clock.now_ms += 1_000
    assert not exchange.report()["orders"]


async def test_the_exchanges_clock_is_off_and_its_candles_are_not(exchange: Exchange, clock: Clock) -> None:
    await order(exchange, kind="skew", offset_s=-4.5)
    assert await get(exchange, "time") == {"serverTime": clock.now_ms - 4_500}
    assert (await get(exchange, "exchangeInfo"))["serverTime"] == clock.now_ms - 4_500
    assert (await get(exchange, "klines?symbol=BTCUSDT&interval=1m&limit=1"))[0][0] == NOON_MS


def test_slowness_keeps_the_order_when_it_ends() -> None:
    delivery = Delivery()
    delivery.slow(1_000, delay_ms=500)
    assert delivery.ready([b"1"], 900) == []
    assert delivery.ready([b"2"], 1_100) == []
    assert delivery.ready([], 1_399) == []
    assert delivery.ready([b"3"], 1_400) == [b"1", b"2", b"3"]
    assert delivery.ready([b"4"], 1_500) == [b"4"]


def test_a_stall_loses_what_was_due() -> None:
    delivery = Delivery()
    delivery.stall(1_000)
    assert delivery.ready([b"1"], 999) == []
    assert delivery.ready([b"2"], 1_000) == [b"2"]
