"""The switchboard: faults ordered and reported, scripts begun, the truth told to checkers; for this machine only."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from pipeline.simulator.mischief import order_of
from pipeline.simulator.mischief.script import steps_of
from pipeline.simulator.parameters import RefusedError, symbol_of, whole_of
from pipeline.simulator.replay.market import ReplayMarket

if TYPE_CHECKING:
    from pipeline.simulator.server import Exchange

LOOPBACK = ("127.0.0.1", "::1")
MOST_TRADES = 50_000
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def routes(exchange: "Exchange") -> list[web.RouteDef]:
    """Where the switchboard answers."""
    board = Switchboard(exchange)
    return [
        web.get("/replay/status", board.status),
        web.post("/replay/release", _guarded(board.release)),
        web.get("/faults", board.faults),
        web.post("/faults", _guarded(board.order)),
        web.post("/faults/script", _guarded(board.begin_script)),
        web.delete("/faults", _guarded(board.clear)),
        web.get("/truth/book", _guarded(board.book)),
        web.get("/truth/trades", _guarded(board.trades)),
    ]


class Switchboard:
    """The handlers."""

    def __init__(self, exchange: "Exchange") -> None:
        self._exchange = exchange

    async def status(self, request: web.Request) -> web.Response:
        """Where the market is."""
        return _json(dict(self._exchange.market.status()))

    async def release(self, request: web.Request) -> web.Response:
        """A replay held at ``REPLAY_HOLD`` goes on."""
        market = self._exchange.market
        if not isinstance(market, ReplayMarket):
            raise ValueError("only a replay is held")
        market.release()
        return _json(dict(market.status()))

    async def faults(self, request: web.Request) -> web.Response:
        """What was counted, what is in force, what there was."""
        return _json(self._exchange.report())

    async def order(self, request: web.Request) -> web.Response:
        """One order, as a JSON object."""
        self._exchange.order(order_of(orjson.loads(await request.read())))
        return _json(self._exchange.report())

    async def begin_script(self, request: web.Request) -> web.Response:
        """A script: a JSON list of orders with ``at_s``, counted from now."""
        self._exchange.script.begin(steps_of(await request.read()), now_ms=self._exchange.now_ms())
        return _json(self._exchange.report())

    async def clear(self, request: web.Request) -> web.Response:
        """Everything works again; what scripts still had to order is forgotten."""
        self._exchange.clear()
        return _json(self._exchange.report())

    async def book(self, request: web.Request) -> web.Response:
        """The book at ``lastUpdateId``."""
        update_id = whole_of(request.query, "lastUpdateId") or 0
        body = self._exchange.market.book_at(self._symbol(request), update_id)
        if body is None:
            return _json({"error": f"no book has the update id {update_id} (yet)"}, status=404)
        return web.Response(body=body, content_type="application/json")

    async def trades(self, request: web.Request) -> web.Response:
        """The trades from ``fromId`` to ``toId``, both included, at most ``MOST_TRADES``."""
        first, last = whole_of(request.query, "fromId") or 1, whole_of(request.query, "toId") or 0
        last = min(last, first + MOST_TRADES - 1)
        rows = self._exchange.market.trades_by_id(self._symbol(request), first=first, last=last)
        return web.Response(body=("[" + ",".join(rows) + "]").encode(), content_type="application/json")

    def _symbol(self, request: web.Request) -> str:
        symbol = symbol_of(request.query)
        if not self._exchange.market.listed(symbol):
            raise ValueError(f"{symbol} is not listed here")
        return symbol


def _guarded(handler: Handler) -> Handler:
    """Only for this machine; what can't be done is 400 with the reason."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.remote not in LOOPBACK:
            return web.Response(status=403)
        try:
            return await handler(request)
        except (RefusedError, ValueError) as error:
            return _json({"error": str(error)}, status=400)

    return answer


def _json(value: Any, *, status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(value), content_type="application/json")
