"""The system page's callbacks: every panel from its own read, so that one that fails says so alone."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from dash import Dash, Input, Output
from flask_caching import Cache

from callbacks.boards import STORES, Panel, age_ms, away, clock_ms, panel_outputs, register_answered, store_of
from callbacks.cached import cached_system
from callbacks.reads import MarketStanding, ProcessStanding, StoredDay, StoreStanding, SystemReads
from callbacks.verdict import Away, Seen, verdict
from layouts.pages import system as page
from layouts.parts import standing
from layouts.parts.board import ANSWERED, BEAT
from layouts.parts.table import nothing
from pipeline.domain.faults import TransientError

T = TypeVar("T")
DAYS = 3
COUNTS = 4
"""How many of a process's counts are shown."""


def register(app: Dash, *, reads: SystemReads, cache: Cache, now_ms: Callable[[], int] = clock_ms) -> None:
    """Give the system page its answers."""
    answers = _Page(cached_system(reads, cache=cache), now_ms)
    app.callback(
        Output(page.VERDICT, "children"),
        Output(page.VERDICT, "data-level"),
        *panel_outputs(page.STORES),
        *panel_outputs(page.PROCESSES),
        *panel_outputs(page.MARKETS),
        *panel_outputs(page.HISTORY),
        Output(ANSWERED, "data"),
        Input(BEAT, "n_intervals"),
    )(answers.standing)
    app.callback(*panel_outputs(page.QUALITY), Input(page.SLOW_BEAT, "n_intervals"))(answers.quality)
    register_answered(app)


class _Page:
    def __init__(self, reads: SystemReads, now_ms: Callable[[], int]) -> None:
        self._reads = reads
        self._now_ms = now_ms

    def standing(self, _beat: Any) -> tuple[Any, ...]:
        seen = look(self._reads, now_ms=self._now_ms())
        words, level = verdict(seen)
        shown = (stores(seen), processes(seen), markets(seen), history(seen))
        return words, level, *(each for panel in shown for each in panel.properties), self._now_ms()

    def quality(self, _beat: Any) -> tuple[Any, str, str]:
        try:
            return quality(self._reads.quality(DAYS)).properties
        except TransientError as error:
            return away(store_of(error)).properties


def look(reads: SystemReads, *, now_ms: int) -> Seen:
    """Everything the live reads say; a store that is down is not asked a second time."""
    stores = [store_row(store) for store in reads.stores()]
    down = [store.name for store in stores if not store.up]
    return Seen(
        stores=stores,
        processes=told(lambda: [process_row(each, now_ms=now_ms) for each in reads.processes()], ["Redis"], down),
        markets=told(lambda: [market_row(each, now_ms=now_ms) for each in reads.markets()], ["Redis"], down),
        history=told(reads.history, ["Redis", "MongoDB"], down),
    )


def told(read: Callable[[], T], needs: Sequence[str], down: Sequence[str]) -> T | Away:
    """What ``read`` answers, or the store that keeps it from answering."""
    missing = next((store for store in needs if store in down), None)
    if missing is not None:
        return Away(missing)
    try:
        return read()
    except TransientError as error:
        return Away(store_of(error))


def stores(seen: Seen) -> Panel:
    """The stores always have something to say."""
    return Panel(standing.store_table(seen.stores), "live" if all(store.up for store in seen.stores) else "error")


def processes(seen: Seen) -> Panel:
    """Who lives."""
    if isinstance(seen.processes, Away):
        return away(seen.processes.store)
    silent = sum(process.age_ms is None for process in seen.processes)
    return Panel(
        standing.process_table(seen.processes), "error" if silent else "live", f"{silent} silent" if silent else ""
    )


def markets(seen: Seen) -> Panel:
    """What is fresh."""
    if isinstance(seen.markets, Away):
        return away(seen.markets.store)
    if not seen.markets:
        return Panel(nothing("No market is followed yet."), "empty")
    stale = sum(market.is_stale for market in seen.markets)
    words = f"{stale} of {len(seen.markets)} stale" if stale else f"{len(seen.markets)} fresh"
    return Panel(standing.freshness_table(seen.markets), "error" if stale else "live", words)


def history(seen: Seen) -> Panel:
    """How far the loading of history is."""
    if isinstance(seen.history, Away):
        return away(seen.history.store)
    return Panel(standing.history_bar(seen.history), "live", "done" if seen.history is None else "loading")


def quality(days: Sequence[StoredDay]) -> Panel:
    """What is stored of each day."""
    if not days:
        return Panel(nothing("No minute is stored yet."), "empty")
    rows = [standing.Day(symbol=day.symbol, date=day.date, stored=day.stored, expected=day.expected) for day in days]
    missing = sum(max(0, day.expected - day.stored) for day in days)
    return Panel(standing.quality_table(rows), "live", f"{missing:,} missing" if missing else "nothing is missing")


def store_row(store: StoreStanding) -> standing.Store:
    """A store under the name people know."""
    return standing.Store(name=STORES.get(store.name, store.name), up=store.up, latency_ms=store.latency_ms)


def process_row(process: ProcessStanding, *, now_ms: int) -> standing.Process:
    """A heartbeat with its age and its first counts."""
    return standing.Process(
        name=process.name,
        pid=process.pid,
        age_ms=age_ms(process.beat_ms, now_ms=now_ms),
        counts=counted(process.counts or {}),
    )


def counted(told: Mapping[str, Any]) -> dict[str, int]:
    """The first whole numbers of a heartbeat that are no times, with their names in words."""
    whole = {name: value for name, value in told.items() if isinstance(value, int) and not name.endswith("_ms")}
    return {name.replace("_", " "): value for name, value in list(whole.items())[:COUNTS]}


def market_row(market: MarketStanding, *, now_ms: int) -> standing.Freshness:
    """A market with the age of its newest datum."""
    return standing.Freshness(symbol=market.symbol, age_ms=age_ms(market.received_ms, now_ms=now_ms), book=market.book)
