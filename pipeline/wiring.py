"""Where stages, adapters and exchanges meet: one function a process, from settings to something that runs."""

import asyncio
import logging
import os
import platform
import signal
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from threading import Event
from typing import Any, NoReturn
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import redis

from pipeline.adapters import heartbeat, http, kafka, kafka_tail, mongo_gaps, mongo_writer, redis_async, redis_writer
from pipeline.adapters.exchange_socket import open_socket
from pipeline.adapters.governor import Governor
from pipeline.adapters.redis_leases import RedisLeases
from pipeline.adapters.redis_weight import RedisWeight
from pipeline.domain import jsontext, names
from pipeline.domain.coverage import Coverage
from pipeline.domain.faults import Fault, MisconfiguredError
from pipeline.domain.symbol import SymbolInfo
from pipeline.domain.weight import Priority
from pipeline.exchanges.binance.limits import WEIGHT_HEADER, BinanceLimits
from pipeline.exchanges.binance.venue import Binance
from pipeline.settings import Settings
from pipeline.stages.archive import Archive
from pipeline.stages.backoff import patiently
from pipeline.stages.cache import Cache
from pipeline.stages.covered import covered
from pipeline.stages.gap_notes import GapNotes
from pipeline.stages.history import History
from pipeline.stages.ingest import Ingest
from pipeline.stages.leases import Leases
from pipeline.stages.markets import Markets

log = logging.getLogger(__name__)

BROKER_WAIT_S = 60
TAIL_MS = 600_000
TAIL_RECORDS = (2_000, 200_000)
"""What of the trades' topic is read at a start, a partition: ten minutes, at least and at most so many records."""
REWIND_BOOK_MS = 35_000
"""What a cache that starts reads again of the books: a full one comes every thirty seconds a symbol."""
REWIND_MOST = 20_000
"""Records of a partition that a cache that starts reads again at most."""


def run_ingest(settings: Settings) -> None:
    """Follow the exchange and fill the history until SIGTERM. Raises a Fault when it can't go on."""
    asyncio.run(until_signalled(_ingest(settings)))


def run_cache(settings: Settings) -> None:
    """Keep Redis until SIGTERM. Raises a Fault when a server is away: start it again."""
    publisher = _publisher(settings)
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
        shelf=redis_writer.RedisShelf(_redis(settings), database=settings.redis_db),
        stored=_candles(settings),
        dead_letters=publisher,
        topics=topics,
        clock=now_ms,
    )
    _follow(settings, "cache", cache, reader=reader)


def run_archive(settings: Settings) -> None:
    """Keep MongoDB's one-minute candles until SIGTERM. Raises a Fault when a server is away: start it again."""
    publisher = _publisher(settings)
    reader = kafka.KafkaReader(
        settings.kafka_bootstrap,
        group=f"{settings.consumer_group_prefix}archive",
        topics=(settings.topics.kline,),
        instance=settings.consumer_instance,
    )
    archive = Archive(
        reader=reader, candles=_candles(settings), dead_letters=publisher, topics=settings.topics, clock=now_ms
    )
    _follow(settings, "archive", archive, reader=reader)


STAGES: dict[str, Callable[[Settings], None]] = {
    "ingest": run_ingest,
    "cache": run_cache,
    "archive": run_archive,
}


def now_ms() -> int:
    """Our clock."""
    return time.time_ns() // 1_000_000


@asynccontextmanager
async def exchange(settings: Settings) -> AsyncIterator[tuple[Binance, aiohttp.ClientSession]]:
    """The venue of the settings, with the session its sockets share.

    What is asked of it spends the weight that all processes on this Redis share.
    """
    client = redis_async.connect(
        settings.redis_host, settings.redis_port, database=settings.redis_db, password=settings.redis_password
    )
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


async def trading_symbols(venue: Binance, wanted: Sequence[str]) -> list[SymbolInfo]:
    """The wanted markets that are open; the others are named in a warning. Raises MisconfiguredError if none is."""
    return open_markets(await patiently(partial(venue.symbols, wanted)), wanted)


def open_markets(known: Mapping[str, SymbolInfo], wanted: Sequence[str]) -> list[SymbolInfo]:
    """Of the wanted markets those that are open, as ``trading_symbols``."""
    for symbol in wanted:
        if symbol not in known or not known[symbol].trading:
            status = known[symbol].status if symbol in known else "unknown to the exchange"
            log.warning("%s is dropped: %s", symbol, status)
    trading = [info for info in known.values() if info.trading]
    if not trading:
        raise MisconfiguredError(f"none of SYMBOLS is trading on the exchange: {', '.join(wanted)}")
    return trading


def history(settings: Settings, venue: Binance, publisher: kafka.KafkaPublisher) -> History:
    """A fill of the one-minute history through the log."""
    return History(
        venue=venue.unhurried(), stored=_candles(settings), gaps=_gaps(settings),
        publisher=publisher, topics=settings.topics, clock=now_ms,
    )  # fmt: skip


def is_here(url: str) -> bool:
    """Whether ``url`` is on this machine, where no proxy of the environment has a say."""
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")


