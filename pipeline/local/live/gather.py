"""Listens to an exchange for two minutes and asks it everything the checks need; nothing is judged here."""

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeAlias

import aiohttp

from pipeline.adapters.http import TIMEOUTS
from pipeline.domain.faults import MisconfiguredError, TransientError
from pipeline.domain.interval import MINUTE_MS, Interval
from pipeline.domain.weight import Priority
from pipeline.exchanges.binance.limits import WEIGHT_HEADER, BinanceLimits
from pipeline.local.live.evidence import KINDS, Answer, Evidence, Frame
from pipeline.local.live.rest_checks import WEIGHTS
from pipeline.local.live.stream_checks import BAD_METHOD, LIST, LIST_AGAIN, NOT_JSON, SUBSCRIBE, UNSUBSCRIBE

LATE_BOOK = 0.6
"""After so much of the time the second snapshot is taken."""
SETTLED_MS = 3_000
FIRST_FRAME_WITHIN_S = 20
BETWEEN_MESSAGES_S = 0.5
"""Five messages a second are allowed; pongs count too."""
EMPTY_MINUTE_MS = 1_622_517_000_000
"""2021-06-01 03:10 UTC, a minute of EGLDUSDT without a trade."""
WEIGH_AGAIN = 2
Params = Mapping[str, str | int]
Clock = Callable[[], int]
Socket: TypeAlias = "aiohttp.ClientWebSocketResponse[Any]"


class Asker:
    """Asks over REST, one request at a time, and notes what each one spent."""

    def __init__(self, session: aiohttp.ClientSession, rest_url: str, evidence: Evidence, clock: Clock) -> None:
        self._session, self._url, self._evidence, self._clock = session, rest_url, evidence, clock
        self._used: int | None = None

    async def ask(self, name: str, path: str, **params: str | int) -> Answer:
        """Ask and note the answer under ``name``. Raises TransientError at a limit, MisconfiguredError if refused."""
        asked_ms = self._clock()
        try:
            async with self._session.get(
                f"{self._url}/api/v3/{path}", params=params, timeout=TIMEOUTS[Priority.HISTORY]
            ) as reply:
                body = await reply.read()
                target = reply.url.path_qs
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise TransientError(f"no answer to {path}: {str(error) or repr(error)}") from error
        answer = Answer(target, reply.status, dict(reply.headers), body, asked_ms, self._clock())
        answer = replace(answer, spent=self._spent(reply.headers.get(WEIGHT_HEADER)))
        _obey(answer)
        self._evidence.answers[name] = answer
        return answer

    async def weigh(self, name: str, path: str, **params: str | int) -> None:
        """Ask, again where the header grew by something else: the minute may have turned, others may ask too."""
        for _ in range(1 + WEIGH_AGAIN):
            answer = await self.ask(name, path, **params)
            if answer.status != 200 or answer.spent == WEIGHTS.get(name):
                return

    def _spent(self, header: str | None) -> int | None:
        used, before = BinanceLimits().used(header), self._used
        self._used = used
        return used - before if used is not None and before is not None and used >= before else None


def _obey(answer: Answer) -> None:
    if answer.status in (418, 429):
        wait = answer.headers.get("Retry-After", "some")
        raise TransientError(f"the exchange is not to be asked for {wait} s (HTTP {answer.status}); try again then")
    if answer.status in (403, 451):
        raise MisconfiguredError(
            f"the exchange refuses this place or this request (HTTP {answer.status} to {answer.target}); set "
            "BINANCE_REST_URL and BINANCE_WS_URL to hosts that serve you"
        )


async def gather(
    evidence: Evidence, *, rest_url: str, ws_url: str, seconds: float, clock: Clock, trust_env: bool,
) -> None:  # fmt: skip
    """Fill ``evidence``. Raises a Fault where the exchange can't be asked."""
    async with aiohttp.ClientSession(trust_env=trust_env) as session:
        asker = Asker(session, rest_url, evidence, clock)
        await asker.ask("time", "time")
        listening = asyncio.create_task(_listen(session, ws_url, evidence, seconds=seconds, clock=clock))
        others = [
            asyncio.create_task(_converse(session, ws_url, evidence)),
            asyncio.create_task(_wait_in_vain(session, ws_url, evidence, seconds=min(seconds / 2, 10))),
        ]
        try:
            await _ask_while_listening(asker, evidence, listening, seconds=seconds)
            await asyncio.gather(listening, *others)
            await _ask_after(asker, evidence, clock)
        finally:
            for task in (listening, *others):
                task.cancel()
            await asyncio.gather(listening, *others, return_exceptions=True)


