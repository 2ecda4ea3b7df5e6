"""Real processes on a real Redis: what a replica held is held by another soon after it was killed or told to end."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import redis

from pipeline.settings import Settings
from tests.servers.namespaces import environment_of
from tests.servers.waiting import until


@dataclass
class Holder:
    """One process and every set of leases it printed: (moment, token by name)."""

    process: asyncio.subprocess.Process
    said: list[tuple[float, dict[str, int]]] = field(default_factory=list)

    @property
    def tokens(self) -> dict[str, int]:
        return self.said[-1][1] if self.said and self.process.returncode is None else {}

    async def listen(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            words = json.loads(line)
            self.said.append((words["at"], words["tokens"]))


@asynccontextmanager
async def holders(settings: Settings, count: int) -> AsyncIterator[list[Holder]]:
    """Replicas that have shared the symbols among them."""
    running: list[Holder] = []
    listening: list[asyncio.Task[None]] = []
    try:
        for _ in range(count):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.pipeline.stages.holder",
                env=os.environ | environment_of(settings), stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
            running.append(Holder(process))
            listening.append(asyncio.create_task(running[-1].listen()))
        await until(lambda: all(holder.said for holder in running), within_s=30, what="the replicas")
        await until(lambda: is_shared(running, settings), within_s=15, what="a fair share for each")
        yield running
    finally:
        for holder in running:
            if holder.process.returncode is None:
                holder.process.kill()
            await holder.process.wait()
        await asyncio.gather(*listening)


def is_shared(running: list[Holder], settings: Settings) -> bool:
    """Whether every symbol has exactly one holder, and every replica that lives some."""
    held = [name for holder in running for name in holder.tokens]
    living = [holder for holder in running if holder.process.returncode is None]
    return sorted(held) == sorted(settings.symbols) and all(holder.tokens for holder in living)


@pytest.mark.parametrize(
    ("how", "within_s"), [(signal.SIGKILL, 10.0), (signal.SIGTERM, 2.0)], ids=["killed", "told-to-end"]
)
async def test_another_replica_takes_over(namespace: Settings, how: signal.Signals, within_s: float) -> None:
    async with holders(namespace, 3) as running:
        gone, *others = running
        lost = dict(gone.tokens)
        began_s = time.monotonic()
        gone.process.send_signal(how)
        await gone.process.wait()
        await until(lambda: is_shared(others, namespace), within_s=within_s + 5)
        taken_s = max(holder.said[-1][0] for holder in others) - began_s
        assert taken_s < within_s
        new = {name: token for holder in others for name, token in holder.tokens.items()}
        assert all(new[name] > token for name, token in lost.items())


async def test_a_wiped_redis_moves_nothing(namespace: Settings) -> None:
    async with holders(namespace, 2) as running:
        before = [set(holder.tokens) for holder in running]
        with redis.Redis(host=namespace.redis_host, port=namespace.redis_port, db=namespace.redis_db) as client:
            client.flushdb()
            client.script_flush()
            await until(lambda: client.dbsize() >= len(namespace.symbols) + 2, within_s=5, what="the leases again")
        assert [set(holder.tokens) for holder in running] == before
