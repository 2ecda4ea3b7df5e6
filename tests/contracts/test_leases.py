"""Leases: Redis and its memory twin keep the same promises."""

from collections.abc import AsyncIterator
from typing import Any, Protocol

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pipeline.adapters.memory_leases import MemoryLeases
from pipeline.adapters.redis_leases import RedisLeases
from pipeline.domain import names
from pipeline.domain.lease import LeaseAnswer, LeaseStore, LeaseWish
from pipeline.settings import Settings
from pipeline.wiring import async_redis_of
from tests.clock import Clock
from tests.words import NOON_MS

TTL_MS = 6_000


class World(Protocol):
    clock: Clock

    @property
    def store(self) -> LeaseStore: ...

    async def wipe(self) -> None: ...


class MemoryWorld:
    def __init__(self) -> None:
        self.clock = Clock()
        self.store = MemoryLeases(self.clock)

    async def wipe(self) -> None:
        self.store.wipe()


class RedisWorld:
    def __init__(self, settings: Settings) -> None:
        self.clock = Clock()
        self.client = async_redis_of(settings)
        self.store = RedisLeases(self.client, "ingest", clock=self.clock)

    async def wipe(self) -> None:
        await self.client.flushdb()
        await self.client.script_flush()


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.servers)])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    if request.param == "memory":
        yield MemoryWorld()
        return
    one = RedisWorld(request.getfixturevalue("namespace"))
    async with one.client:
        yield one


async def beat(world: World, replica: str, hold: str = "", **other: Any) -> LeaseAnswer:
    return await world.store.beat(LeaseWish(replica=replica, hold=list(hold), ttl_ms=TTL_MS, **other))


async def test_a_free_name_is_taken_and_kept_by_its_token(world: World) -> None:
    first = await beat(world, "one", "ab")
    world.clock.now_ms += TTL_MS - 1
    assert (await beat(world, "one", "ab")).tokens == first.tokens
    assert set(first.tokens) == {"a", "b"}
    assert first.tokens["a"] >= NOON_MS


async def test_a_held_name_is_refused_and_its_holder_named(world: World) -> None:
    await beat(world, "one", "a")
    answer = await beat(world, "two", "ab")
    assert (set(answer.tokens), answer.others) == ({"b"}, {"a": "one"})
    assert answer.replicas == {"one", "two"}


async def test_what_is_given_back_is_free_at_once_under_a_higher_token(world: World) -> None:
    first = (await beat(world, "one", "ab")).tokens
    assert set((await beat(world, "one", "b", release=["a"])).tokens) == {"b"}
    second = (await beat(world, "two", "a")).tokens
    assert second["a"] > first["a"]


async def test_a_stranger_cannot_give_back_what_another_holds(world: World) -> None:
    await beat(world, "one", "a")
    assert (await beat(world, "two", release=["a"])).others == {"a": "one"}


async def test_who_falls_silent_loses_its_names_and_its_place(world: World) -> None:
    first = (await beat(world, "one", "a")).tokens
    world.clock.now_ms += TTL_MS - 1
    assert (await beat(world, "two", "a")).others == {"a": "one"}
    world.clock.now_ms += 1
    answer = await beat(world, "two", "a")
    assert answer.replicas == {"two"}
    assert answer.tokens["a"] > first["a"]


async def test_who_leaves_takes_nothing_and_is_gone(world: World) -> None:
    await beat(world, "one", "a")
    await beat(world, "two")
    answer = await beat(world, "one", "b", release=["a"], leaving=True)
    assert not answer.tokens
    assert answer.replicas == {"two"}


@pytest.mark.parametrize("back_ms", [0, 60_000], ids=["", "clock-went-back"])
async def test_tokens_grow_even_after_a_wipe(world: World, back_ms: int) -> None:
    last = max((await beat(world, "one", "ab")).tokens.values())
    await world.wipe()
    world.clock.now_ms -= back_ms
    after = await beat(world, "one", "a", floor=last)
    assert after.tokens["a"] > last
    assert after.age_ms == 0


async def test_the_register_has_an_age(world: World) -> None:
    await beat(world, "one")
    world.clock.now_ms += 1_000
    assert (await beat(world, "two")).age_ms == 1_000


async def test_every_key_ends_by_itself(namespace: Settings) -> None:
    one = RedisWorld(namespace)
    async with one.client:
        await beat(one, "one", "ab")
        keys = [names.lease_key("ingest", "a"), names.replicas_key("ingest"), names.register_key("ingest")]
        assert all([0 < await one.client.pttl(key) <= TTL_MS for key in keys])


replicas, few = st.sampled_from(["one", "two", "three"]), st.sets(st.sampled_from("abcd"), max_size=4)
steps = st.lists(st.tuples(st.integers(0, 4_000), replicas, few, few, st.booleans(), st.booleans()), max_size=20)


async def walked(world: World, path: list[tuple[int, str, set[str], set[str], bool, bool]]) -> list[LeaseAnswer]:
    seen: list[LeaseAnswer] = []
    for later_ms, replica, hold, release, leaving, wiped in path:
        world.clock.now_ms += later_ms
        if wiped and leaving:
            await world.wipe()
        wish = LeaseWish(
            replica=replica, hold=sorted(hold), release=sorted(release - hold), ttl_ms=TTL_MS, leaving=leaving
        )
        seen.append(await world.store.beat(wish))
    return seen


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=steps)
async def test_redis_answers_what_its_twin_answers(
    namespace: Settings, path: list[tuple[int, str, set[str], set[str], bool, bool]]
) -> None:
    one = RedisWorld(namespace)
    async with one.client:
        await one.client.flushdb()
        assert await walked(one, path) == await walked(MemoryWorld(), path)
