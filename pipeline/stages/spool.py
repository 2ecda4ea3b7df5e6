"""Lines on their way to a slow place: a bounded wait in memory, written from a thread of its own."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NoReturn

WRITE_EVERY_S = 0.5
"""The oldest line waits this long, and as long as one write takes."""
WRITE_FROM_BYTES = 1 << 20
MOST_WAITING_BYTES = 8 << 20
"""What may wait beside the write under way; who brings more waits until there is room."""


@dataclass(slots=True)
class Spool:
    """Hands lines to ``write`` (which may block) in order, many at once. One event loop, one writer."""

    write: Callable[[bytes], None]
    _waiting: list[bytes] = field(default_factory=list)
    _size: int = 0
    _due: asyncio.Event = field(default_factory=asyncio.Event)
    _room: asyncio.Event = field(default_factory=asyncio.Event)
    _writer: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, thread_name_prefix="spool"))
    _job: Future[None] | None = None

    async def put(self, line: bytes) -> None:
        """Take a line; waits where too much is waiting already."""
        while self._size >= MOST_WAITING_BYTES:
            self._room.clear()
            await self._room.wait()
        self._waiting.append(line)
        self._size += len(line)
        if self._size >= WRITE_FROM_BYTES:
            self._due.set()

    async def keep(self) -> NoReturn:
        """Write what waits, twice a second or when it is much. Raises what ``write`` raised."""
        while True:
            try:
                async with asyncio.timeout(WRITE_EVERY_S):
                    await self._due.wait()
            except TimeoutError:
                pass
            self._due.clear()
            await self._write_waiting()

    def close(self) -> None:
        """Write the rest; blocks until it is written. Raises what ``write`` raised, then or before."""
        try:
            if self._job is not None:
                self._job.result()
            if self._waiting:
                self.write(self._taken())
        finally:
            self._writer.shutdown()

    async def _write_waiting(self) -> None:
        if self._waiting:
            self._job = self._writer.submit(self.write, self._taken())
            await asyncio.shield(asyncio.wrap_future(self._job))  # a write once begun is not given up

    def _taken(self) -> bytes:
        lines = b"".join(self._waiting)
        self._waiting.clear()
        self._size = 0
        self._room.set()
        return lines
