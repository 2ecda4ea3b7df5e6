"""The shared request weight: Redis and its memory twin give the same answers, also after a wipe."""

from collections.abc import AsyncIterator
from typing import Protocol
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pipeline.adapters.governor import WeightStore
from pipeline.adapters.memory_weight import MemoryWeight
from pipeline.adapters.redis_weight import RedisWeight
from pipeline.domain import names
from pipeline.domain.weight import Priority, WeightLimits, WeightMemory, WeightStanding
from pipeline.settings import Settings
from pipeline.wiring import async_redis_of
from tests.clock import Clock
from tests.words import NOON_MS

LIMITS = WeightLimits(weight=1_000, requests=300)
NOBODY = WeightMemory(limits=LIMITS)


class World(Protocol):
    clock: Clock

    @property
    def store(self) -> WeightStore: ...

    async def wipe(self) -> None: ...


class MemoryWorld:
    def __init__(self) -> None:
        self.clock = Clock()
        self.store = MemoryWeight(self.clock)

    async def wipe(self) -> None:
        self.store.wipe()


class RedisWorld:
    def __init__(self, settings: Settings) -> None:
        self.clock = Clock()
        self.client = async_redis_of(settings)
        self.address = uuid4().hex
        self.store = RedisWeight(self.client, self.address, clock=self.clock)

    async def wipe(self) -> None:
        await self.client.delete(names.weight_key(self.address))
        await self.client.script_flush()


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.servers)])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    if request.param == "memory":
        yield MemoryWorld()
        return
    one = RedisWorld(request.getfixturevalue("namespace"))
    async with one.client:
        yield one


async def warm(world: World) -> None:
    await world.store.told(0, NOBODY)


async def ask(world: World, weight: int, *, priority: Priority = Priority.BOOK, **known: object) -> WeightStanding:
    memory = WeightMemory(**{"limits": LIMITS, **known})  # type: ignore[arg-type]
    return await world.store.ask(weight, priority, memory)


async def test_two_askers_spend_one_budget(world: World) -> None:
    await warm(world)
    assert (await ask(world, 500)).wait_ms == 0
    assert (await ask(world, 500)).wait_ms == 62_500
    world.clock.now_ms += 62_500
    assert (await ask(world, 500)).wait_ms == 0


async def test_history_stands_back_behind_a_waiting_book(world: World) -> None:
    await warm(world)
    await ask(world, 940)
    assert (await ask(world, 50)).wait_ms > 0
    assert (await ask(world, 1, priority=Priority.HISTORY)).wait_ms == 2_000


async def test_a_block_is_obeyed_by_all(world: World) -> None:
    await warm(world)
    await world.store.block(7_000, NOBODY)
    standing = await ask(world, 1)
    assert (standing.wait_ms, standing.blocked_until_ms) == (7_000, NOON_MS + 7_000)


async def test_limits_that_were_learnt_hold_for_all(world: World) -> None:
    await warm(world)
    learnt = WeightLimits(weight=200, requests=40, requests_ms=10_000)
    await world.store.learn(learnt, NOBODY)
    assert (await ask(world, 150)).limits == learnt
    assert (await ask(world, 150)).wait_ms > 0


async def test_a_wiped_store_is_told_what_was_spent_by_the_first_who_remembers(world: World) -> None:
    await warm(world)
    epoch = (await ask(world, 700)).epoch
    await world.wipe()
    remembered = await ask(world, 100, used=700, epoch=epoch, blocked_until_ms=NOON_MS + 5)
    assert (remembered.wait_ms, remembered.used, remembered.blocked_until_ms) == (5, 700, NOON_MS + 5)
    assert remembered.epoch != epoch
    again = await ask(world, 10, used=700, epoch=remembered.epoch)
    assert again.used == 700


async def test_a_wiped_store_that_nobody_remembers_gives_a_tenth_until_it_hears(world: World) -> None:
    await ask(world, 700)
    await world.wipe()
    assert (await ask(world, 90)).wait_ms == 0
    assert (await ask(world, 90)).wait_ms == 100
    await world.store.told(940, NOBODY)
    assert (await ask(world, 90)).wait_ms > 50_000


async def test_what_was_spent_without_the_store_counts_when_it_is_back(world: World) -> None:
    await warm(world)
    epoch = (await ask(world, 10)).epoch
    assert (await ask(world, 10, used=600, epoch=epoch, away=True)).used == 610


steps = st.lists(
    st.tuples(
        st.integers(0, 30_000),
        st.one_of(
            st.tuples(st.just("ask"), st.integers(1, 300), st.sampled_from(Priority)),
            st.tuples(st.just("told"), st.integers(0, 1_100), st.none()),
            st.tuples(st.just("block"), st.integers(0, 20_000), st.none()),
            st.tuples(st.just("away"), st.integers(0, 900), st.none()),
        ),
    ),
    max_size=25,
)


async def walked(world: World, path: list[tuple[int, tuple[str, int, Priority | None]]]) -> list[tuple[int, int, int]]:
    seen: list[tuple[int, int, int]] = []
    for later_ms, (what, number, priority) in path:
        world.clock.now_ms += later_ms
        match what:
            case "ask":
                standing = await world.store.ask(number, priority or Priority.BOOK, NOBODY)
            case "told":
                standing = await world.store.told(number, NOBODY)
            case "block":
                standing = await world.store.block(number, NOBODY)
            case _:
                standing = await ask(world, 1, used=number, away=True)
        seen.append((standing.wait_ms, standing.used, standing.blocked_until_ms))
    return seen


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=steps)
async def test_redis_answers_what_its_twin_answers(
    namespace: Settings, path: list[tuple[int, tuple[str, int, Priority | None]]]
) -> None:
    one = RedisWorld(namespace)
    async with one.client:
        assert await walked(one, path) == await walked(MemoryWorld(), path)


async def test_the_key_ends_some_time_after_the_last_ban(namespace: Settings) -> None:
    one = RedisWorld(namespace)
    async with one.client:
        await one.store.told(5, NOBODY)
        assert 300_000 < await one.client.pttl(names.weight_key(one.address)) <= 360_000
        await one.store.block(3_600_000, NOBODY)
        assert await one.client.pttl(names.weight_key(one.address)) > 3_600_000
