"""The spool: order, a bounded wait, and nothing lost that was taken."""

import asyncio
import threading
from contextlib import suppress

import pytest

from pipeline.stages import spool
from pipeline.stages.spool import MOST_WAITING_BYTES, Spool
from tests.servers.waiting import until

LINE = b"x" * (256 << 10)


class Disk:
    """Keeps what it is given, as slowly as told."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self.written: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.open.wait(10)
        self.written.append(data)


async def stopped(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_what_waits_is_written_without_being_asked_and_in_order() -> None:
    disk = Disk()
    lines = Spool(disk.write)
    keeping = asyncio.create_task(lines.keep())
    for number in range(5):
        await lines.put(b"%d" % number)
    await until(lambda: b"".join(disk.written) == b"01234", within_s=3, what="five lines")
    await stopped(keeping)
    lines.close()


async def test_a_slow_disk_makes_who_brings_lines_wait_and_memory_stays_bounded() -> None:
    disk = Disk()
    disk.open.clear()
    lines, brought = Spool(disk.write), 0
    keeping = asyncio.create_task(lines.keep())

    async def bring() -> None:
        nonlocal brought
        while True:
            await lines.put(LINE)
            brought += 1
            await asyncio.sleep(0)

    bringing = asyncio.create_task(bring())
    await until(lambda: brought * len(LINE) >= MOST_WAITING_BYTES, what="a full spool")
    for _ in range(500):
        await asyncio.sleep(0)
    before = brought
    assert brought * len(LINE) <= 2 * MOST_WAITING_BYTES
    disk.open.set()
    await until(lambda: brought > before, what="room again")
    await stopped(bringing)
    await stopped(keeping)
    lines.close()
    assert len(b"".join(disk.written)) == brought * len(LINE)


async def test_a_write_under_way_when_it_ends_is_finished_and_the_rest_comes_after_it() -> None:
    disk = Disk()
    disk.open.clear()
    lines = Spool(disk.write)
    keeping = asyncio.create_task(lines.keep())
    await lines.put(b"first ")
    await until(lambda: lines._job is not None, what="a write")
    await lines.put(b"second")
    await stopped(keeping)
    threading.Timer(0.1, disk.open.set).start()
    lines.close()
    assert b"".join(disk.written) == b"first second"


async def test_a_disk_that_refuses_ends_the_keeping_and_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "WRITE_EVERY_S", 0.01)
    tried: list[bytes] = []

    def refuse(data: bytes) -> None:
        tried.append(data)
        raise OSError("full")

    lines = Spool(refuse)
    await lines.put(b"one")
    with pytest.raises(OSError, match="full"):
        await lines.keep()
    await lines.put(b"two")
    with pytest.raises(OSError, match="full"):
        lines.close()
    assert tried == [b"one"]
