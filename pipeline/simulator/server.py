"""The exchange's front door: one port for WebSocket and REST, and the switchboard for faults."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from typing import Any

import orjson
from aiohttp import web

from pipeline.simulator import rest
from pipeline.simulator.connection import Connection
from pipeline.simulator.control import Subscription
from pipeline.simulator.hub import Hub
from pipeline.simulator.market import Market
from pipeline.simulator.mischief import Kind, Mischief, Order
from pipeline.simulator.parameters import RefusedError
from pipeline.simulator.rules import Limits, SlidingWindow, Verdict, WeightMeter

WORKERS = 2
"""Threads that compute REST answers: a long page may not hold up a book, nor many of them the stream."""
LOOPBACK = ("127.0.0.1", "::1")
_TOO_MUCH = "Too much request weight used; current limit is {limit} request weight per 1 MINUTE. Please use WebSocket Streams for live updates to avoid polling the API."  # noqa: E501
_BANNED = "Way too much request weight used; IP banned until {until}. Please use WebSocket Streams for live updates to avoid bans."  # noqa: E501


def wall_clock_ms() -> int:
    """This machine's clock, UTC epoch milliseconds."""
    return time.time_ns() // 1_000_000


class Exchange:
    """A market served over sockets, with the venue's rules and, on demand, its faults."""

    def __init__(
        self, market: Market, *, limits: Limits | None = None, clock_ms: Callable[[], int] = wall_clock_ms
    ) -> None:
        self.market, self.mischief = market, Mischief()
        self.hub = Hub(market, mischief=self.mischief, clock_ms=clock_ms)
        self.port = 0
        self._limits, self._clock_ms = limits or Limits(), clock_ms
        self._tasks: set[asyncio.Task[Any]] = set()
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="rest")
        self._meters: dict[str, WeightMeter] = defaultdict(lambda: WeightMeter(self._limits))
        self._doors: dict[str, SlidingWindow] = defaultdict(
            lambda: SlidingWindow(self._limits.connections, within_ms=self._limits.connections_within_ms)
        )

    @property
    def ws_url(self) -> str:
        """What BINANCE_WS_URL must be to reach this exchange."""
        return f"ws://127.0.0.1:{self.port}"

    @property
    def rest_url(self) -> str:
        """What BINANCE_REST_URL must be to reach this exchange."""
        return f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator["Exchange"]:
        """Listen on loopback (port 0: any free one, see ``port``) until the block ends."""
        runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        self.port = runner.addresses[0][1]
        self._tasks = {asyncio.create_task(self.hub.pace()), asyncio.create_task(self.hub.keep())}
        try:
            yield self
        finally:
            for task in self._tasks:
                task.cancel()
            self.hub.drop_all()
            self._workers.shutdown(wait=False, cancel_futures=True)
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await runner.cleanup()

    async def until(self, stop: asyncio.Event) -> None:
        """Serve until ``stop`` is set; a pacer that fails ends it too, with its error, instead of a mute exchange."""
        stopping = asyncio.create_task(stop.wait())
        done, _ = await asyncio.wait({stopping, *self._tasks}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        for task in done:
            task.result()

    def order(self, order: Order) -> None:
        """Put a fault in force; see ``mischief.Kind``."""
        if order.kind is Kind.DROP:
            self.hub.drop_all()
        elif order.kind is Kind.SHUTDOWN:
            self.hub.announce_shutdown()
        else:
            if order.kind is Kind.STALE_BOOK:
                order.kept = self.market.depth(order.match.upper(), limit=5_000)
            self.mischief.order(order, now_ms=self._clock_ms())

    def report(self) -> dict[str, Any]:
        """What was counted, what is in force."""
        orders = [
            {name: value for name, value in asdict(order).items() if name not in ("kept", "until_ms")}
            | {"kind": order.kind.value}
            for order in self.mischief.orders
        ]
        weights = {ip: meter.used for ip, meter in self._meters.items()}
        counts = dict(self.hub.counts.events)
        return {"orders": orders, "done": dict(self.mischief.done), "counts": counts, "weights": weights}

    def _application(self) -> web.Application:
        application = web.Application()
        application.add_routes(
            [
                web.get("/stream", self._combined),
                web.get("/ws", self._raw),
                web.get("/ws/{streams:.*}", self._raw),
                web.get("/replay/status", self._status),
                web.get("/faults", self._faults),
                web.post("/faults", self._order),
                web.delete("/faults", self._clear),
                web.get("/{path:.*}", self._rest),
            ]
        )
        return application

    async def _combined(self, request: web.Request) -> web.StreamResponse:
        return await self._converse(request, request.query.get("streams", ""), combined=True)

    async def _raw(self, request: web.Request) -> web.StreamResponse:
        return await self._converse(request, request.match_info.get("streams", ""), combined=False)

    async def _converse(self, request: web.Request, names: str, *, combined: bool) -> web.StreamResponse:
        streams = dict.fromkeys(name for name in names.split("/") if name)
        if not self._doors[request.remote or ""].take(self._clock_ms()):
            return web.Response(status=429, headers={"Retry-After": "300"})
        if len(streams) > self._limits.streams:
            return web.Response(status=400, body=RefusedError(-1101, "Too many parameters sent.").body)
        subscription = Subscription(combined, self._limits.streams, streams)
        connection = Connection(request, subscription=subscription, limits=self._limits, now_ms=self._clock_ms())
        socket = await connection.open()
        self.hub.join(connection)
        writer = asyncio.create_task(connection.write())
        try:
            async for message in socket:
                if await connection.read(message, now_ms=self._clock_ms()):
                    self.hub.index()
        finally:
            self.hub.leave(connection)
            writer.cancel()
            with suppress(asyncio.CancelledError):
                await writer
        return socket

    async def _rest(self, request: web.Request) -> web.Response:
        path, query, now_ms = request.path, request.query, self._clock_ms()
        verdict = self._meters[request.remote or ""].spend(rest.weight_of(path, query), now_ms=now_ms)
        refused = self._refusal(verdict) or self.mischief.refuse(request.path_qs, now_ms=now_ms)
        if refused:
            return self._respond(refused[0], refused[1], verdict=verdict, retry_after_s=refused[2])
        await asyncio.sleep(self.mischief.delay_s(request.path_qs))
        if self.market.concurrent:
            loop = asyncio.get_running_loop()
            answer = await loop.run_in_executor(self._workers, rest.answer, self.market, path, query)
        else:
            answer = rest.answer(self.market, path, query)
        body = self.mischief.body(request.path_qs, answer.body)
        return self._respond(answer.status, body, verdict=verdict)

    def _refusal(self, verdict: Verdict) -> tuple[int, bytes, int] | None:
        if verdict.status == 200:
            return None
        text = _BANNED if verdict.status == 418 else _TOO_MUCH
        message = text.format(limit=self._limits.weight_per_minute, until=verdict.banned_until_ms)
        return verdict.status, RefusedError(-1003, message).body, verdict.retry_after_s

    def _respond(self, status: int, body: bytes, *, verdict: Verdict, retry_after_s: int = 0) -> web.Response:
        self.hub.counts.add(f"rest/{status}")
        headers = {"X-MBX-USED-WEIGHT": str(verdict.used), "X-MBX-USED-WEIGHT-1M": str(verdict.used)}
        if status in (418, 429):
            headers["Retry-After"] = str(retry_after_s)
        kind = "text/html" if body.startswith(b"<") else "application/json"
        return web.Response(status=status, body=body, headers=headers, content_type=kind, charset="utf-8")

    async def _status(self, request: web.Request) -> web.Response:
        return _json(dict(self.market.status()))

    async def _faults(self, request: web.Request) -> web.Response:
        return _json(self.report())

    async def _order(self, request: web.Request) -> web.Response:
        if request.remote not in LOOPBACK:
            return web.Response(status=403)
        try:
            wish = orjson.loads(await request.read())
            self.order(Order(**{**wish, "kind": Kind(wish["kind"])}))
        except (KeyError, TypeError, ValueError) as error:
            return _json({"error": f"not a fault: {error}; kinds are {[kind.value for kind in Kind]}"}, status=400)
        return _json(self.report())

    async def _clear(self, request: web.Request) -> web.Response:
        self.mischief.clear()
        return _json(self.report())


def _json(value: object, *, status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(value), content_type="application/json")
