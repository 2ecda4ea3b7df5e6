"""From the exchange to a recording: every frame as it came, and a full book whenever a stream of differences begins."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NoReturn, Protocol

from pipeline.domain.events import Event, Shutdown
from pipeline.domain.faults import BadMessageError, MisconfiguredError, TransientError
from pipeline.domain.frames import DepthFrame
from pipeline.domain.recording import RestAnswer, answer_line, frame_line, remark_line
from pipeline.stages.backoff import Backoff
from pipeline.stages.ports import Clock, Connect
from pipeline.stages.spool import Spool

HEALTHY_AFTER_NS = 5_000_000_000
CONNECTION_LIFE_NS = int(23.5 * 3_600) * 1_000_000_000
"""The exchange cuts every connection after 24 hours; ours ends before."""
NO_STREAM = "other"
Tell = Callable[[str], None]


class Recordable(Protocol):
    """An exchange whose own bytes can be kept."""

    def recording_urls(self, symbols: Sequence[str]) -> list[str]:
        """Where the streams to keep are."""
        ...

    def stream_of(self, frame: bytes) -> tuple[str, str]:
        """Symbol and kind of stream of a frame; two empty texts for a frame of no stream."""
        ...

    def decode(self, raw: bytes, *, received_ms: int) -> Event:
        """The word in one frame. Raises BadMessageError."""
        ...

    async def raw_depth(self, symbol: str) -> tuple[RestAnswer, int]:
        """A full book as it came, and its update id."""
        ...


@dataclass(slots=True)
class Kept:
    """What came in: frames by kind of stream, books, and how often a connection had to be made anew."""

    frames: Counter[str] = field(default_factory=Counter)
    books: set[str] = field(default_factory=set)
    reconnects: int = 0

    @property
    def total(self) -> int:
        """Every frame."""
        return self.frames.total()


@dataclass(slots=True)
class Recorder:
    """Keeps what an exchange says of ``symbols``; times are nanoseconds of ``clock_ns``.

    ``preface`` is written before the first frame, so that an exchange which sends none leaves nothing behind. ``tell``
    is told of every gap.
    """

    venue: Recordable
    spool: Spool
    connect: Connect
    clock_ns: Clock
    symbols: tuple[str, ...]
    tell: Tell
    preface: tuple[bytes, ...] = ()
    kept: Kept = field(default_factory=Kept)
    _books: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def run(self) -> None:
        """Keep everything until cancelled, reconnecting whenever a connection ends.

        Raises TransientError if not even one frame ever came, MisconfiguredError if the recording can't be written.
        """
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.spool.keep())
                for url in self.venue.recording_urls(self.symbols):
                    group.create_task(self._follow(url, group))
        finally:
            self.spool.close()

    async def _follow(self, url: str, group: asyncio.TaskGroup) -> NoReturn:
        backoff, line = Backoff(), _Line(self, group)
        while True:
            reason = "the connection was due to end"
            try:
                await line.live(url, backoff)
            except TransientError as error:
                if not self.kept.total:
                    raise
                reason = str(error)
            self.kept.reconnects, wait_s = self.kept.reconnects + 1, backoff.next_s()
            self.tell(f"gap: {reason}; again in {wait_s:.1f} s")
            await asyncio.sleep(wait_s)

    async def keep_frame(self, raw: bytes, received_ns: int) -> tuple[str, str]:
        """Keep one frame; its symbol and kind of stream."""
        if not self.kept.total:
            for line in self.preface:
                await self.spool.put(line)
        symbol, kind = self.venue.stream_of(raw)
        self.kept.frames[kind or NO_STREAM] += 1
        await self.spool.put(frame_line(raw, received_ns=received_ns))
        return symbol, kind

    async def remark(self, text: str) -> None:
        """Say it, and leave it in the recording too."""
        self.tell(text)
        await self.spool.put(remark_line(text))

    def want_book(self, symbol: str, *, first_id: int, group: asyncio.TaskGroup) -> None:
        """Fetch a book that the differences from ``first_id`` on can follow, instead of any still being fetched."""
        if before := self._books.get(symbol):
            before.cancel()
        self._books[symbol] = group.create_task(self._fetch_book(symbol, first_id))

    async def _fetch_book(self, symbol: str, first_id: int) -> None:
        backoff = Backoff()
        while not (await self._book_came(symbol, first_id)):
            await asyncio.sleep(backoff.next_s())

    async def _book_came(self, symbol: str, first_id: int) -> bool:
        """Ask once. A book older than the differences is of no use, and the exchange does give such."""
        try:
            answer, last_id = await self.venue.raw_depth(symbol)
        except (TransientError, BadMessageError, MisconfiguredError) as error:
            self.tell(f"no book of {symbol} yet: {error}")
            return False
        if last_id + 1 < first_id:
            return False
        self.kept.books.add(symbol)
        await self.spool.put(answer_line(answer, received_ns=self.clock_ns()))
        return True


@dataclass(slots=True)
class _Line:
    """One connection and those that replace it: whose differences flow, and when its last frame came."""

    recorder: Recorder
    group: asyncio.TaskGroup
    last_ns: int = 0
    _flowing: set[str] = field(default_factory=set)

    async def live(self, url: str, backoff: Backoff) -> None:
        """One connection's life. Raises TransientError when it ends against our will."""
        self._flowing.clear()
        async with self.recorder.connect(url) as frames:
            began_ns = self.recorder.clock_ns()
            async for raw, received_ns in frames:
                if received_ns > began_ns + HEALTHY_AFTER_NS:
                    backoff.healthy()
                await self._gap_ends(began_ns, received_ns)
                ended = await self._take(raw, received_ns)
                if ended or received_ns > began_ns + CONNECTION_LIFE_NS:
                    return

    async def _gap_ends(self, began_ns: int, received_ns: int) -> None:
        """Note the gap when the first frame after it comes."""
        if 0 < self.last_ns < began_ns:
            missing_s = (received_ns - self.last_ns) / 1e9
            await self.recorder.remark(f"gap: over after {missing_s:.1f} s; what was sent meanwhile is missing")
        self.last_ns = max(self.last_ns, received_ns)

    async def _take(self, raw: bytes, received_ns: int) -> bool:
        """Keep one frame; whether it announces the end of the connection."""
        symbol, _ = await self.recorder.keep_frame(raw, received_ns)
        event = None if symbol in self._flowing else self._read(raw, received_ns)
        if isinstance(event, DepthFrame):
            self._flowing.add(symbol)
            self.recorder.want_book(event.symbol, first_id=event.first_id, group=self.group)
        return isinstance(event, Shutdown)

    def _read(self, raw: bytes, received_ns: int) -> Event | None:
        try:
            return self.recorder.venue.decode(raw, received_ms=received_ns // 1_000_000)
        except BadMessageError:
            return None
