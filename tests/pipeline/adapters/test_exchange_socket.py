"""The socket to the exchange, against a real one on this machine."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from hashlib import sha1

import pytest
from aiohttp import WSMsgType, web

from pipeline.adapters.exchange_socket import open_socket
from pipeline.domain.faults import TransientError, UndeliveredError

Talk = Callable[[web.WebSocketResponse], Awaitable[None]]


@asynccontextmanager
async def exchange(talk: Talk) -> AsyncIterator[str]:
    """A server that says what ``talk`` says; its address."""

    async def answer(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=False, compress=False)
        await socket.prepare(request)
        await talk(socket)
        return socket

    application = web.Application()
    application.router.add_get("/stream", answer)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"ws://127.0.0.1:{runner.addresses[0][1]}/stream"
    finally:
        await runner.cleanup()


async def heard(url: str, *, until: int) -> tuple[list[bytes], str]:
    """The messages that came, and why it ended."""
    came: list[bytes] = []
    async with asyncio.timeout(10):
        socket = await open_socket(url, came.append)
        why = await socket.ended()
        await socket.close()
    assert len(came) == until
    return came, why


def test_messages_come_in_order_and_a_close_says_why() -> None:
    async def talk(socket: web.WebSocketResponse) -> None:
        for number in range(100):
            await socket.send_str(str(number))
        await socket.close(code=1008, message=b"Too many requests")

    async def run() -> None:
        async with exchange(talk) as url:
            came, why = await heard(url, until=100)
            assert came == [str(number).encode() for number in range(100)]
            assert "1008 Too many requests" in why

    asyncio.run(run())


def test_a_message_in_fragments_is_one_message() -> None:
    async def fragments(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        key = next(
            line.split(": ")[1] for line in request.split("\r\n") if line.lower().startswith("sec-websocket-key")
        )
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
        writer.write(f"Sec-WebSocket-Accept: {_accepted(key)}\r\n\r\n".encode())
        writer.write(b"\x01\x04one " + b"\x00\x04two " + b"\x80\x05three" + b"\x81\x03end")
        await writer.drain()
        writer.close()

    async def run() -> None:
        server = await asyncio.start_server(fragments, "127.0.0.1", 0)
        async with server:
            came, why = await heard(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/stream", until=2)
        assert came == [b"one two three", b"end"]
        assert "broke" in why

    asyncio.run(run())


def _accepted(key: str) -> str:
    return b64encode(sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()


def test_pings_are_answered_with_their_payload() -> None:
    pongs: list[bytes] = []

    async def talk(socket: web.WebSocketResponse) -> None:
        await socket.ping(b"1700000000000")
        message = await socket.receive(timeout=5)
        assert message.type is WSMsgType.PONG
        pongs.append(bytes(message.data))
        await socket.close()

    async def run() -> None:
        async with exchange(talk) as url:
            await heard(url, until=0)

    asyncio.run(run())
    assert pongs == [b"1700000000000"]


def test_a_pause_holds_what_comes_until_it_is_over() -> None:
    async def talk(socket: web.WebSocketResponse) -> None:
        await socket.send_str("first")
        await socket.receive(timeout=5)
        await socket.send_str("second")
        await socket.close()

    async def run() -> None:
        came: list[bytes] = []
        async with exchange(talk) as url, asyncio.timeout(10):
            socket = await open_socket(url, came.append)
            while not came:
                await asyncio.sleep(0.001)
            socket.pause()
            socket.send(b"go on")
            done, _ = await asyncio.wait({asyncio.ensure_future(socket.ended())}, timeout=0.2)
            assert not done
            assert came == [b"first"]
            socket.resume()
            await socket.ended()
            assert came == [b"first", b"second"]

    asyncio.run(run())


def test_it_has_caught_up_when_everything_before_the_answer_to_a_ping_was_taken() -> None:
    async def talk(socket: web.WebSocketResponse) -> None:
        ping = await socket.receive(timeout=5)
        assert ping.type is WSMsgType.PING
        for number in range(100):
            await socket.send_str(str(number))
        await socket.pong(ping.data)
        await socket.receive(timeout=5)

    async def run() -> None:
        came: list[bytes] = []
        async with exchange(talk) as url, asyncio.timeout(10):
            socket = await open_socket(url, came.append)
            await socket.caught_up()
            assert len(came) == 100
            await socket.close()

    asyncio.run(run())


def test_a_connection_that_ends_has_caught_up() -> None:
    async def talk(socket: web.WebSocketResponse) -> None:
        await socket.receive(timeout=5)
        await socket.close()

    async def run() -> None:
        async with exchange(talk) as url, asyncio.timeout(10):
            socket = await open_socket(url, lambda _: None)
            await socket.caught_up()
            await socket.ended()

    asyncio.run(run())


def test_what_taking_a_message_raises_ends_the_connection_and_is_raised() -> None:
    async def talk(socket: web.WebSocketResponse) -> None:
        await socket.send_str("first")
        await socket.receive(timeout=5)

    def refuse(_raw: bytes) -> None:
        raise UndeliveredError("no room")

    async def run() -> None:
        async with exchange(talk) as url, asyncio.timeout(10):
            socket = await open_socket(url, refuse)
            with pytest.raises(UndeliveredError):
                await socket.ended()

    asyncio.run(run())


def test_after_it_was_closed_nothing_is_handed_over() -> None:
    async def talk(socket: web.WebSocketResponse) -> None:
        while not socket.closed:
            await socket.send_str("more")
            await asyncio.sleep(0)

    async def run() -> None:
        came: list[bytes] = []
        async with exchange(talk) as url, asyncio.timeout(10):
            socket = await open_socket(url, came.append)
            while not came:
                await asyncio.sleep(0.001)
            await socket.close()
            before = len(came)
            await asyncio.sleep(0.05)
            assert len(came) == before

    asyncio.run(run())


def test_nobody_there_or_a_refusal_is_worth_another_try() -> None:
    async def refused(_request: web.Request) -> web.Response:
        return web.Response(status=503)

    async def run() -> None:
        with pytest.raises(TransientError):
            await open_socket("ws://127.0.0.1:1/stream", lambda _: None)
        application = web.Application()
        application.router.add_get("/stream", refused)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        with pytest.raises(TransientError):
            await open_socket(f"ws://127.0.0.1:{runner.addresses[0][1]}/stream", lambda _: None)
        await runner.cleanup()

    asyncio.run(run())