def _publisher(settings: Settings) -> kafka.KafkaPublisher:
    kafka.wait_for_broker(settings.kafka_bootstrap, timeout_s=BROKER_WAIT_S)
    kafka.ensure_topics(settings.kafka_bootstrap, settings.topics, partitions=settings.kafka_partitions)
    return kafka.KafkaPublisher(settings.kafka_bootstrap)


async def _ingest(settings: Settings) -> None:
    publisher = _publisher(settings)
    held = await patiently(partial(asyncio.to_thread, _covered, settings))
    notes = GapNotes(_gaps(settings))
    async with exchange(settings) as (venue, _session):
        ingest = Ingest(
            venue=venue,
            publisher=publisher,
            topics=settings.topics,
            open=partial(open_socket, proxy=_proxy(settings.binance_ws_url)),
            clock=now_ms,
            notes=notes,
            covered=held,
        )
        past = history(settings, venue, publisher)
        beat = heartbeat.Heartbeat(
            _redis(settings), "ingest", lambda: {**ingest.detail(), **past.detail(), "weight": venue.weight()}
        ).start()

        async with _leases(settings) as leases:
            followers = _Followers(settings, ingest, leases, beat)
            markets = Markets(venue, settings.symbols, followers.arrange)
            known = await patiently(partial(venue.symbols, settings.symbols))
            open_markets(known, settings.symbols)
            markets.take(known)
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(ingest.run())
                    group.create_task(markets.keep())
                    group.create_task(followers.keep(markets))
                    group.create_task(notes.keep())
                    group.create_task(past.keep(markets.followed, days=settings.history_days))
            finally:
                beat.close()
                publisher.flush()
                notes.flush()


@dataclass(slots=True)
class _Followers:
    """This replica's share of the markets: what it holds by leases of what the exchange has open."""

    settings: Settings
    ingest: Ingest
    leases: Leases
    beat: heartbeat.Heartbeat

    def arrange(self, markets: Markets) -> None:
        """Follow what is open and ours; the rest is offered to the other replicas."""
        self.leases.want(markets.followed)
        held = [symbol for symbol in markets.followed if symbol in self.leases.held]
        self.ingest.follow(held, quiet=markets.quiet)
        listed = [markets.listed[symbol] for symbol in markets.followed]
        self.beat.keep(names.SYMBOLS_KEY, _symbols_text(self.settings, listed))

    async def keep(self, markets: Markets) -> NoReturn:
        """Follow other symbols as soon as other ones are held, from where the log ends."""
        while True:
            held = await self.leases.change()
            if new := held - self.ingest.followed.keys():
                known = await patiently(partial(asyncio.to_thread, _covered, self.settings))
                self.ingest.learn({symbol: known[symbol] for symbol in new & known.keys()})
            self.arrange(markets)


@asynccontextmanager
async def _leases(settings: Settings) -> AsyncIterator[Leases]:
    """Our seat among the replicas of ingest."""
    client = redis_async.connect(
        settings.redis_host, settings.redis_port, database=settings.redis_db, password=settings.redis_password
    )
    replica = settings.consumer_instance or f"{platform.node()}-{os.getpid()}"
    async with client, Leases(RedisLeases(client, "ingest"), replica=replica, names=settings.symbols) as leases:
        yield leases


def _covered(settings: Settings) -> dict[str, Coverage]:
    """The trades the log holds at its end, by symbol. Raises TransientError."""
    now, (least, most) = now_ms(), TAIL_RECORDS
    entries = kafka_tail.tail(
        settings.kafka_bootstrap, settings.topics.trades, since_ms=now - TAIL_MS, least=least, most=most
    )
    return covered(entries, now_ms=now)


def _proxy(url: str) -> str | None:
    """The proxy the environment names for ``url``; none for this machine."""
    if is_here(url) or proxy_bypass(urlsplit(url).hostname or ""):
        return None
    proxies = getproxies()
    return proxies.get("https" if url.startswith("wss:") else "http") or proxies.get("all")


def _symbols_text(settings: Settings, markets: Sequence[SymbolInfo]) -> bytes:
    listed = [
        {
            "symbol": market.symbol, "status": market.status,
            "baseAsset": market.base_asset, "quoteAsset": market.quote_asset,
            "tickSize": market.tick_size, "stepSize": market.step_size,
        }
        for market in markets
    ]  # fmt: skip
    return jsontext.dumps({"source": settings.source_kind, "updatedAt": now_ms(), "symbols": listed})


def _follow(settings: Settings, name: str, stage: Archive | Cache, *, reader: kafka.KafkaReader) -> None:
    stopped = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    beat = heartbeat.Heartbeat(_redis(settings), name, stage.detail).start()
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


def _redis(settings: Settings) -> redis.Redis:
    return redis_writer.connect(
        settings.redis_host, settings.redis_port, database=settings.redis_db, password=settings.redis_password
    )


def _gaps(settings: Settings) -> mongo_gaps.GapStore:
    return mongo_gaps.GapStore(mongo_writer.connect(settings.mongo_uri), settings.mongo_db)


def _candles(settings: Settings) -> mongo_writer.CandleStore:
    return mongo_writer.CandleStore(mongo_writer.connect(settings.mongo_uri), settings.mongo_db)