async def _listen(
    session: aiohttp.ClientSession, ws_url: str, evidence: Evidence, *, seconds: float, clock: Clock
) -> None:
    """Keep every frame of the symbol's streams; pings are noted and answered."""
    streams = "/".join(f"{evidence.symbol.lower()}@{kind}" for kind in KINDS)
    async with _opened(session, f"{ws_url}/stream?streams={streams}") as socket:
        evidence.compressed = bool(socket.compress)
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not evidence.cut:
                    await _keep(socket, await socket.receive(), evidence, clock)


async def _keep(socket: "Socket", message: Any, evidence: Evidence, clock: Clock) -> None:
    if message.type is aiohttp.WSMsgType.PING:
        evidence.pings.append((clock(), bytes(message.data)))
        await socket.pong(message.data)
    elif message.type is aiohttp.WSMsgType.TEXT:
        evidence.frames.append(Frame(message.data.encode(), clock(), _object(message.data)))
    elif message.type is not aiohttp.WSMsgType.PONG:
        evidence.cut = f"cut after {len(evidence.frames)} frames ({message.type.name}, code {socket.close_code})"


async def _converse(session: aiohttp.ClientSession, ws_url: str, evidence: Evidence) -> None:
    """Send each kind of control message on a connection without streams and note the replies."""
    stream = f"{evidence.symbol.lower()}@trade"
    messages: dict[int, dict[str, Any]] = {
        SUBSCRIBE: {"method": "SUBSCRIBE", "params": [stream]}, LIST: {"method": "LIST_SUBSCRIPTIONS"},
        BAD_METHOD: {"method": "NO_SUCH_METHOD"}, UNSUBSCRIBE: {"method": "UNSUBSCRIBE", "params": [stream]},
        LIST_AGAIN: {"method": "LIST_SUBSCRIPTIONS"},
    }  # fmt: skip
    async with _opened(session, f"{ws_url}/ws") as socket:
        for number, message in messages.items():
            await socket.send_json({**message, "id": number})
            await _reply(socket, evidence, number)
        await socket.send_str("{")
        await _reply(socket, evidence, NOT_JSON)


async def _reply(socket: "Socket", evidence: Evidence, number: int) -> None:
    """Wait for the reply to ``number`` among the events; one without an id answers what could not be read."""
    await asyncio.sleep(BETWEEN_MESSAGES_S)
    with suppress(TimeoutError):
        async with asyncio.timeout(10):
            while number not in evidence.replies:
                message = await socket.receive()
                if message.type is aiohttp.WSMsgType.PING:
                    await socket.pong(message.data)
                elif message.type is not aiohttp.WSMsgType.TEXT:
                    return
                elif (reply := _object(message.data)).keys() & {"result", "error", "code"}:
                    evidence.replies[reply.get("id") or number] = reply


async def _wait_in_vain(session: aiohttp.ClientSession, ws_url: str, evidence: Evidence, *, seconds: float) -> None:
    """Listen to a stream of a symbol that does not exist."""
    frames = 0
    async with _opened(session, f"{ws_url}/ws/nosuchsymbolatall@trade") as socket:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while True:
                    frames += (await socket.receive()).type is not aiohttp.WSMsgType.PING
                    if socket.closed:
                        break
    evidence.silent_frames = frames


def _opened(session: aiohttp.ClientSession, url: str) -> "aiohttp.client._WSRequestContextManager":
    return session.ws_connect(url, autoping=False, autoclose=True, compress=0, max_msg_size=0)


async def _ask_while_listening(
    asker: Asker, evidence: Evidence, listening: "asyncio.Task[None]", *, seconds: float
) -> None:
    began_s = asyncio.get_running_loop().time()
    depth = f"{evidence.symbol.lower()}@depth@100ms"
    while not any(frame.stream == depth for frame in evidence.frames):
        if listening.done() or asyncio.get_running_loop().time() > began_s + min(FIRST_FRAME_WITHIN_S, seconds):
            break
        await asyncio.sleep(0.05)
    await asker.ask("book early", "depth", symbol=evidence.symbol, limit=1_000)
    await _ask_all(asker, evidence.symbol)
    await asyncio.sleep(max(0.0, began_s + seconds * LATE_BOOK - asyncio.get_running_loop().time()))
    await asker.ask("book late", "depth", symbol=evidence.symbol, limit=1_000)


