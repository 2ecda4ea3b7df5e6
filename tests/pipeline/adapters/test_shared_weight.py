"""Several processes on one Redis: together they use the limit and never exceed it; the exchange's own meter judges."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import redis

from pipeline.settings import Settings
from pipeline.simulator.rules import Limits
from pipeline.simulator.seeded.market import SeededMarket
from pipeline.simulator.server import Exchange, wall_clock_ms
from tests.servers.namespaces import environment_of
from tests.servers.waiting import until

PROCESSES = 4
WEIGHT = 1_000
BOOK_MOST = 950


@asynccontextmanager
async def hammering(settings: Settings, exchange: Exchange) -> AsyncIterator[None]:
    """Processes that ask ``exchange`` all the time."""
    reach = replace(settings, binance_rest_url=exchange.rest_url)
    words = (sys.executable, "-m", "tests.pipeline.adapters.hammer", str(WEIGHT))
    environment = os.environ | environment_of(reach)
    processes = [await asyncio.create_subprocess_exec(*words, env=environment) for _ in range(PROCESSES)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            await process.wait()


def exchange_whose_minute_turns_in(seconds: float) -> Exchange:
    """An exchange whose clock is off, so that its minute ends while it is hammered."""
    ahead_ms = 60_000 - wall_clock_ms() % 60_000 - int(seconds * 1_000)
    market = SeededMarket(["BTCUSDT"], seed=1, rate=1.0, clock_ms=wall_clock_ms)
    return Exchange(market, limits=Limits(weight_per_minute=WEIGHT), clock_ms=lambda: wall_clock_ms() + ahead_ms)


def answers(exchange: Exchange) -> dict[str, int]:
    return {name: number for name, number in exchange.hub.counts.events.items() if name.startswith("rest/")}


@pytest.mark.parametrize("wiped", [False, True], ids=["", "redis-wiped"])
async def test_the_limit_is_used_and_never_exceeded(namespace: Settings, wiped: bool) -> None:
    began_ms = wall_clock_ms()
    async with exchange_whose_minute_turns_in(6).serving() as exchange, hammering(namespace, exchange):
        await until(lambda: answers(exchange).get("rest/200", 0) * 5 > BOOK_MOST // 2, within_s=30)
        if wiped:
            with redis.Redis(host=namespace.redis_host, port=namespace.redis_port, db=namespace.redis_db) as client:
                client.flushdb()
                client.script_flush()
        await until(lambda: wall_clock_ms() > began_ms + 10_000, within_s=30)
        assert set(answers(exchange)) == {"rest/200"}
        assert not any(exchange.violations.counts.values())
        most = WEIGHT if wiped else BOOK_MOST  # what was under way when Redis forgot is what the reserve is for
        assert 0.9 * BOOK_MOST < answers(exchange)["rest/200"] * 5 <= most
