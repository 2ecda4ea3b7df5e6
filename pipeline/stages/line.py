"""One connection to the exchange and whatever replaces it: planned ends overlap, unplanned ones are made good."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NoReturn

from pipeline.domain.faults import TransientError
from pipeline.stages.backoff import Backoff
from pipeline.stages.ports import Clock, Open, Socket

log = logging.getLogger(__name__)

LIFE_S = 23.5 * 3_600
"""The exchange cuts every connection after 24 hours; ours is replaced before."""
HEALTHY_AFTER_MS = 5_000
"""A connection that lived this long was a good one: the wait before the next begins small again."""
SILENT_MS = (5_000, 60_000)
"""No frame for so long and the connection is replaced; ever later, while its replacements are as silent."""
OVERLAP_S = 2.5
"""How long two connections carry the same streams: longer than the rarest of them is apart."""
SPEAKS_WITHIN_S = 10.0
AGAIN_AFTER_S = 30.0
"""A connection whose replacement said nothing is to be replaced again after this."""
CAUGHT_UP_WITHIN_S = 30.0
"""How long a connection that is replaced may take to hand over what waits on it."""
LOOK_EVERY_S = 0.25
Take = Callable[["Line", bytes], None]


@dataclass(slots=True)
class LineCounts:
    """What became of the connections of one line."""

    opened: int = 0
    lost: int = 0
    replaced: int = 0
    longest_gap_ms: int = 0
    last_gap_ms: int = 0


class Ear:
    """What one connection of a line says, and whether it ever said anything."""

    __slots__ = ("_line", "spoke")

    def __init__(self, line: "Line") -> None:
        self._line, self.spoke = line, False

    def hear(self, raw: bytes) -> None:
        """Take a frame."""
        self.spoke = True
        self._line.taken(raw)


@dataclass(slots=True, eq=False)
class Line:
    """The streams of ``url``, carried without end; each frame goes to ``take``."""

    url: str
    symbols: tuple[str, ...]
    open: Open
    take: Take
    clock: Clock
    life_s: float = LIFE_S
    counts: LineCounts = field(default_factory=LineCounts)
    heard_ms: int = 0
    _frames: int = 0
    _wish: str = ""
    _wished: asyncio.Event = field(default_factory=asyncio.Event)
    _socket: Socket | None = None
    _retiring: Socket | None = None
    _ear: Ear | None = None
    _silent_ms: int = SILENT_MS[0]
    _cut_ms: int = 0
    _paused: bool = False

    async def follow(self) -> NoReturn:
        """Carry the streams until cancelled."""
        socket = await self._opened()
        try:
            while True:
                socket = await self._next(socket)
        finally:
            for open_socket in self._open:
                await open_socket.close()

    def replace(self, reason: str) -> None:
        """Open another connection, and close this one when that one speaks."""
        self._wish = self._wish or reason
        self._wished.set()

    def send(self, message: bytes) -> None:
        """Say something to the exchange, if there is a connection."""
        if self._socket is not None:
            self._socket.send(message)

    def pause(self) -> None:
        """Read no more for now; the exchange waits, or cuts us off."""
        self._paused = True
        for socket in self._open:
            socket.pause()

    def resume(self) -> None:
        """Read on; what was not read meanwhile was no silence."""
        if self._paused:
            self._paused = False
            self.heard_ms = self.clock()
            for socket in self._open:
                socket.resume()

    @property
    def paused(self) -> bool:
        """Whether nothing is read for now."""
        return self._paused

    @property
    def _open(self) -> list[Socket]:
        return [socket for socket in (self._retiring, self._socket) if socket is not None]

    def taken(self, raw: bytes) -> None:
        """Take a frame of whichever connection."""
        self._frames += 1
        self.heard_ms = self.clock()
        if self._cut_ms:
            self.counts.last_gap_ms = self.heard_ms - self._cut_ms
            self.counts.longest_gap_ms = max(self.counts.longest_gap_ms, self.counts.last_gap_ms)
            self._cut_ms = 0
        self.take(self, raw)

    async def _next(self, socket: Socket) -> Socket:
        """What follows ``socket``, as soon as it has ended or is to be replaced."""
        began_ms = self.clock()
        reason = await self._until_over(socket)
        if reason:
            self.counts.replaced += 1
            log.info("replacing a connection: %s", reason)
            return await self._replaced(socket)
        self.counts.lost += 1
        self._cut_ms = self._cut_ms or self.heard_ms or began_ms
        log.warning("%s", await socket.ended())
        await socket.close()
        return await self._opened(hurry=self.clock() - began_ms >= HEALTHY_AFTER_MS)

    async def _until_over(self, socket: Socket) -> str:
        """Why the connection is to be replaced; nothing if it ended by itself."""
        ended = asyncio.ensure_future(socket.ended())
        deadline_ms = self.clock() + int(self.life_s * 1_000)
        self.heard_ms = self.clock()
        try:
            while not ended.done():
                await asyncio.wait({ended}, timeout=LOOK_EVERY_S)
                if reason := self._due(deadline_ms):
                    return "" if ended.done() else reason
        finally:
            ended.cancel()
        return ""

    def _due(self, deadline_ms: int) -> str:
        if self._wished.is_set():
            self._wished.clear()
            reason, self._wish = self._wish, ""
            return reason
        now_ms = self.clock()
        if now_ms > deadline_ms:
            return "it is a day old"
        if not self._paused and now_ms - self.heard_ms > self._silent_ms:
            silent_ms, self._silent_ms = self._silent_ms, min(2 * self._silent_ms, SILENT_MS[1])
            return f"it was silent for {silent_ms // 1_000} s"
        if self._frames:
            self._frames, self._silent_ms = 0, SILENT_MS[0]
        return ""

    async def _replaced(self, socket: Socket) -> Socket:
        """Another connection beside ``socket``, which closes when the other has spoken for a while.

        What waits on ``socket`` by then is older than what the other one tells, and is taken first. One that still
        speaks is not given up for one that never does.
        """
        self._retiring = socket
        began_ms, successor = self.clock(), await self._opened()
        if not await self._speaks() and self.heard_ms > began_ms:
            return await self._kept(socket, successor)
        await asyncio.sleep(OVERLAP_S)
        with suppress(TimeoutError):
            async with asyncio.timeout(CAUGHT_UP_WITHIN_S):
                await socket.caught_up()
        await socket.close()
        self._retiring = None
        self._wished.clear()  # what was wished of the old one meanwhile has been done
        self._wish = ""
        return successor

    async def _speaks(self) -> bool:
        """Whether the connection opened last says something in time."""
        ear, loop = self._ear, asyncio.get_running_loop()
        deadline = loop.time() + SPEAKS_WITHIN_S
        while ear is not None and not ear.spoke and loop.time() < deadline:
            await asyncio.sleep(LOOK_EVERY_S / 5)
        return ear is not None and ear.spoke

    async def _kept(self, socket: Socket, successor: Socket) -> Socket:
        """Go on with ``socket``, and try for another soon."""
        log.warning("a connection opened to replace another said nothing: the other is kept")
        await successor.close()
        self._socket, self._retiring = socket, None
        self._wished.clear()
        asyncio.get_running_loop().call_later(AGAIN_AFTER_S, self.replace, self._wish or "its replacement said nothing")
        self._wish = ""
        return socket

    async def _opened(self, *, hurry: bool = True) -> Socket:
        """A new connection, tried for without end."""
        backoff = Backoff()
        if not hurry:
            await asyncio.sleep(backoff.next_s())
        while True:
            try:
                self._ear = Ear(self)
                self._socket = await self.open(self.url, self._ear.hear)
            except TransientError as error:
                wait_s = max(backoff.next_s(), error.retry_after_s or 0)
                log.warning("%s; again in %.1f s", error, wait_s)
                await asyncio.sleep(wait_s)
            else:
                self.counts.opened += 1
                if self._paused:
                    self._socket.pause()
                return self._socket
