"""Where the parts of a backfill and of a reconciliation meet: exchange, log, archive, store; each one that runs."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from threading import Event
from typing import Protocol

from pipeline.adapters import kafka
from pipeline.adapters.mongo_gaps import GapStore
from pipeline.adapters.mongo_writer import CandleStore, connect
from pipeline.domain.faults import Fault, MisconfiguredError
from pipeline.domain.interval import MINUTE_MS, Interval
from pipeline.exchanges.binance.venue import Binance
from pipeline.settings import DEFAULT_SYMBOLS, Settings
from pipeline.stages.archive import Archive
from pipeline.stages.asking import SURE_MS, Asking
from pipeline.stages.mending import Mending
from pipeline.stages.shipment import Shipment
from pipeline.wiring import exchange, first_of, now_ms, publisher_of

Show = Callable[[int], None]
"""Told how many minutes more are settled."""


class UnknownSymbolError(MisconfiguredError):
    """A symbol was named that the exchange does not know."""


class Job(Protocol):
    """A backfill or a reconciliation."""

    async def run(self, symbols: Sequence[str], *, start_ms: int, end_ms: int, show: Show) -> None: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What was asked for: ``symbols`` None are those of the settings that the exchange knows, the range is half-open.

    ``dry_run`` changes nothing; ``archives`` says that this process has to store what it publishes.
    """

    symbols: tuple[str, ...] | None
    start_ms: int
    end_ms: int
    dry_run: bool
    archives: bool


@dataclass(frozen=True, slots=True)
class Work:
    """A scope made definite: symbols that the exchange knows, and an end that it has settled."""

    symbols: tuple[str, ...]
    start_ms: int
    end_ms: int

    @property
    def minutes(self) -> int:
        """How many minutes there are to settle."""
        return len(self.symbols) * (self.end_ms - self.start_ms) // MINUTE_MS


def run(settings: Settings, scope: Scope, job: Callable[[Mending], Job], begin: Callable[[Work], Show]) -> None:
    """Do the job over the scope; ``begin`` is told what that is, and gives what is to hear of the progress.

    Raises a Fault, or KeyboardInterrupt; what was done until then stays done.
    """
    try:
        asyncio.run(_done(settings, scope, job, begin))
    except BaseExceptionGroup as group:
        raise first_of(group.subgroup(Fault) or group) from group


async def _done(settings: Settings, scope: Scope, job: Callable[[Mending], Job], begin: Callable[[Work], Show]) -> None:
    client = connect(settings.mongo_uri)
    stored, ledger = CandleStore(client, settings.mongo_db), GapStore(client, settings.mongo_db)
    await asyncio.to_thread(stored.ensure_indexes)
    await asyncio.to_thread(ledger.ensure_indexes)
    async with exchange(settings) as (venue, _session):
        work = await _definite(settings, scope, venue)
        async with _shipping(settings, scope, stored) as shipment:
            mending = Mending(Asking(venue.unhurried(), now_ms), stored, ledger, now_ms, shipment)
            await job(mending).run(work.symbols, start_ms=work.start_ms, end_ms=work.end_ms, show=begin(work))


@asynccontextmanager
async def _shipping(settings: Settings, scope: Scope, stored: CandleStore) -> AsyncIterator[Shipment | None]:
    """The way through the log into the store; none for a rehearsal."""
    if scope.dry_run:
        yield None
        return
    publisher = await asyncio.to_thread(publisher_of, settings)
    stopped = Event()
    async with asyncio.TaskGroup() as group:
        if scope.archives:
            group.create_task(asyncio.to_thread(_archive, settings, publisher, stored, stopped))
        try:
            yield Shipment(publisher, stored, settings.topics)
        finally:
            publisher.flush()
            stopped.set()


def _archive(settings: Settings, publisher: kafka.KafkaPublisher, stored: CandleStore, stopped: Event) -> None:
    """The archive of this moment: the same group as any other, so what it stored is stored for all."""
    topics = settings.topics
    reader = kafka.KafkaReader(
        settings.kafka_bootstrap, group=f"{settings.consumer_group_prefix}archive", topics=(topics.kline,)
    )
    try:
        Archive(reader=reader, candles=stored, dead_letters=publisher, topics=topics, clock=now_ms).run(stopped)
    finally:
        reader.close()


async def _definite(settings: Settings, scope: Scope, venue: Binance) -> Work:
    symbols = await _known(venue, scope.symbols or settings.symbols, named=scope.symbols is not None)
    settled_ms = await venue.server_ms() - SURE_MS
    end_ms = min(scope.end_ms, Interval.M1.open_ms(settled_ms))
    return Work(symbols, scope.start_ms, max(scope.start_ms, end_ms))


async def _known(venue: Binance, wanted: Sequence[str], *, named: bool) -> tuple[str, ...]:
    """The wanted symbols that the exchange knows. Raises UnknownSymbolError if one was named, or none is known."""
    known = await venue.symbols(wanted)
    unknown = [symbol for symbol in wanted if symbol not in known]
    if unknown and (named or not known):
        raise UnknownSymbolError("; ".join(_refusal(symbol, DEFAULT_SYMBOLS) for symbol in unknown))
    return tuple(symbol for symbol in wanted if symbol in known)


def _refusal(symbol: str, familiar: Sequence[str]) -> str:
    """That the exchange knows no such symbol, and what may have been meant."""
    meant = [name for name in (f"{symbol}USDT", *get_close_matches(symbol, familiar, n=1)) if name in familiar]
    return f"the exchange knows no {symbol}" + (f"; did you mean {meant[0]}?" if meant else "")
