"""The pacer: takes what the market has due and gives each connection what it listens to."""

import asyncio
from collections.abc import Callable
from typing import NoReturn

from pipeline.simulator.connection import Connection, wrapped
from pipeline.simulator.market import Frame, Market
from pipeline.simulator.mischief import Mischief
from pipeline.simulator.rules import Counts

TICK_S = 0.01
KEEP_S = 0.25
MANY = 256
"""With so many frames due at once there may be more: go on without a pause."""


class Hub:
    """Every open connection, and who listens to which stream."""

    def __init__(self, market: Market, *, mischief: Mischief, clock_ms: Callable[[], int]) -> None:
        self.connections: set[Connection] = set()
        self.counts = Counts()
        self._market, self._mischief, self._clock_ms = market, mischief, clock_ms
        self._listeners: dict[str, list[Connection]] = {}

    def join(self, connection: Connection) -> None:
        """Begin serving a connection."""
        self.connections.add(connection)
        self.counts.add("connections")
        self.index()

    def leave(self, connection: Connection) -> None:
        """Stop serving a connection."""
        self.connections.discard(connection)
        self.counts.add(f"closed/{connection.closed_for or 'client'}")
        self.index()

    def index(self) -> None:
        """Note who listens to what, after a subscription changed."""
        self._listeners = {}
        for connection in self.connections:
            for stream in connection.subscription.streams:
                self._listeners.setdefault(stream, []).append(connection)
        if self._listeners:
            self._market.start()

    async def pace(self) -> NoReturn:
        """Send what is due, every ten milliseconds."""
        while True:
            due = self._market.due(self._listeners.keys())
            frames = self._mischief.frames(due, now_ms=self._clock_ms())
            if frames:
                await self._send(frames)
            self._market.prepare(self._listeners.keys())
            await asyncio.sleep(0 if len(due) >= MANY else TICK_S)

    async def keep(self) -> NoReturn:
        """Watch pings, pongs and lifetimes."""
        while True:
            for connection in tuple(self.connections):
                await connection.keep(self._clock_ms())
            await asyncio.sleep(KEEP_S)

    def drop_all(self) -> None:
        """Cut every connection."""
        for connection in tuple(self.connections):
            connection.drop("dropped")

    def announce_shutdown(self) -> None:
        """Tell every connection that the server is about to go."""
        for connection in self.connections:
            connection.announce_shutdown(self._clock_ms())

    async def _send(self, frames: list[Frame]) -> None:
        for frame in frames:
            self._address(frame)
        for connection in tuple(self.connections):
            batch, connection.batch = connection.batch, []
            if batch:
                self.counts.add("frames", number=len(batch))
                await self._hand_over(connection, batch)

    async def _hand_over(self, connection: Connection, batch: list[bytes]) -> None:
        if self._market.lossless:
            await connection.deliver(batch)
        elif not connection.offer(batch):
            connection.drop("slow")

    def _address(self, frame: Frame) -> None:
        combined = b""
        for connection in self._listeners.get(frame.stream, ()):
            if connection.subscription.combined:
                combined = combined or wrapped(frame.stream, frame.data)
                connection.batch.append(combined)
            else:
                connection.batch.append(frame.data)
