"""Faults of connections and the venue's rules, over real sockets."""

import asyncio
from collections.abc import AsyncIterator, Callable
from hashlib import sha256
from itertools import pairwise
from typing import Any

import orjson
import pytest
from aiohttp import ClientError, ClientSession, ClientWebSocketResponse, WSMsgType, WSServerHandshakeError

from pipeline.simulator.mischief import Kind, Order
from pipeline.simulator.rules import Limits
from pipeline.simulator.seeded.market import SeededMarket
from pipeline.simulator.server import Exchange, wall_clock_ms

BTC, ETH = "btcusdt@depth@100ms", "ethusdt@depth@100ms"


def market() -> SeededMarket:
    return SeededMarket(["BTCUSDT", "ETHUSDT"], seed=1, rate=1.0, clock_ms=wall_clock_ms)


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    async with Exchange(market()).serving() as one:
        yield one


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession() as one:
        yield one


async def connect(session: ClientSession, exchange: Exchange, *streams: str) -> ClientWebSocketResponse:
    before = exchange.hub.counts.events["connections"]
    socket = await session.ws_connect(f"{exchange.ws_url}/stream?streams={'/'.join(streams)}", max_msg_size=0)
    await until(lambda: exchange.hub.counts.events["connections"] > before)
    return socket


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


async def event(socket: ClientWebSocketResponse, *, within_s: float = 10) -> dict[str, Any]:
    async with asyncio.timeout(within_s):
        message = await socket.receive()
    assert message.type is WSMsgType.TEXT, message
    one: dict[str, Any] = orjson.loads(message.data)
    return one


async def ended(socket: ClientWebSocketResponse) -> WSMsgType:
    async with asyncio.timeout(10):
        while (message := await socket.receive()).type in (WSMsgType.TEXT, WSMsgType.PING):
            pass
    return message.type


