"""Ingest put together: what follows the exchange, repairs, fills the history, and shares with its replicas."""

import asyncio
import os
import platform
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import NoReturn
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from pipeline.adapters import event_loop, heartbeat, kafka_tail, mongo_gaps, mongo_writer
from pipeline.adapters.exchange_socket import open_socket
from pipeline.adapters.redis_leases import RedisLeases
from pipeline.domain import jsontext, names
from pipeline.domain.coverage import Coverage
from pipeline.domain.event_clock import EventClock
from pipeline.domain.gap import Gap, Stream
from pipeline.domain.symbol import SymbolInfo
from pipeline.settings import Settings
from pipeline.stages.backoff import patiently
from pipeline.stages.covered import Run, covered, runs_of
from pipeline.stages.gap_notes import GapNotes
from pipeline.stages.history import History
from pipeline.stages.ingest import Ingest
from pipeline.stages.leases import Leases
from pipeline.stages.markets import Markets
from pipeline.stages.open_gaps import filled
from pipeline.wiring import (
    async_redis_of,
    exchange,
    is_here,
    now_ms,
    publisher_of,
    redis_of,
    until_signalled,
)

TAILS = ((600_000, 200_000), (3_600_000, 1_000_000), (86_400_000, 10_000_000))
"""How far back the trades' topic is read at a start, in ms and in records a partition: further if a symbol lacks."""
TAIL_LEAST = 2_000
TAIL_WITHIN_S = 60.0
SLACK_MS = 60_000
"""Our clock and that of the log's records may be apart."""


def run_ingest(settings: Settings) -> None:
    """Follow the exchange and fill the history until SIGTERM. Raises a Fault when it can't go on."""
    event_loop.run(until_signalled(_ingest(settings)))


async def _ingest(settings: Settings) -> None:
    publisher = publisher_of(settings)
    held = await patiently(partial(asyncio.to_thread, _covered, settings))
    mongo = mongo_writer.connect(settings.mongo_uri)
    ledger = mongo_gaps.GapStore(mongo, settings.mongo_db)
    notes = GapNotes(ledger)
    async with exchange(settings) as (venue, _session):
        ingest = Ingest(
            venue=venue,
            publisher=publisher,
            topics=settings.topics,
            open=partial(open_socket, proxy=_proxy(settings.binance_ws_url)),
            clock=now_ms,
            notes=notes,
            covered=held,
            event_clock=EventClock(live=settings.source_kind != "replay"),
        )
        past = History(
            venue=venue.unhurried(),
            stored=mongo_writer.CandleStore(mongo, settings.mongo_db),
            gaps=ledger,
            publisher=publisher,
            topics=settings.topics,
            clock=now_ms,
        )
        beat = heartbeat.Heartbeat(
            redis_of(settings),
            "ingest",
            lambda: {**ingest.detail(), **past.detail(), **markets.detail(), "weight": venue.weight()},
        )
        async with _leases(settings) as leases:
            followers = _Followers(settings, ingest, leases, beat)
            markets = Markets(venue, settings.symbols, followers.arrange)
            beat.start()
            try:
                await markets.begin()
                async with asyncio.TaskGroup() as group:
                    group.create_task(ingest.run())
                    group.create_task(markets.keep())
                    group.create_task(followers.keep(markets))
                    group.create_task(notes.keep())
                    group.create_task(_close(settings, notes))
                    group.create_task(past.keep(lambda: list(ingest.followed), days=settings.history_days))
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
        listed = [markets.listed[symbol] for symbol in markets.followed or markets.listed]
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
    client = async_redis_of(settings)
    replica = settings.consumer_instance or f"{platform.node()}-{os.getpid()}"
    async with client, Leases(RedisLeases(client, "ingest"), replica=replica, names=settings.symbols) as leases:
        yield leases


def _covered(settings: Settings) -> dict[str, Coverage]:
    """The trades the log holds at its end, by symbol: further back as long as one lacks. Raises TransientError."""
    found: dict[str, Coverage] = {}
    for back_ms, most in TAILS:
        now = now_ms()
        tail = kafka_tail.Tail(
            settings.kafka_bootstrap, settings.topics.trades, since_ms=now - back_ms, least=TAIL_LEAST, most=most,
            within_s=TAIL_WITHIN_S,
        )  # fmt: skip
        found = covered(tail, now_ms=now)
        if tail.whole or found.keys() >= set(settings.symbols):
            break
    return found


async def _close(settings: Settings, notes: GapNotes) -> None:
    """Say of gaps that whoever was here before left open, though the log holds what they lacked, that they are not."""
    read = partial(notes.ledger.open_gaps, settings.symbols, stream=Stream.TRADES)
    left = await patiently(partial(asyncio.to_thread, read))
    if left:
        logged = await patiently(partial(asyncio.to_thread, _logged, settings, left))
        for symbol, start, end in filled(left, logged):
            notes.heal(symbol, stream=Stream.TRADES, start=start, end=end, healed_ms=now_ms())


def _logged(settings: Settings, left: Sequence[Gap]) -> dict[str, list[Run]]:
    """The trade ids the log took in since the first of these gaps was found. Raises TransientError."""
    since_ms = min(gap.detected_ms for gap in left) - SLACK_MS
    tail = kafka_tail.Tail(
        settings.kafka_bootstrap, settings.topics.trades, since_ms=since_ms, least=0, most=TAILS[0][1],
        within_s=TAIL_WITHIN_S,
    )  # fmt: skip
    return runs_of(tail)


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
