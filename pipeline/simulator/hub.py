"""The pacer: takes what the market has due and gives each connection what it listens to."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Any, NoReturn

from pipeline.simulator.connection import Connection, wrapped
from pipeline.simulator.delivery import Spoilt
from pipeline.simulator.market import Frame, Market
from pipeline.simulator.mischief import Mischief
from pipeline.simulator.rules import Counts

TICK_S = 0.01
KEEP_S = 0.25
MANY = 256
"""With so many frames due at once there may be more: go on without a pause."""
MOST_MALFORMED = 10_000


class Hub:
    """Every open connection, oldest first, and who listens to which stream."""

    def __init__(self, market: Market, *, mischief: Mischief, clock_ms: Callable[[], int]) -> None:
        self.connections: dict[Connection, None] = {}
        self.counts = Counts()
        self.malformed: deque[dict[str, Any]] = deque(maxlen=MOST_MALFORMED)
        self._market, self._mischief, self._clock_ms = market, mischief, clock_ms
        self._listeners: dict[str, list[Connection]] = {}

    def join(self, connection: Connection) -> None:
        """Begin serving a connection."""
        self.connections[connection] = None
        self.counts.add("connections")
        self.index()

    def leave(self, connection: Connection) -> None:
        """Stop serving a connection."""
        self.connections.pop(connection, None)
        self.counts.add(f"closed/{connection.closed_for or 'client'}")
        self.index()

    def index(self) -> None:
        """Note who listens to what, after a subscription changed."""
        self._listeners = {}
        for connection in self.connections:
            for stream in connection.heard:
                self._listeners.setdefault(stream, []).append(connection)
        if self._listeners:
            self._market.start()

    async def pace(self) -> NoReturn:
        """Send what is due, every ten milliseconds."""
        while True:
            due = self._market.due(self._listeners.keys())
            frames = self._mischief.frames.passed(due)
            if frames or any(connection.delivery.held for connection in self.connections):
                await self._send(frames)
            self._market.prepare(self._listeners.keys())
            await asyncio.sleep(0 if len(due) >= MANY else TICK_S)

    async def keep(self) -> NoReturn:
        """Watch pings, pongs, lifetimes and the end of faults."""
        while True:
            for connection in tuple(self.connections):
                await connection.keep(self._clock_ms())
            self._mischief.sweep()
            await asyncio.sleep(KEEP_S)

    def drop(self, connections: Iterable[Connection], reason: str = "dropped") -> None:
        """Cut these connections."""
        for connection in tuple(connections):
            connection.drop(reason)

    def remember(self, sent: Spoilt) -> None:
        """A malformed frame as it went out, so that a checker can find it again."""
        entry = {"stream": sent.stream, "form": sent.form, "bytes": len(sent), "sha256": sha256(sent).hexdigest()}
        self.malformed.append({**entry, "at_ms": self._clock_ms()})

    async def _send(self, frames: list[Frame]) -> None:
        now_ms = self._clock_ms()
        for frame in frames:
            self._address(frame)
        for connection in tuple(self.connections):
            batch, connection.batch = connection.batch, []
            batch = connection.delivery.ready(batch, now_ms)
            if batch:
                self.counts.add("frames", number=len(batch))
                await self._hand_over(connection, batch)

    async def _hand_over(self, connection: Connection, batch: list[bytes]) -> None:
        if self._market.lossless:
            await connection.deliver(batch)
        elif not connection.offer(batch):
            connection.drop("slow")

    def _address(self, frame: Frame) -> None:
        bare, combined = frame.data, b""
        if frame.form:
            bare = Spoilt.of(bare, stream=frame.stream, form=frame.form)
        for connection in self._listeners.get(frame.stream, ()):
            if connection.subscription.combined:
                combined = combined or self._combined(frame)
                connection.batch.append(combined)
            else:
                connection.batch.append(bare)

    def _combined(self, frame: Frame) -> bytes:
        data = wrapped(frame.stream, frame.data)
        return Spoilt.of(data, stream=frame.stream, form=frame.form) if frame.form else data