async def silence_s(socket: ClientWebSocketResponse, *, within_s: float = 10) -> float:
    """How long until the next frame."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    await event(socket, within_s=within_s)
    return loop.time() - began


async def test_only_the_connection_that_carries_the_stream_is_cut(exchange: Exchange, session: ClientSession) -> None:
    first, second = await connect(session, exchange, BTC), await connect(session, exchange, ETH)
    exchange.order(Order(kind=Kind.DROP, match="ethusdt"))
    assert await ended(second) in (WSMsgType.CLOSED, WSMsgType.ERROR)
    assert (await event(first))["stream"] == BTC


async def test_only_the_connection_at_that_place_is_cut(exchange: Exchange, session: ClientSession) -> None:
    first, second = await connect(session, exchange, BTC), await connect(session, exchange, BTC)
    exchange.order(Order(kind=Kind.DROP, connections=[0]))
    assert await ended(first) in (WSMsgType.CLOSED, WSMsgType.ERROR)
    assert (await event(second))["stream"] == BTC


@pytest.mark.parametrize("status", [503, 429])
async def test_handshakes_are_refused_as_often_as_ordered(
    exchange: Exchange, session: ClientSession, status: int
) -> None:
    exchange.order(Order(kind=Kind.REFUSE, status=status, count=2))
    for _ in range(2):
        with pytest.raises(WSServerHandshakeError) as refused:
            await session.ws_connect(f"{exchange.ws_url}/stream?streams={BTC}")
        assert refused.value.status == status
    assert (await event(await connect(session, exchange, BTC)))["stream"] == BTC


async def test_handshakes_are_refused_for_a_while(exchange: Exchange, session: ClientSession) -> None:
    exchange.order(Order(kind=Kind.REFUSE, seconds=0.3))
    for _ in range(3):
        with pytest.raises(WSServerHandshakeError):
            await session.ws_connect(f"{exchange.ws_url}/stream?streams={BTC}")
    await until(lambda: not exchange.mischief.orders)
    assert await event(await connect(session, exchange, BTC))


async def test_a_stalled_connection_gets_nothing_and_what_was_due_is_lost(session: ClientSession) -> None:
    limits = Limits(ping_every_ms=100)
    async with Exchange(market(), limits=limits).serving() as exchange:
        stalled, lively = await connect(session, exchange, BTC), await connect(session, exchange, BTC)
        before = (await event(stalled))["data"]["u"]
        exchange.order(Order(kind=Kind.STALL, connections=[0], seconds=1))
        assert (await event(lively))["data"]
        while (after := (await event(stalled))["data"])["U"] == before + 1:
            before = after["u"]
        assert after["U"] > before + 1
        assert not stalled.closed


async def test_slow_delivery_is_late_and_in_order(exchange: Exchange, session: ClientSession) -> None:
    socket = await connect(session, exchange, BTC)
    exchange.order(Order(kind=Kind.SLOW, seconds=0.6, delay_s=0.8))
    got = [(await event(socket))["data"] for _ in range(20)]
    assert all(before["u"] + 1 == after["U"] for before, after in pairwise(got))
    assert not exchange.hub.counts.events["closed/slow"]
    lateness = [entry for entry in exchange.mischief.log() if entry["kind"] == "slow"]
    assert lateness[0]["ended_ms"] - lateness[0]["begun_ms"] == 600


async def test_slow_delivery_is_late_by_what_was_ordered(exchange: Exchange, session: ClientSession) -> None:
    socket = await connect(session, exchange, BTC)
    exchange.order(Order(kind=Kind.SLOW, seconds=2, delay_s=0.7))
    for _ in range(3):
        late = await event(socket)
        if wall_clock_ms() - late["data"]["E"] >= 700:
            return
    raise AssertionError("nothing came late")


async def test_a_deaf_stream_is_heard_again_after_subscribing(exchange: Exchange, session: ClientSession) -> None:
    socket = await connect(session, exchange, BTC, ETH)
    exchange.order(Order(kind=Kind.DEAF, match="btcusdt"))
    await event(socket)
    await event(socket)
    heard = {(await event(socket))["stream"] for _ in range(6)}
    assert heard == {ETH}
    await socket.send_json({"method": "SUBSCRIBE", "params": [BTC], "id": 1})
    await until_heard(socket, BTC)


async def until_heard(socket: ClientWebSocketResponse, stream: str) -> None:
    for _ in range(60):
        if (await event(socket)).get("stream") == stream:
            return
    raise AssertionError(f"{stream} was not heard")


async def test_a_deaf_stream_is_heard_on_a_new_connection(exchange: Exchange, session: ClientSession) -> None:
    deaf = await connect(session, exchange, BTC)
    exchange.order(Order(kind=Kind.DEAF, match="btcusdt"))
    assert (await event(await connect(session, exchange, BTC)))["stream"] == BTC
    assert not deaf.closed


@pytest.mark.parametrize("answered", [True, False])
async def test_a_subscribe_is_ignored_once(exchange: Exchange, session: ClientSession, answered: bool) -> None:
    socket = await session.ws_connect(f"{exchange.ws_url}/stream")
    exchange.order(Order(kind=Kind.IGNORE_SUBSCRIBE, answered=answered))
    await socket.send_json({"method": "SUBSCRIBE", "params": [BTC], "id": 1})
    await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 2})
    replies = [await event(socket)]
    while replies[-1]["id"] != 2:
        replies.append(await event(socket))
    assert replies == ([{"result": None, "id": 1}] if answered else []) + [{"result": [], "id": 2}]
    await socket.send_json({"method": "SUBSCRIBE", "params": [BTC], "id": 3})
    assert await event(socket) == {"result": None, "id": 3}
    await until_heard(socket, BTC)


async def test_a_handshake_may_begin_nothing_too(exchange: Exchange, session: ClientSession) -> None:
    exchange.order(Order(kind=Kind.IGNORE_SUBSCRIBE, match="btcusdt"))
    socket = await connect(session, exchange, BTC, ETH)
    assert {(await event(socket))["stream"] for _ in range(6)} == {ETH}


async def test_a_shutdown_is_followed_by_a_real_cut(exchange: Exchange, session: ClientSession) -> None:
    old = await connect(session, exchange, BTC)
    exchange.order(Order(kind=Kind.SHUTDOWN, seconds=0.4))
    new = await connect(session, exchange, BTC)
    assert await ended(old) in (WSMsgType.CLOSED, WSMsgType.ERROR)
    assert exchange.hub.counts.events["closed/shutdown"] == 1
    assert (await event(new))["stream"] == BTC


async def test_the_day_long_limit_can_be_reached_on_demand(exchange: Exchange, session: ClientSession) -> None:
    socket = await connect(session, exchange, BTC)
    exchange.order(Order(kind=Kind.LIFETIME))
    assert await ended(socket) is WSMsgType.CLOSE
    await until(lambda: exchange.hub.counts.events["closed/lifetime"] == 1)


@pytest.mark.parametrize("path", ["/stream?streams=", "/ws/"])
async def test_a_malformed_frame_is_remembered_as_it_went_out(
    exchange: Exchange, session: ClientSession, path: str
) -> None:
    socket = await session.ws_connect(f"{exchange.ws_url}{path}{BTC}", max_msg_size=0)
    await until(lambda: bool(exchange.hub.connections))
    exchange.order(Order(kind=Kind.MALFORMED, form="text"))
    async with asyncio.timeout(10):
        while b"<html>" not in (data := (await socket.receive()).data.encode()):
            pass
    (entry,) = exchange.report()["malformed"]
    assert (entry["stream"], entry["form"], entry["bytes"]) == (BTC, "text", len(data))
    assert entry["sha256"] == sha256(data).hexdigest()


async def test_what_nobody_was_sent_is_not_remembered(exchange: Exchange, session: ClientSession) -> None:
    stalled = await connect(session, exchange, BTC)
    exchange.order(Order(kind=Kind.STALL, seconds=5))
    exchange.order(Order(kind=Kind.MALFORMED))
    await until(lambda: exchange.mischief.done["malformed"] == 1)
    assert not exchange.report()["malformed"]
    await stalled.close()


async def test_a_request_hangs_until_it_is_given_up(exchange: Exchange, session: ClientSession) -> None:
    exchange.order(Order(kind=Kind.HANG, match="time"))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3), session.get(f"{exchange.rest_url}/api/v3/time"):
            pass
    await until(lambda: exchange.hub.counts.events["rest/hung"] == 1)
    async with session.get(f"{exchange.rest_url}/api/v3/time") as reply:
        assert reply.status == 200


async def test_a_line_is_cut_in_the_middle_of_an_answer(exchange: Exchange, session: ClientSession) -> None:
    exchange.order(Order(kind=Kind.CUT_ANSWER, match="depth"))
    with pytest.raises(ClientError):
        async with session.get(f"{exchange.rest_url}/api/v3/depth?symbol=BTCUSDT") as reply:
            await reply.read()


async def test_a_late_book_is_as_old_as_it_is_late(exchange: Exchange, session: ClientSession) -> None:
    asked_ms = wall_clock_ms()
    exchange.order(Order(kind=Kind.LATENCY, match="depth", seconds=0.5))
    async with session.get(f"{exchange.rest_url}/api/v3/depth?symbol=BTCUSDT") as reply:
        book = await reply.json()
    assert wall_clock_ms() - asked_ms >= 500
    assert book["lastUpdateId"] // 8 * 100 <= asked_ms + 250


async def test_a_well_behaved_client_has_broken_no_rule(exchange: Exchange, session: ClientSession) -> None:
    await event(await connect(session, exchange, BTC))
    async with session.get(f"{exchange.rest_url}/api/v3/klines?symbol=BTCUSDT&interval=1m") as reply:
        assert reply.status == 200
    counts = exchange.report()["violations"]
    assert len(counts) == 8
    assert not any(counts.values())


async def broken(exchange: Exchange, rule: str) -> None:
    await until(lambda: exchange.violations.counts[rule] > 0)
    assert {name for name, count in exchange.violations.counts.items() if count} == {rule}
    assert exchange.report()["violated"][0]["rule"] == rule


async def test_too_many_messages_are_counted(exchange: Exchange, session: ClientSession) -> None:
    socket = await session.ws_connect(f"{exchange.ws_url}/ws")
    for number in range(6):
        await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": number})
    await broken(exchange, "messages_per_s")


@pytest.mark.parametrize("by_url", [True, False])
async def test_too_many_streams_are_counted(session: ClientSession, by_url: bool) -> None:
    async with Exchange(market(), limits=Limits(streams=1)).serving() as exchange:
        if by_url:
            with pytest.raises(WSServerHandshakeError):
                await session.ws_connect(f"{exchange.ws_url}/stream?streams={BTC}/{ETH}")
        else:
            socket = await session.ws_connect(f"{exchange.ws_url}/stream")
            await socket.send_json({"method": "SUBSCRIBE", "params": [BTC, ETH], "id": 1})
        await broken(exchange, "streams")


async def test_too_many_connections_are_counted(session: ClientSession) -> None:
    async with Exchange(market(), limits=Limits(connections=1)).serving() as exchange:
        await connect(session, exchange, BTC)
        with pytest.raises(WSServerHandshakeError, match="429"):
            await session.ws_connect(f"{exchange.ws_url}/ws")
        await broken(exchange, "connections")


async def test_a_missing_pong_is_counted(session: ClientSession) -> None:
    limits = Limits(ping_every_ms=100, pong_within_ms=200)
    async with Exchange(market(), limits=limits).serving() as exchange:
        mute = await session.ws_connect(f"{exchange.ws_url}/ws", autoping=False)
        assert await ended(mute) is WSMsgType.CLOSE
        await broken(exchange, "no_pong")


async def test_weight_over_the_limit_is_counted(session: ClientSession) -> None:
    async with Exchange(market(), limits=Limits(weight_per_minute=1)).serving() as exchange:
        async with session.get(f"{exchange.rest_url}/api/v3/klines?symbol=BTCUSDT&interval=1m") as reply:
            assert reply.status == 429
        await broken(exchange, "weight")


@pytest.mark.parametrize("status", [429, 418])
async def test_a_request_during_a_block_is_refused_and_counted(session: ClientSession, status: int) -> None:
    async with Exchange(market(), limits=Limits(in_flight_ms=-1)).serving() as exchange:
        exchange.order(Order(kind=Kind.REST, status=status, retry_after_s=60))
        for _ in range(2):
            async with session.get(f"{exchange.rest_url}/api/v3/time") as reply:
                assert reply.status == status
                assert 50 < int(reply.headers["Retry-After"]) <= 60
        await broken(exchange, "request_while_blocked")


async def test_clearing_lifts_a_block(exchange: Exchange, session: ClientSession) -> None:
    exchange.order(Order(kind=Kind.REST, status=418, retry_after_s=60))
    statuses = []
    for _ in range(2):
        async with session.get(f"{exchange.rest_url}/api/v3/time") as reply:
            statuses.append(reply.status)
        exchange.clear()
    assert statuses == [418, 200]


async def test_a_request_on_its_way_when_the_block_began_breaks_no_rule(
    exchange: Exchange, session: ClientSession
) -> None:
    exchange.order(Order(kind=Kind.REST, status=429, retry_after_s=60))

    async def status() -> int:
        async with session.get(f"{exchange.rest_url}/api/v3/time") as reply:
            return reply.status

    assert set(await asyncio.gather(status(), status(), status())) == {429}
    assert not any(exchange.violations.counts.values())


async def test_a_url_that_is_too_long_is_refused_and_counted(exchange: Exchange, session: ClientSession) -> None:
    with pytest.raises(WSServerHandshakeError, match="414"):
        await session.ws_connect(f"{exchange.ws_url}/stream?streams={'x' * 8_000}@trade")
    await broken(exchange, "url_length")


async def test_an_unknown_parameter_is_counted(exchange: Exchange, session: ClientSession) -> None:
    async with session.get(f"{exchange.rest_url}/api/v3/klines?symbol=BTCUSDT&interval=1m&colour=red") as reply:
        assert reply.status == 400
    await broken(exchange, "unknown_parameter")


@pytest.mark.parametrize("how", ["url", "encoded", "subscribe"])
async def test_a_name_beyond_ascii_is_served(session: ClientSession, how: str) -> None:
    world = SeededMarket(["币安人生USDT"], seed=1, rate=1.0, clock_ms=wall_clock_ms)
    stream, encoded = "币安人生usdt@depth@100ms", "%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9Fusdt@depth@100ms"
    async with Exchange(world).serving() as exchange:
        if how == "subscribe":
            socket = await session.ws_connect(f"{exchange.ws_url}/stream")
            await socket.send_json({"method": "SUBSCRIBE", "params": [stream], "id": 1})
            assert await event(socket) == {"result": None, "id": 1}
        else:
            socket = await connect(session, exchange, encoded if how == "encoded" else stream)
        got = await event(socket)
        assert (got["stream"], got["data"]["s"]) == (stream, "币安人生USDT")
        query = {"symbol": "币安人生USDT", "interval": "1m", "limit": "2"}
        async with session.get(f"{exchange.rest_url}/api/v3/klines", params=query) as reply:
            assert len(await reply.json()) == 2
        exchange.order(Order(kind=Kind.REST, match="币安人生"))
        async with session.get(f"{exchange.rest_url}/api/v3/klines", params=query) as reply:
            assert reply.status == 503