async def _ask_all(asker: Asker, symbol: str) -> None:
    """Every endpoint for its weight and shape, every error for its code."""
    for number in range(2):
        await asker.ask(f"time {number}", "time")
    for name, path, params in _weighed(symbol):
        await asker.weigh(name, path, **params)
    for name, path, params in _wrong(symbol):
        await asker.ask(name, path, **params)
    await asker.ask("listing", "exchangeInfo", showPermissionSets="false")


def _weighed(symbol: str) -> list[tuple[str, str, Params]]:
    one: Params = {"symbol": symbol}
    return [
        ("ping", "ping", {}), ("time", "time", {}), ("exchangeInfo", "exchangeInfo", one),
        ("klines", "klines", {**one, "interval": "1m", "limit": 5}),
        ("uiKlines", "uiKlines", {**one, "interval": "1m", "limit": 5}),
        ("aggTrades", "aggTrades", {**one, "limit": 5}), ("trades", "trades", {**one, "limit": 5}),
        *((f"depth {limit}", "depth", {**one, "limit": limit}) for limit in (100, 500, 1_000, 5_000)),
        ("avgPrice", "avgPrice", one), ("ticker 24hr", "ticker/24hr", one),
        ("historicalTrades", "historicalTrades", {**one, "limit": 5}),
    ]  # fmt: skip


def _wrong(symbol: str) -> list[tuple[str, str, Params]]:
    return [
        ("unknown symbol", "klines", {"symbol": "NOSUCHSYMBOLATALL", "interval": "1m"}),
        ("bad interval", "klines", {"symbol": symbol, "interval": "7m"}),
        ("missing parameter", "klines", {"interval": "1m"}),
        ("unknown parameter", "klines", {"symbol": symbol, "interval": "1m", "colour": "red"}),
        ("illegal characters", "klines", {"symbol": "btc usdt", "interval": "1m"}),
        ("symbols with an unknown name", "exchangeInfo", {"symbols": json.dumps([symbol, "NOSUCHSYMBOLATALL"])}),
    ]


async def _ask_after(asker: Asker, evidence: Evidence, clock: Clock) -> None:
    """What can only be asked when the stream has told its part."""
    symbol = evidence.symbol
    closed_ms = max((frame.data["k"]["T"] for frame in evidence.frames if _is_closed(frame)), default=0)
    await asyncio.sleep(max(0, closed_ms + SETTLED_MS - clock() - evidence.offset_ms) / 1000)
    await asker.ask("klines after", "klines", symbol=symbol, interval="1m", limit=6)
    aggregates = [frame.data["a"] for frame in evidence.frames if frame.data.get("e") == "aggTrade"]
    if aggregates:
        number = aggregates[len(aggregates) // 2]
        await asker.ask("aggTrades by id", "aggTrades", symbol=symbol, fromId=number, limit=50)
    end_ms = Interval.M5.open_ms(clock() + evidence.offset_ms - SETTLED_MS)
    for interval in (Interval.M1, Interval.M5):
        await asker.ask(interval.value, "klines", symbol=symbol, interval=interval.value,
                        startTime=end_ms - 60 * MINUTE_MS, endTime=end_ms - 1, limit=100)  # fmt: skip
        await asker.ask(f"empty {interval.value}", "klines", symbol="EGLDUSDT", interval=interval.value,
                        startTime=EMPTY_MINUTE_MS, endTime=EMPTY_MINUTE_MS + 5 * MINUTE_MS - 1)  # fmt: skip


def _is_closed(frame: Frame) -> bool:
    return frame.data.get("e") == "kline" and frame.data["k"]["x"]


def _object(text: str) -> dict[str, Any]:
    """The JSON object in ``text``; one with nothing but the text where it is none, for the checks to refuse."""
    with suppress(ValueError):
        value = json.loads(text)
        if isinstance(value, dict):
            return value
    return {"data": {"unreadable": text[:200]}}
