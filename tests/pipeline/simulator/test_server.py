"""The exchange over real sockets, as a client meets it."""

import asyncio
from collections.abc import AsyncIterator, Collection
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, WSServerHandshakeError

from pipeline.simulator.market import Frame, Market
from pipeline.simulator.mischief import Kind, Order
from pipeline.simulator.rules import Limits
from pipeline.simulator.seeded.market import SeededMarket
from pipeline.simulator.server import Exchange, wall_clock_ms
from tests.pipeline.simulator.worlds import BTC, replay


def live() -> Market:
    return SeededMarket(["BTCUSDT", "ETHUSDT"], seed=1, rate=1.0, clock_ms=wall_clock_ms)


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    async with Exchange(live()).serving() as one:
        yield one


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession() as one:
        yield one


async def next_event(socket: ClientWebSocketResponse) -> dict[str, Any]:
    async with asyncio.timeout(10):
        event: dict[str, Any] = orjson.loads((await socket.receive()).data)
    return event


async def closing(socket: ClientWebSocketResponse) -> WSMsgType:
    async with asyncio.timeout(10):
        while (message := await socket.receive()).type in (WSMsgType.TEXT, WSMsgType.PING):
            pass
    return message.type


async def counted(exchange: Exchange, event: str) -> None:
    async with asyncio.timeout(10):
        while exchange.hub.counts.events[event] != 1:
            await asyncio.sleep(0.01)


async def test_combined_streams_come_wrapped(exchange: Exchange, session: ClientSession) -> None:
    names = {"btcusdt@depth@100ms", "ethusdt@depth@100ms"}
    async with session.ws_connect(f"{exchange.ws_url}/stream?streams={'/'.join(names)}") as socket:
        seen = {(await next_event(socket))["stream"] for _ in range(8)}
    assert seen == names


async def test_a_raw_stream_comes_bare(exchange: Exchange, session: ClientSession) -> None:
    async with session.ws_connect(f"{exchange.ws_url}/ws/btcusdt@depth@100ms") as socket:
        first, second = await next_event(socket), await next_event(socket)
    assert first["e"] == "depthUpdate"
    assert second["U"] == first["u"] + 1


async def test_subscribing_live_starts_the_stream_and_unsubscribing_ends_it(
    exchange: Exchange, session: ClientSession
) -> None:
    async with session.ws_connect(f"{exchange.ws_url}/ws") as socket:
        await socket.send_json({"method": "SUBSCRIBE", "params": ["btcusdt@bookTicker"], "id": 1})
        assert await next_event(socket) == {"result": None, "id": 1}
        assert (await next_event(socket))["s"] == "BTCUSDT"
        await socket.send_json({"method": "UNSUBSCRIBE", "params": ["btcusdt@bookTicker"], "id": 2})
        while (event := await next_event(socket)).get("id") != 2:
            pass
        assert event == {"result": None, "id": 2}
        await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 3})
        assert await next_event(socket) == {"result": [], "id": 3}


async def test_the_sixth_message_in_a_second_ends_the_connection(exchange: Exchange, session: ClientSession) -> None:
    async with session.ws_connect(f"{exchange.ws_url}/ws") as socket:
        for number in range(6):
            await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": number})
        assert await closing(socket) is WSMsgType.CLOSE
    await counted(exchange, "closed/too_many_messages")


async def test_more_streams_than_allowed_are_refused(session: ClientSession) -> None:
    async with Exchange(live(), limits=Limits(streams=1)).serving() as exchange:
        with pytest.raises(WSServerHandshakeError, match="400"):
            await session.ws_connect(f"{exchange.ws_url}/stream?streams=a@trade/b@trade")


async def test_a_connection_ends_at_its_lifetime(session: ClientSession) -> None:
    async with (
        Exchange(live(), limits=Limits(lifetime_ms=300)).serving() as exchange,
        session.ws_connect(f"{exchange.ws_url}/ws/btcusdt@trade") as socket,
    ):
        assert await closing(socket) is WSMsgType.CLOSE


async def test_who_sends_no_pong_is_closed_and_who_does_is_not(session: ClientSession) -> None:
    limits = Limits(ping_every_ms=400, pong_within_ms=900)
    async with (
        Exchange(live(), limits=limits).serving() as exchange,
        session.ws_connect(f"{exchange.ws_url}/ws", autoping=False) as mute,
        session.ws_connect(f"{exchange.ws_url}/ws/btcusdt@depth@100ms") as lively,
    ):
        reading = asyncio.create_task(closing(lively))
        assert await closing(mute) is WSMsgType.CLOSE
        assert not reading.done()
        await counted(exchange, "closed/no_pong")
        reading.cancel()


