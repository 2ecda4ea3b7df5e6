"""Ingest on twins: every frame becomes a record or a dead letter, and a log that refuses ends the process."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import orjson
import pytest

from pipeline.adapters.memory import MemoryPublisher
from pipeline.domain.book import BookDiff, BookSnapshot, BookState
from pipeline.domain.faults import TransientError, UndeliveredError
from pipeline.domain.names import Topics
from pipeline.domain.records import decode_book, decode_trade
from pipeline.exchanges.binance.venue import Binance
from pipeline.stages.ingest import Ingest
from tests.words import NOON_MS

TOPICS = Topics()


class DepthOf:
    """The exchange's REST side: one book, given out as often as it is asked for."""

    def __init__(self, last_update_id: int) -> None:
        self.body = orjson.dumps({"lastUpdateId": last_update_id, "bids": [["99", "1"]], "asks": [["101", "1"]]})
        self.asked = 0

    async def get(self, path: str, params: Mapping[str, str | int], *, weight: int) -> bytes:
        self.asked += 1
        return self.body


class RefusingLog(MemoryPublisher):
    """A log that takes nothing."""

    def append(self, topic: str, *, key: str, value: bytes, headers: Sequence[tuple[str, bytes]] = ()) -> None:
        raise UndeliveredError("no room")


def a_trade_frame(trade_id: int) -> bytes:
    return orjson.dumps(
        {
            "stream": "btcusdt@trade",
            "data": {
                "e": "trade", "E": NOON_MS, "s": "BTCUSDT", "t": trade_id, "p": "61837.63000000", "q": "0.02000000",
                "T": NOON_MS, "m": True, "M": True,
            },
        }
    )  # fmt: skip


def a_depth_frame(first_id: int, last_id: int) -> bytes:
    data = {"e": "depthUpdate", "E": NOON_MS + last_id, "s": "BTCUSDT", "U": first_id, "u": last_id, "b": [], "a": []}
    return orjson.dumps({"stream": "btcusdt@depth@100ms", "data": data})


def ingest_of(
    connections: Sequence[Sequence[bytes]], publisher: MemoryPublisher, rest: DepthOf | None = None
) -> Ingest:
    """An ingest whose exchange offers these connections one after the other, and then no more."""
    waiting = list(connections)

    @asynccontextmanager
    async def connect(_url: str) -> AsyncIterator[AsyncIterator[tuple[bytes, int]]]:
        yield frames(waiting.pop(0) if waiting else None)

    return Ingest(
        venue=Binance(rest or DepthOf(100), ws_url="ws://exchange"),
        publisher=publisher,
        topics=TOPICS,
        connect=connect,
        clock=lambda: NOON_MS,
        symbols=("BTCUSDT",),
    )


async def frames(given: Sequence[bytes] | None) -> AsyncIterator[tuple[bytes, int]]:
    if given is None:
        await asyncio.Event().wait()
        return
    for raw in given:
        yield raw, NOON_MS + 5
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    raise TransientError("the exchange closed the connection")


def run(ingest: Ingest, *, until: int) -> None:
    """Follow until ``until`` frames were taken."""

    def taken() -> int:
        counts = ingest.counts
        return counts.klines + counts.trades + counts.depth + counts.dead_letters

    async def follow() -> None:
        task = asyncio.create_task(ingest.run())
        async with asyncio.timeout(10):
            while taken() < until and not task.done():
                await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled() and task.exception() is not None:
            raise task.exception() or AssertionError

    asyncio.run(follow())


def test_a_frame_that_cannot_be_read_is_kept_byte_for_byte_and_the_next_is_taken() -> None:
    log = MemoryPublisher()
    run(ingest_of([[b'{"e":"moon"}', b"\xff", a_trade_frame(7)]], log), until=3)
    assert log.values(TOPICS.dead_letter) == [b'{"e":"moon"}', b"\xff"]
    assert {name for name, _ in log.headers[0]} == {"source", "reason", "receivedTime"}
    assert [decode_trade(value).trade_id for value in log.values(TOPICS.trades)] == [7]


def test_a_connection_that_ends_is_followed_by_another() -> None:
    log = MemoryPublisher()
    ingest = ingest_of([[a_trade_frame(1)], [a_trade_frame(2)]], log)
    run(ingest, until=2)
    assert [decode_trade(value).trade_id for value in log.values(TOPICS.trades)] == [1, 2]
    assert ingest.counts.connects >= 2


def test_a_book_is_told_in_full_as_soon_as_snapshot_and_stream_meet() -> None:
    log = MemoryPublisher()
    rest = DepthOf(100)
    run(ingest_of([[a_depth_frame(95, 101), a_depth_frame(102, 103)]], log, rest), until=2)
    told = [decode_book(value) for value in log.values(TOPICS.orderbook)]
    assert rest.asked == 1
    assert [type(record) for record in told] == [BookDiff, BookSnapshot, BookDiff]
    assert [record.state for record in told] == [BookState.RESYNCING, BookState.SYNCED, BookState.SYNCED]


def test_a_gap_in_the_book_is_told_and_healed_by_another_snapshot() -> None:
    log = MemoryPublisher()
    rest = DepthOf(100)
    ingest = ingest_of(
        [[a_depth_frame(95, 101), a_depth_frame(50_000, 50_001), a_depth_frame(50_002, 50_003)]], log, rest
    )
    run(ingest, until=3)
    states = [decode_book(value).state for value in log.values(TOPICS.orderbook)]
    assert states[2] is BookState.RESYNCING
    assert ingest.detail()["resyncs"] == 1


def test_a_log_that_takes_nothing_ends_the_process() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        run(ingest_of([[a_trade_frame(1)]], RefusingLog()), until=99)
    assert caught.value.subgroup(UndeliveredError)
