"""The governor: waits as told, goes on alone when the shared weight is away, and hands over what it spent meanwhile."""

import asyncio
import logging
from dataclasses import dataclass, field

import pytest

from pipeline.adapters import governor as governors
from pipeline.adapters.governor import SHARED_AGAIN_MS, Governor
from pipeline.adapters.memory_weight import MemoryWeight
from pipeline.domain.faults import TransientError
from pipeline.domain.weight import Priority, WeightLimits, WeightMemory, WeightStanding
from tests.clock import Clock
from tests.servers.waiting import until

LIMITS = WeightLimits(weight=1_000)


@dataclass(slots=True)
class Breakable(MemoryWeight):
    """A shared weight that can be away; notes what it was told by those who come back."""

    away: bool = False
    remembered: list[WeightMemory] = field(default_factory=list)

    async def ask(self, weight: int, priority: Priority, memory: WeightMemory) -> WeightStanding:
        if self.away:
            raise TransientError("no Redis here")
        self.remembered.append(memory)
        return await MemoryWeight.ask(self, weight, priority, memory)


async def test_two_governors_share_one_budget() -> None:
    clock = Clock()
    store = MemoryWeight(clock)
    one, other = (Governor(store, limits=LIMITS, clock=clock) for _ in range(2))
    await one.told(0)
    await one.acquire(600)
    await other.acquire(300)
    waiting = asyncio.create_task(one.acquire(100))
    await until(lambda: one.waits > 0)
    assert not waiting.done()
    assert one.detail() == {
        "used": 900, "limit": 1_000, "blockedUntil": 0, "waits": 1, "waitedMs": 1_000, "shared": True
    }  # fmt: skip
    clock.now_ms += 63_000
    async with asyncio.timeout(5):
        await waiting


async def test_a_book_overtakes_the_history_that_waits() -> None:
    clock = Clock()
    one = Governor(MemoryWeight(clock), limits=LIMITS, clock=clock)
    await one.told(945)
    order: list[Priority] = []

    async def ask(priority: Priority) -> None:
        await one.acquire(10, priority=priority)
        order.append(priority)

    tasks = [asyncio.create_task(ask(Priority.HISTORY))]
    await until(lambda: one.waits == 1)
    tasks.append(asyncio.create_task(ask(Priority.BOOK)))
    await until(lambda: one.waits == 2)
    clock.now_ms += 60_000
    await until(lambda: one.waits == 4)
    clock.now_ms += 2_000
    await until(lambda: one.waits == 6)
    clock.now_ms += 500
    await asyncio.wait_for(tasks[1], 5)
    clock.now_ms += 5_000
    await asyncio.wait_for(tasks[0], 5)
    assert order == [Priority.BOOK, Priority.HISTORY]


async def test_without_redis_it_counts_alone_and_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    store = Breakable(clock)
    one = Governor(store, limits=LIMITS, clock=clock)
    await one.told(0)
    await one.acquire(100)
    store.away = True
    with caplog.at_level(logging.WARNING, logger="pipeline.adapters.governor"):
        for _ in range(3):
            await one.acquire(200)
            clock.now_ms += SHARED_AGAIN_MS
        assert one.detail()["shared"] is False
        assert one.detail()["used"] == 700
        store.away = False
        await one.acquire(10)
        await one.acquire(10)
    assert [record.message.split(",")[0] for record in caplog.records] == [
        "the request weight is not shared", "the request weight is shared again"
    ]  # fmt: skip
    assert [(memory.used, memory.away) for memory in store.remembered[1:]] == [(700, True), (710, False)]
    assert one.detail() == {"used": 720, "limit": 1_000, "blockedUntil": 0, "waits": 0, "waitedMs": 0, "shared": True}


async def test_its_own_budget_ends_too() -> None:
    clock = Clock()
    one = Governor(limits=LIMITS, clock=clock)
    await one.told(940)
    waiting = asyncio.create_task(one.acquire(100))
    await until(lambda: one.waits > 0)
    waiting.cancel()


async def test_a_ban_longer_than_its_patience_is_given_back_at_once() -> None:
    one = Governor(MemoryWeight(Clock()), clock=Clock())
    await one.block(3_600)
    with pytest.raises(TransientError, match="3600 s") as refused:
        await one.acquire(1)
    assert refused.value.retry_after_s == 3_600


async def test_a_block_found_by_another_process_outlives_a_wipe() -> None:
    clock = Clock()
    store = MemoryWeight(clock)
    one, other = Governor(store, clock=clock), Governor(store, clock=clock)
    await one.block(60)
    waiting = asyncio.create_task(other.acquire(1))
    await until(lambda: other.waits > 0)
    store.wipe()
    await until(lambda: other.waits > 1)
    assert not waiting.done()
    waiting.cancel()
    assert governors.LOOK_AGAIN_MS <= 1_000
