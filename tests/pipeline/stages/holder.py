"""A replica that holds leases on a real Redis until it is told to end; prints what it holds whenever that changes."""

import asyncio
import json
import os
import sys
import time

from pipeline.adapters import redis_async
from pipeline.adapters.redis_leases import RedisLeases
from pipeline.settings import Settings
from pipeline.stages.leases import Leases
from pipeline.wiring import until_signalled


async def hold(settings: Settings) -> None:
    client = redis_async.connect(
        settings.redis_host, settings.redis_port, database=settings.redis_db, password=settings.redis_password
    )
    store = RedisLeases(client, "ingest")
    async with client, Leases(store, replica=f"replica-{os.getpid()}", names=settings.symbols) as leases:
        while True:
            say(leases)
            await leases.change()


def say(leases: Leases) -> None:
    tokens = {name: leases.token(name) for name in leases.held}
    sys.stdout.write(json.dumps({"at": time.monotonic(), "tokens": tokens}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(until_signalled(hold(Settings.from_environment())))
