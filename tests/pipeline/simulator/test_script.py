"""Scripts and seeded schedules: every order comes at its time, and the same seed gives the same script."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from pipeline.domain.faults import MisconfiguredError
from pipeline.simulator.mischief import Kind
from pipeline.simulator.mischief.schedule import SAMPLES, schedule
from pipeline.simulator.mischief.script import Script, read_script, script_text, steps_of
from pipeline.simulator.seeded.market import SeededMarket
from pipeline.simulator.server import Exchange, wall_clock_ms

EVERY = tuple(SAMPLES)


def test_orders_come_when_their_time_has_come_and_once() -> None:
    script = Script()
    script.begin(steps_of(b'[{"at_s":2,"kind":"drop"},{"at_s":0.5,"kind":"duplicate"}]'), now_ms=1_000)
    assert [wish["at_ms"] for wish in script.waiting] == [1_500, 3_000]
    assert [order.kind for order in script.due(1_500)] == [Kind.DUPLICATE]
    assert script.due(2_999) == []
    assert [order.kind for order in script.due(3_000)] == [Kind.DROP]
    assert script.due(10_000) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"{}", "a JSON list"),
        (b"[3]", "step 1 is 3"),
        (b'[{"kind":"drop"}]', "step 1: at_s is None"),
        (b'[{"at_s":-1,"kind":"drop"}]', "seconds from 0"),
        (b'[{"at_s":1,"kind":"drop"},{"at_s":1,"kind":"nonsense"}]', "step 2: not a fault"),
        (b"[", "unexpected end"),
    ],
)
def test_a_script_that_is_off_names_the_step(text: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        steps_of(text)


def test_a_script_file_that_is_missing_or_off_is_a_clear_word(tmp_path: Path) -> None:
    with pytest.raises(MisconfiguredError, match="can't be used"):
        read_script(tmp_path / "nowhere.json")
    (tmp_path / "off.json").write_bytes(b'[{"at_s":1}]')
    with pytest.raises(MisconfiguredError, match="step 1"):
        read_script(tmp_path / "off.json")


def test_the_same_seed_gives_the_same_schedule_and_another_does_not() -> None:
    one, same, other = (schedule(seed, EVERY, 10, symbols=["BTCUSDT", "ETHUSDT"]) for seed in (5, 5, 6))
    assert one == same != other


@pytest.mark.parametrize("seed", range(20))
def test_a_schedule_holds_every_fault_spaced_and_in_time(seed: int) -> None:
    script = schedule(seed, EVERY, 3, symbols=["BTCUSDT", "ATOMUSDT"])
    assert {wish["kind"] for wish in script} == {kind.value for kind in EVERY}
    firsts = [wish["at_s"] for wish in script if wish.get("becomes") != "TRADING"]
    assert len(firsts) == len(EVERY) >= 20
    assert all(after - before >= 2 for before, after in pairwise(firsts))
    assert 0 <= firsts[0] <= firsts[-1] <= 180
    assert len(steps_of(script_text(script))) == len(script)


def test_orders_of_ones_own_are_taken_as_they_are() -> None:
    (wish,) = schedule(1, [{"kind": "rest", "status": 451}], 1)
    assert wish == {"at_s": wish["at_s"], "kind": "rest", "status": 451}


def test_a_schedule_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        schedule(1, EVERY, 0.5)
    with pytest.raises(ValueError, match="depends on the moment"):
        schedule(1, [Kind.MISSING_ROWS], 1)


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    market = SeededMarket(["BTCUSDT"], seed=1, rate=1.0, clock_ms=wall_clock_ms)
    async with Exchange(market).serving() as one:
        yield one


async def post(exchange: Exchange, path: str, body: Any) -> tuple[int, Any]:
    async with ClientSession() as session, session.post(f"{exchange.rest_url}{path}", json=body) as reply:
        return reply.status, await reply.json()


async def test_a_script_is_begun_over_http_and_logged(exchange: Exchange) -> None:
    wishes = [{"at_s": 0.1, "kind": "skip_depth", "count": 2}, {"at_s": 60, "kind": "drop"}]
    status, report = await post(exchange, "/faults/script", wishes)
    assert (status, [wish["kind"] for wish in report["script"]]) == (200, ["skip_depth", "drop"])
    begun_ms = report["script"][0]["at_ms"] - 100
    async with asyncio.timeout(10):
        while not (log := exchange.report()["log"]):
            await asyncio.sleep(0.01)
    assert log[0]["kind"] == "skip_depth"
    assert 100 <= log[0]["ordered_ms"] - begun_ms < 1_000
    exchange.clear()
    assert exchange.report()["script"] == []


async def test_a_script_that_is_off_orders_nothing(exchange: Exchange) -> None:
    status, answer = await post(exchange, "/faults/script", [{"at_s": 0, "kind": "drop"}, {"at_s": 0, "kind": "x"}])
    assert (status, answer["error"][:7]) == (400, "step 2:")
    assert exchange.report()["script"] == []
