"""A process that asks an exchange as fast as the shared weight lets it, until it is ended: ``python -m … URL``."""

import asyncio
import sys

from aiohttp import ClientSession

from pipeline.adapters import redis_async
from pipeline.adapters.governor import Governor
from pipeline.adapters.http import RestClient
from pipeline.adapters.redis_weight import RedisWeight
from pipeline.domain.faults import TransientError
from pipeline.domain.weight import Priority, WeightLimits
from pipeline.exchanges.binance.limits import WEIGHT_HEADER, BinanceLimits
from pipeline.exchanges.binance.rest import depth_request
from pipeline.settings import Settings


async def hammer(settings: Settings, *, weight: int) -> None:
    store = RedisWeight(
        redis_async.connect(settings.redis_host, settings.redis_port, database=settings.redis_db, password=None), "it"
    )
    async with ClientSession() as session:
        client = RestClient(
            session, settings.binance_rest_url, governor=Governor(store, limits=WeightLimits(weight=weight)),
            words=BinanceLimits(), weight_header=WEIGHT_HEADER,
        )  # fmt: skip
        await asyncio.gather(*(ask(client.at(priority)) for priority in Priority for _ in range(4)))


async def ask(client: RestClient) -> None:
    request = depth_request("BTCUSDT", limit=5)
    while True:
        try:
            await client.get(request.path, request.params, weight=request.weight)
        except TransientError as error:
            await asyncio.sleep(error.retry_after_s or 0.05)


if __name__ == "__main__":
    asyncio.run(hammer(Settings.from_environment(), weight=int(sys.argv[1])))