async def test_rest_says_its_weight_and_refuses_beyond_it(session: ClientSession) -> None:
    async with Exchange(live(), limits=Limits(weight_per_minute=4, refusals_before_ban=1)).serving() as exchange:
        url = f"{exchange.rest_url}/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=2"
        replies = []
        for _ in range(4):
            async with session.get(url) as reply:
                replies.append((reply.status, reply.headers.get("X-MBX-USED-WEIGHT-1M"), await reply.json()))
                waits = int(reply.headers.get("Retry-After", "0"))
        assert [status for status, _, _ in replies] in ([200, 200, 429, 418], [200, 200, 200, 429])
        assert replies[0][1] == "2"
        assert replies[-1][2]["code"] == -1003
        assert waits > 0


async def test_faults_are_ordered_over_http(exchange: Exchange, session: ClientSession) -> None:
    order = {"kind": "rest", "match": "time", "status": 503, "count": 1}
    async with session.post(f"{exchange.rest_url}/faults", json=order) as reply:
        assert (await reply.json())["orders"][0]["kind"] == "rest"
    statuses = []
    for _ in range(2):
        async with session.get(f"{exchange.rest_url}/api/v3/time") as reply:
            statuses.append(reply.status)
    assert statuses == [503, 200]
    async with session.post(f"{exchange.rest_url}/faults", json={"kind": "nonsense"}) as reply:
        assert reply.status == 400


async def test_a_shutdown_is_announced_and_a_drop_is_not(exchange: Exchange, session: ClientSession) -> None:
    async with session.ws_connect(f"{exchange.ws_url}/stream") as socket:
        exchange.order(Order(kind=Kind.SHUTDOWN))
        event = await next_event(socket)
        assert (event["stream"], event["data"]["e"]) == ("!serverShutdown", "serverShutdown")
        exchange.order(Order(kind=Kind.DROP))
        assert await closing(socket) in (WSMsgType.CLOSED, WSMsgType.ERROR)


async def test_a_stale_book_is_older_than_the_stream(exchange: Exchange, session: ClientSession) -> None:
    url = f"{exchange.rest_url}/api/v3/depth?symbol=BTCUSDT"
    async with session.get(url) as reply:
        before = (await reply.json())["lastUpdateId"]
    exchange.order(Order(kind=Kind.STALE_BOOK, match="BTCUSDT"))
    async with session.ws_connect(f"{exchange.ws_url}/ws/btcusdt@depth@100ms") as socket:
        for _ in range(4):
            event = await next_event(socket)
    async with session.get(url) as reply:
        stale = (await reply.json())["lastUpdateId"]
    async with session.get(url) as reply:
        fresh = (await reply.json())["lastUpdateId"]
    assert before <= stale < event["U"] <= event["u"] <= fresh


async def test_a_replay_as_fast_as_the_reader_loses_nothing_and_then_stays_silent(session: ClientSession) -> None:
    market = replay(BTC, wall_clock_ms, speed=1e9)
    streams = "btcusdt@trade/btcusdt@depth@100ms"
    async with (
        Exchange(market).serving() as exchange,
        session.ws_connect(f"{exchange.ws_url}/stream?streams={streams}") as socket,
    ):
        got = [await next_event(socket) for _ in range(2_325 + 1_095)]
        ids = [event["data"]["t"] for event in got if event["stream"].endswith("@trade")]
        assert ids == list(range(ids[0], ids[0] + 2_325))
        async with session.get(f"{exchange.rest_url}/replay/status") as reply:
            status = await reply.json()
        assert status["done"]
        assert status["position"] == status["end"]
        assert not socket.closed


class BrokenMarket(SeededMarket):
    """A market that fails as soon as it is asked for frames."""

    def due(self, streams: Collection[str]) -> list[Frame]:
        raise ArithmeticError("no more numbers")


async def test_an_exchange_whose_market_fails_ends_instead_of_going_mute() -> None:
    market = BrokenMarket(["BTCUSDT"], seed=1, rate=1.0, clock_ms=wall_clock_ms)
    async with Exchange(market).serving() as exchange, asyncio.timeout(10):
        with pytest.raises(ArithmeticError):
            await exchange.until(asyncio.Event())
