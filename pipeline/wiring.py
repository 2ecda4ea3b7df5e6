"""Where stages, adapters and exchanges meet: one function a process, from settings to something that runs."""

import asyncio
import logging
import signal
import time
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from threading import Event
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import redis
import redis.asyncio

from pipeline.adapters import heartbeat, http, kafka, mongo_writer, redis_async, redis_writer
from pipeline.adapters.governor import Governor
from pipeline.adapters.redis_weight import RedisWeight
from pipeline.domain import names
from pipeline.domain.faults import Fault, MisconfiguredError
from pipeline.domain.symbol import SymbolInfo
from pipeline.domain.weight import Priority
from pipeline.exchanges.binance.limits import WEIGHT_HEADER, BinanceLimits
from pipeline.exchanges.binance.venue import Binance
from pipeline.settings import Settings
from pipeline.stages.archive import Archive
from pipeline.stages.cache import Cache

log = logging.getLogger(__name__)

BROKER_WAIT_S = 60
REWIND_BOOK_MS = 35_000
"""What a cache that starts reads again of the books: a full one comes every thirty seconds a symbol."""
REWIND_MOST = 20_000
"""Records of a partition that a cache that starts reads again at most."""


def run_cache(settings: Settings) -> None:
    """Keep Redis until SIGTERM. Raises a Fault when a server is away: start it again."""
    publisher = publisher_of(settings)
    topics = settings.topics
    sharing = -(-len(settings.symbols) // settings.kafka_partitions)
    rewinds = (
        kafka.Rewind(topic=topics.orderbook, age_ms=REWIND_BOOK_MS, records=REWIND_MOST),
        kafka.Rewind(topic=topics.trades, records=min(REWIND_MOST, 2 * names.REALTIME_TRADES * sharing)),
    )
    reader = kafka.KafkaReader(
        settings.kafka_bootstrap,
        group=f"{settings.consumer_group_prefix}cache",
        topics=(topics.kline, topics.orderbook, topics.trades),
        rewinds=rewinds,
        instance=settings.consumer_instance,
    )
    cache = Cache(
        reader=reader,
        shelf=redis_writer.RedisShelf(redis_of(settings), database=settings.redis_db),
        stored=candles_of(settings),
        dead_letters=publisher,
        topics=topics,
        clock=now_ms,
    )
    _follow(settings, "cache", cache, reader=reader)


def run_archive(settings: Settings) -> None:
    """Keep MongoDB's one-minute candles until SIGTERM. Raises a Fault when a server is away: start it again."""
    publisher = publisher_of(settings)
    reader = kafka.KafkaReader(
        settings.kafka_bootstrap,
        group=f"{settings.consumer_group_prefix}archive",
        topics=(settings.topics.kline,),
        instance=settings.consumer_instance,
    )
    archive = Archive(
        reader=reader, candles=candles_of(settings), dead_letters=publisher, topics=settings.topics, clock=now_ms
    )
    _follow(settings, "archive", archive, reader=reader)


def now_ms() -> int:
    """Our clock."""
    return time.time_ns() // 1_000_000


@asynccontextmanager
async def exchange(settings: Settings) -> AsyncIterator[tuple[Binance, aiohttp.ClientSession]]:
    """The venue of the settings, with the session its sockets share.

    What is asked of it spends the weight that all processes on this Redis share.
    """
    client = async_redis_of(settings)
    governor = Governor(RedisWeight(client, urlsplit(settings.binance_rest_url).netloc))
    async with client, aiohttp.ClientSession(trust_env=not is_here(settings.binance_rest_url)) as session:
        getter = http.RestClient(
            session, settings.binance_rest_url, governor=governor, words=BinanceLimits(), weight_header=WEIGHT_HEADER
        )
        yield (
            Binance(
                getter, ws_url=settings.binance_ws_url, leisure=getter.at(Priority.HISTORY), weight=governor.detail
            ),
            session,
        )


def open_markets(known: Mapping[str, SymbolInfo], wanted: Sequence[str]) -> list[SymbolInfo]:
    """The wanted markets that are open; the others are named in a warning. Raises MisconfiguredError if none is."""
    for symbol in wanted:
        if symbol not in known or not known[symbol].trading:
            status = known[symbol].status if symbol in known else "unknown to the exchange"
            log.warning("%s is dropped: %s", symbol, status)
    trading = [info for info in known.values() if info.trading]
    if not trading:
        raise MisconfiguredError(f"none of SYMBOLS is trading on the exchange: {', '.join(wanted)}")
    return trading


def is_here(url: str) -> bool:
    """Whether ``url`` is on this machine, where no proxy of the environment has a say."""
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")


def publisher_of(settings: Settings) -> kafka.KafkaPublisher:
    """The log to append to, its topics there. Raises TransientError."""
    kafka.wait_for_broker(settings.kafka_bootstrap, timeout_s=BROKER_WAIT_S)
    kafka.ensure_topics(settings.kafka_bootstrap, settings.topics, partitions=settings.kafka_partitions)
    return kafka.KafkaPublisher(settings.kafka_bootstrap)


def _follow(settings: Settings, name: str, stage: Archive | Cache, *, reader: kafka.KafkaReader) -> None:
    stopped = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    beat = heartbeat.Heartbeat(redis_of(settings), name, stage.detail).start()
    try:
        stage.run(stopped)
    finally:
        reader.close()
        beat.close()


async def until_signalled(work: Coroutine[Any, Any, None]) -> None:
    """Run ``work`` until it ends or SIGTERM comes. Raises what it raised."""
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        log.info("stopped")
    except BaseExceptionGroup as group:
        raise first_of(group.subgroup(Fault) or group) from group


def first_of(error: BaseException) -> BaseException:
    """The first error of a group, however deep: every task group on the way wraps what it raises."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def redis_of(settings: Settings) -> redis.Redis:
    """The settings' Redis."""
    return redis_writer.connect(
        settings.redis_host, settings.redis_port, database=settings.redis_db, password=settings.redis_password
    )


def async_redis_of(settings: Settings) -> redis.asyncio.Redis:
    """The settings' Redis, for an event loop."""
    return redis_async.connect(
        settings.redis_host, settings.redis_port, database=settings.redis_db, password=settings.redis_password
    )


def candles_of(settings: Settings) -> mongo_writer.CandleStore:
    """The settings' durable candles."""
    return mongo_writer.CandleStore(mongo_writer.connect(settings.mongo_uri), settings.mongo_db)
