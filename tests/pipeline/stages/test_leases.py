"""Leases on twins: fair shares, one holder, take-over within ten seconds, nothing lost when the store forgets."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.adapters.memory_leases import MemoryLeases
from pipeline.domain.faults import TransientError
from pipeline.stages.leases import RENEW_EVERY_S, Election, Leases, Seat, fair_share, whole_share
from tests.servers.waiting import until
from tests.words import NOON_MS

SYMBOLS = frozenset(f"S{number}USDT" for number in range(24))
TICK_MS = 250
BEAT_MS = int(RENEW_EVERY_S * 1_000)
BOUND_MS = 10_000


@dataclass
class Replica:
    """A seat with the moments of its beats, alive until killed."""

    seat: Seat
    next_ms: int
    asleep_until_ms: int = 0


@dataclass
class World:
    """Replicas on one store, moved on in small ticks; notes every token a name was held by."""

    now_ms: int = NOON_MS
    replicas: dict[str, Replica] = field(default_factory=dict)
    tokens: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    store: MemoryLeases = field(init=False)

    def __post_init__(self) -> None:
        self.store = MemoryLeases(lambda: self.now_ms)

    def join(self, name: str, share: Callable[..., frozenset[str]] = fair_share) -> None:
        if name not in self.replicas:
            self.replicas[name] = Replica(Seat(name, SYMBOLS, share), self.now_ms)

    def kill(self, name: str) -> None:
        self.replicas.pop(name, None)

    def leave(self, name: str) -> None:
        if name in self.replicas and not self.store.away:
            asyncio.run(self.store.beat(self.replicas[name].seat.farewell()))
        self.kill(name)

    def pass_ms(self, ms: int) -> None:
        for _ in range(0, ms, TICK_MS):
            self.now_ms += TICK_MS
            for replica in self.replicas.values():
                if self.now_ms >= max(replica.next_ms, replica.asleep_until_ms):
                    self.beat(replica)
            self.note()

    def beat(self, replica: Replica) -> None:
        replica.next_ms = self.now_ms + BEAT_MS
        try:
            for _ in range(3):
                wish = replica.seat.wish()
                replica.seat.take(asyncio.run(self.store.beat(wish)), asked_s=self.now_ms / 1000)
                if replica.seat.is_settled(wish):
                    return
        except TransientError:
            replica.seat.missed()

    def note(self) -> None:
        for name, (holder, token, _) in self.store.held.items():
            held = self.tokens.setdefault(name, [])
            if not held or held[-1] != (token, holder):
                held.append((token, holder))

    def followers(self, name: str) -> list[str]:
        now_s = self.now_ms / 1000
        return [
            key for key, replica in self.replicas.items()
            if now_s * 1000 >= replica.asleep_until_ms and replica.seat.still_holds(name, now_s=now_s)
        ]  # fmt: skip

    def unfollowed(self) -> set[str]:
        return {name for name in SYMBOLS if not self.followers(name)}


def of(*names: str) -> World:
    world = World()
    for name in names:
        world.join(name)
    world.pass_ms(BOUND_MS)
    assert not world.unfollowed()
    return world


def loads(world: World) -> Counter[str]:
    return Counter(holder for name in SYMBOLS for holder in world.followers(name))


@given(names=st.sets(st.text(min_size=1, max_size=8), max_size=60), count=st.integers(1, 6))
def test_a_replica_that_joins_moves_only_what_it_gets(names: set[str], count: int) -> None:
    before = frozenset(f"replica-{number}" for number in range(count))
    after = before | {"newcomer"}
    for replica in before:
        kept, had = (fair_share(frozenset(names), living, replica) for living in (after, before))
        assert kept <= had
        assert had - kept <= fair_share(frozenset(names), after, "newcomer")


def test_shares_are_fair() -> None:
    names = frozenset(f"S{number}" for number in range(3_000))
    replicas = frozenset({"one", "two", "three"})
    assert all(900 < len(fair_share(names, replicas, replica)) < 1_100 for replica in replicas)


def test_a_lone_replica_holds_everything_at_once() -> None:
    world = World()
    world.join("one")
    world.pass_ms(TICK_MS)
    assert not world.unfollowed()


def test_a_newcomer_gets_its_share_and_nothing_is_without_follower_meanwhile() -> None:
    world = of("one", "two")
    before = {name: world.followers(name) for name in SYMBOLS}
    world.join("three")
    for _ in range(0, 4_000, TICK_MS):
        world.pass_ms(TICK_MS)
        assert not world.unfollowed()
    moved = {name for name in SYMBOLS if world.followers(name) != before[name]}
    assert moved == fair_share(SYMBOLS, frozenset({"one", "two", "three"}), "three")
    assert all(len(world.followers(name)) == 1 for name in SYMBOLS)


def test_the_names_of_a_killed_replica_are_taken_over_within_ten_seconds() -> None:
    world = of("one", "two", "three")
    world.kill("two")
    assert world.unfollowed()
    world.pass_ms(8_000)
    assert not world.unfollowed()


def test_the_names_of_one_that_leaves_are_taken_over_within_two_seconds() -> None:
    world = of("one", "two", "three")
    world.leave("two")
    world.pass_ms(2_000)
    assert not world.unfollowed()


def test_a_wiped_store_moves_nothing() -> None:
    world = of("one", "two", "three")
    before = {name: world.followers(name) for name in SYMBOLS}
    world.store.wipe()
    for _ in range(0, 9_000, TICK_MS):
        world.pass_ms(TICK_MS)
        assert {name: world.followers(name) for name in SYMBOLS} == before


def test_a_store_that_is_away_stops_nobody_and_gives_nobody_more() -> None:
    world = of("one", "two")
    before = {name: world.followers(name) for name in SYMBOLS}
    world.store.away = True
    world.join("three")
    world.pass_ms(60_000)
    assert {name: world.followers(name) for name in SYMBOLS} == before
    world.store.away = False
    world.pass_ms(BOUND_MS)
    assert set(loads(world)) == {"one", "two", "three"}


def test_who_slept_through_its_leases_holds_nothing_until_it_asked_again() -> None:
    world = of("one", "two")
    sleeper = world.replicas["two"]
    had = set(sleeper.seat.tokens)
    sleeper.asleep_until_ms = world.now_ms + BOUND_MS
    world.pass_ms(BOUND_MS - TICK_MS)
    awake_s = (world.now_ms + TICK_MS) / 1000
    assert not any(sleeper.seat.still_holds(name, now_s=awake_s) for name in had)
    assert not world.unfollowed()


def test_a_lease_seen_in_other_hands_stops_at_once() -> None:
    world = of("one", "two")
    seat = world.replicas["one"].seat
    name = sorted(seat.tokens)[0]
    world.store.held[name] = ("two", 2**52, 2**52)
    world.beat(world.replicas["one"])
    assert name not in seat.tokens


def test_an_elected_one_stays_when_others_join() -> None:
    world = World()
    world.join("one", whole_share)
    world.pass_ms(3_000)
    for name in ("two", "three", "four"):
        world.join(name, whole_share)
    world.pass_ms(BOUND_MS)
    assert loads(world) == {"one": len(SYMBOLS)}
    world.kill("one")
    world.pass_ms(8_000)
    assert sum(loads(world).values()) == len(SYMBOLS)


names_of_replicas = st.sampled_from(["one", "two", "three"])
happenings = st.lists(
    st.tuples(
        st.integers(0, 8_000),
        st.sampled_from(["join", "join", "kill", "leave", "sleep", "wipe", "away", "back"]),
        names_of_replicas,
    ),
    max_size=14,
)


def happen(world: World, what: str, name: str) -> None:
    match what:
        case "join":
            world.join(name)
        case "kill":
            world.kill(name)
        case "leave":
            world.leave(name)
        case "sleep" if name in world.replicas:
            world.replicas[name].asleep_until_ms = world.now_ms + 7_000
        case "wipe":
            world.store.wipe()
        case "away" | "back":
            world.store.away = what == "away"


@given(path=happenings)
def test_tokens_only_grow_and_everything_is_held_by_one_soon_after_the_last_fault(
    path: list[tuple[int, str, str]],
) -> None:
    world = World()
    world.join("zero")
    for later_ms, what, name in path:
        world.pass_ms(later_ms)
        happen(world, what, name)
    world.store.away = False
    world.pass_ms(7_000)  # whoever slept is awake
    world.pass_ms(BOUND_MS)
    assert {name: len(world.followers(name)) for name in SYMBOLS} == dict.fromkeys(SYMBOLS, 1)
    for held in world.tokens.values():
        tokens = [token for token, _ in held]
        assert tokens == sorted(set(tokens))


async def test_a_seat_that_is_kept_tells_of_changes_and_gives_back_at_its_end() -> None:
    clock_ms = [NOON_MS]
    store = MemoryLeases(lambda: clock_ms[0])
    async with Leases(store, replica="one", names=SYMBOLS, every_s=0.01) as one:
        assert one.held == SYMBOLS
        assert await asyncio.wait_for(one.change(), 1) == SYMBOLS
        async with Leases(store, replica="two", names=SYMBOLS, every_s=0.01) as two:
            await until(lambda: one.held | two.held == SYMBOLS and not one.held & two.held and two.held)
            assert all(two.token(name) > 0 and two.still_held(name) for name in two.held)
            assert await asyncio.wait_for(one.change(), 1) < SYMBOLS
        await until(lambda: one.held == SYMBOLS)
        one.want(["S1USDT"])
        await until(lambda: one.held == {"S1USDT"})
        assert set(store.held) == {"S1USDT"}
    assert store.held == {}


async def test_an_election_without_a_store_has_no_winner_until_there_is_one(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryLeases(lambda: NOON_MS, away=True)
    async with Election(store, replica="one", name="aggregate", every_s=0.01) as election:
        assert not election.leads
        store.away = False
        await until(lambda: election.leads)
        store.away = True
        await until(lambda: "can't be renewed" in caplog.records[-1].message)
        assert election.leads
