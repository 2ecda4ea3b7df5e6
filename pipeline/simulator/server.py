"""The exchange's front door: one port for WebSocket and REST, and the switchboard for faults."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, NoReturn

from aiohttp import web

from pipeline.simulator import switchboard
from pipeline.simulator.connection import Connection
from pipeline.simulator.control import Subscription
from pipeline.simulator.desk import Desk
from pipeline.simulator.disturbances import Disturbances
from pipeline.simulator.hub import Hub
from pipeline.simulator.market import Market
from pipeline.simulator.mischief import Kind, Mischief, Order
from pipeline.simulator.mischief.script import Script
from pipeline.simulator.parameters import RefusedError
from pipeline.simulator.rules import Limits, SlidingWindow
from pipeline.simulator.violations import Rule, Violations

TICK_S = 0.02
LONGEST_LINE = 1 << 20
"""Longer than the venue allows, so that the rule is ours to enforce and to count."""


def wall_clock_ms() -> int:
    """This machine's clock, UTC epoch milliseconds."""
    return time.time_ns() // 1_000_000


class Exchange:
    """A market served over sockets, with the venue's rules and, on demand, its faults."""

    def __init__(
        self, market: Market, *, limits: Limits | None = None, clock_ms: Callable[[], int] = wall_clock_ms
    ) -> None:
        self.market, self.now_ms, self.port = market, clock_ms, 0
        self.mischief, self.script, self.violations = Mischief(clock_ms), Script(), Violations(clock_ms)
        self.hub = Hub(market, mischief=self.mischief, clock_ms=clock_ms)
        self._limits = limits or Limits()
        self._disturbances = Disturbances(market, self.hub, self.mischief, clock_ms=clock_ms)
        self._desk = Desk(
            market,
            self.mischief,
            limits=self._limits,
            counts=self.hub.counts,
            violations=self.violations,
            clock_ms=clock_ms,
        )
        self._tasks: set[asyncio.Task[Any]] = set()
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
        runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=0.5, max_line_size=LONGEST_LINE)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        self.port = runner.addresses[0][1]
        duties = (self.hub.pace(), self.hub.keep(), self._disturbances.act(), self._play())
        self._tasks = {asyncio.create_task(duty) for duty in duties}
        try:
            yield self
        finally:
            for task in self._tasks:
                task.cancel()
            self.hub.drop(self.hub.connections)
            self._desk.close()
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
        """Put a fault in force; see ``mischief.Kind``. Raises ValueError where this market can't have it."""
        self._disturbances.order(order)

    def clear(self) -> None:
        """Everything works again, nobody is blocked, and no script goes on."""
        self.script.stop()
        self._disturbances.clear()
        self._desk.lift_blocks()

    def report(self) -> dict[str, Any]:
        """What was counted, what is in force, what there was; times in epoch ms."""
        self.mischief.sweep()
        return {
            "orders": [order.said() for order in self.mischief.orders],
            "script": self.script.waiting,
            "log": self.mischief.log(),
            "done": dict(self.mischief.done),
            "counts": dict(self.hub.counts.events),
            "weights": self._desk.weights,
            "violations": self.violations.counts,
            "violated": list(self.violations.latest),
            "malformed": list(self.hub.malformed),
        }

    async def _play(self) -> NoReturn:
        while True:
            for order in self.script.due(self.now_ms()):
                try:
                    self.order(order)
                except ValueError:
                    self.hub.counts.add(f"script/refused/{order.kind.value}")
            await asyncio.sleep(TICK_S)

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[self._measured])
        application.add_routes(
            [
                web.get("/stream", self._combined),
                web.get("/ws", self._raw),
                web.get("/ws/{streams:.*}", self._raw),
                *switchboard.routes(self),
                web.get("/{path:.*}", self._desk.answer),
            ]
        )
        return application

    @web.middleware
    async def _measured(self, request: web.Request, handler: switchboard.Handler) -> web.StreamResponse:
        """A URL that is too long is answered as the venue's front does."""
        if len(request.raw_path) <= self._limits.url_characters:
            return await handler(request)
        self.violations.note(Rule.URL, f"{len(request.raw_path)} characters: {request.raw_path}")
        return web.Response(status=414)

    async def _combined(self, request: web.Request) -> web.StreamResponse:
        return await self._converse(request, request.query.get("streams", ""), combined=True)

    async def _raw(self, request: web.Request) -> web.StreamResponse:
        return await self._converse(request, request.match_info.get("streams", ""), combined=False)

    async def _converse(self, request: web.Request, names: str, *, combined: bool) -> web.StreamResponse:
        streams = dict.fromkeys(name for name in names.split("/") if name)
        refused = self._turned_away(request, names, streams)
        if refused is not None:
            return refused
        connection = Connection(
            request,
            subscription=Subscription(combined, self._limits.streams, streams),
            limits=self._limits,
            note=self.violations.note,
            now_ms=self.now_ms(),
        )
        if streams and (ignored := self.mischief.take(Kind.IGNORE_SUBSCRIBE, names)):
            connection.deaf.update(name for name in streams if ignored.match in name.lower())
        return await self._serve(connection)

    def _turned_away(self, request: web.Request, names: str, streams: dict[str, None]) -> web.Response | None:
        """The handshake's refusal, if a rule or a fault wants one."""
        if not self._doors[request.remote or ""].take(self.now_ms()):
            self.violations.note(Rule.CONNECTS, names)
            return web.Response(status=429, headers={"Retry-After": "300"})
        if len(streams) > self._limits.streams:
            self.violations.note(Rule.STREAMS, f"{len(streams)} in a URL")
            return web.Response(status=400, body=RefusedError(-1101, "Too many parameters sent.").body)
        refusal = self.mischief.answers.handshake_refusal(names)
        if refusal is None:
            return None
        self.hub.counts.add(f"refused/{refusal.status}")
        headers = {"Retry-After": str(refusal.retry_after_s)} if refusal.status in (418, 429) else {}
        return web.Response(status=refusal.status, body=refusal.body, headers=headers)

    async def _serve(self, connection: Connection) -> web.StreamResponse:
        socket = await connection.open()
        self.hub.join(connection)
        writer = asyncio.create_task(connection.write(self.hub.remember))
        try:
            async for message in socket:
                if await connection.read(message, self.mischief, now_ms=self.now_ms()):
                    self.hub.index()
        finally:
            self.hub.leave(connection)
            writer.cancel()
            with suppress(asyncio.CancelledError):
                await writer
        return socket
