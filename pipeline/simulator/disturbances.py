"""Faults of whole connections and of the market itself, carried out the moment they are ordered."""

import asyncio
from collections.abc import Callable
from typing import NoReturn

from pipeline.domain.interval import MINUTE_MS
from pipeline.simulator.connection import Connection
from pipeline.simulator.hub import Hub
from pipeline.simulator.market import Market
from pipeline.simulator.mischief import Kind, Mischief, Order
from pipeline.simulator.roll import whole_minute

TICK_S = 0.02
LAST_FRAME_WITHIN_S = 1.5
"""A minute's closing kline comes at most so long after it."""


class Disturbances:
    """Takes every order: some are done at once, the others are handed to what frames and answers pass through."""

    def __init__(self, market: Market, hub: Hub, mischief: Mischief, *, clock_ms: Callable[[], int]) -> None:
        self._market, self._hub, self._mischief, self._clock_ms = market, hub, mischief, clock_ms
        self._later: list[tuple[int, Kind, list[Connection]]] = []
        self._at_once: dict[Kind, Callable[[Order], None]] = {
            Kind.DROP: self._drop,
            Kind.LIFETIME: self._cut_later,
            Kind.SHUTDOWN: self._shut_down,
            Kind.DEAF: self._deafen,
            Kind.OUTAGE: self._lose,
            Kind.LIFECYCLE: self._become,
        }
        self._first: dict[Kind, Callable[[Order], None]] = {
            Kind.STALL: self._stall,
            Kind.SLOW: self._slow,
            Kind.STALE_BOOK: self._keep_book,
            Kind.SILENT_MINUTES: self._choose_minutes,
        }

    def order(self, order: Order) -> None:
        """Carry the order out. Raises ValueError where it can't be."""
        if order.kind in self._at_once:
            self._at_once[order.kind](order)
            self._mischief.happened(order)
            if order.kind is Kind.OUTAGE:
                order.fate.begun_ms, order.fate.ended_ms = order.start_ms, order.end_ms
        else:
            if order.kind in self._first:
                self._first[order.kind](order)
            self._mischief.order(order)

    def clear(self) -> None:
        """Everything works again; streams that went deaf stay so, as at the venue."""
        self._mischief.clear()
        self._market.roll.clear(self._market.now_ms())
        for connection in self._hub.connections:
            connection.delivery.stall(0)
            connection.delivery.slow(0, delay_ms=0)

    async def act(self) -> NoReturn:
        """Do what was put off, when its time has come."""
        while True:
            now_ms = self._clock_ms()
            due = [one for one in self._later if one[0] <= now_ms]
            self._later = [one for one in self._later if one[0] > now_ms]
            for _, kind, connections in due:
                await self._cut(kind, connections)
            await asyncio.sleep(TICK_S)

    async def _cut(self, kind: Kind, connections: list[Connection]) -> None:
        if kind is Kind.SHUTDOWN:
            self._hub.drop((one for one in connections if one in self._hub.connections), "shutdown")
        else:
            await asyncio.gather(*(one.close("lifetime", "lifetime") for one in connections))

    def _chosen(self, order: Order) -> list[Connection]:
        places = set(order.connections)
        match = order.match.lower()
        return [
            connection
            for place, connection in enumerate(self._hub.connections)
            if (not places or place in places)
            and (not match or any(match in stream.lower() for stream in connection.subscription.streams))
        ]

    def _drop(self, order: Order) -> None:
        self._hub.drop(self._chosen(order))

    def _cut_later(self, order: Order) -> None:
        self._later.append((self._clock_ms() + int(order.seconds * 1_000), order.kind, self._chosen(order)))

    def _shut_down(self, order: Order) -> None:
        for connection in self._chosen(order):
            connection.announce_shutdown(self._clock_ms())
        if order.seconds:
            self._cut_later(order)

    def _stall(self, order: Order) -> None:
        for connection in self._chosen(order):
            connection.delivery.stall(self._clock_ms() + int(order.seconds * 1_000))

    def _slow(self, order: Order) -> None:
        until_ms = self._clock_ms() + int(order.seconds * 1_000)
        for connection in self._chosen(order):
            connection.delivery.slow(until_ms, delay_ms=int(order.delay_s * 1_000))

    def _deafen(self, order: Order) -> None:
        match = order.match.lower()
        for connection in self._chosen(order):
            connection.deaf.update(name for name in connection.subscription.streams if match in name.lower())
        self._hub.index()

    def _keep_book(self, order: Order) -> None:
        symbol = order.match.upper()
        if not self._market.listed(symbol):
            raise ValueError(f"match is {order.match!r}; expected a symbol")
        order.fate.kept = self._market.depth(symbol, limit=5_000)

    def _choose_minutes(self, order: Order) -> None:
        now_ms = self._market.now_ms()
        order.start_ms = whole_minute(now_ms)
        order.end_ms = order.start_ms + order.count * MINUTE_MS
        order.seconds = (order.end_ms - now_ms) / 1_000 + LAST_FRAME_WITHIN_S

    def _lose(self, order: Order) -> None:
        order.start_ms = whole_minute(order.start_ms or self._market.now_ms())
        order.end_ms = order.end_ms or order.start_ms + order.count * MINUTE_MS
        for symbol in self._market.symbols():
            if order.match.upper() in symbol:
                self._market.roll.lose(symbol, order.start_ms, order.end_ms)

    def _become(self, order: Order) -> None:
        symbol, new = order.match.upper(), order.renamed_to.upper()
        if not self._market.listed(symbol):
            raise ValueError(f"match is {order.match!r}; expected a symbol")
        if order.becomes == "RENAMED" and not self._market.listed(new):
            raise ValueError(f"renamed_to is {order.renamed_to!r}; expected a symbol this market can have")
        self._market.roll.change(symbol, order.becomes, at_ms=self._market.now_ms(), renamed_to=new)
