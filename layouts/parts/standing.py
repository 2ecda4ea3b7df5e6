"""How the system stands, as tables: stores, processes, markets, and the minutes stored of each day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import dash_bootstrap_components as dbc
from dash import html
from dash.development.base_component import Component

from layouts.digits import UNKNOWN, spell
from layouts.parts.attributes import aria, data
from layouts.parts.table import Column, cell, head, number, row, table

LATE_MS = 6_000
"""Three heartbeats: a process not heard of for longer is late."""
STALE_MS = 15_000
_SIGNS = {"good": "●", "warn": "▲", "bad": "✕"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """Whether a store answers, and how quickly."""

    name: str
    up: bool
    latency_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process, how old its last word is (None: it is silent), and what it counted."""

    name: str
    pid: int | None
    age_ms: int | None
    counts: Mapping[str, int]

    @property
    def state(self) -> tuple[str, str]:
        """(level, word)."""
        if self.age_ms is None:
            return "bad", "silent"
        return ("good", "running") if self.age_ms < LATE_MS else ("warn", "late")


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """How old a market's newest datum is (None: none came), and the state of its book."""

    symbol: str
    age_ms: int | None
    book: str | None

    @property
    def is_stale(self) -> bool:
        """Whether nothing has come for too long."""
        return self.age_ms is None or self.age_ms >= STALE_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """Minutes stored of a market's UTC day, and those it should have by now."""

    symbol: str
    date: str
    stored: int
    expected: int


def lamp(level: str, word: str) -> Component:
    """A word with a sign for ``good``, ``warn`` or ``bad``, so that it is never colour alone."""
    return html.Span([html.I(_SIGNS[level], **aria(hidden="true")), word], className="cs-lamp", **data(level=level))


def store_table(stores: Sequence[Store]) -> Component:
    """One row a store."""
    return table(
        caption="Stores, asked a moment ago",
        columns=[Column(name="Store"), Column(name="State"), Column(name="Answer", class_name="cs-num")],
        rows=[
            row(
                head(store.name),
                cell(lamp("good", "up") if store.up else lamp("bad", "down")),
                number(f"{store.latency_ms:.1f} ms" if store.up else UNKNOWN),
            )
            for store in stores
        ],
    )


def process_table(processes: Sequence[Process]) -> Component:
    """One row a process."""
    return table(
        caption="Processes by their last heartbeat",
        columns=[
            Column(name="Process"),
            Column(name="State"),
            Column(name="Pid", class_name="cs-num"),
            Column(name="Heartbeat", class_name="cs-num"),
            Column(name="Counts", class_name="cs-wide"),
        ],
        rows=[
            row(
                head(process.name),
                cell(lamp(*process.state)),
                number(str(process.pid) if process.pid is not None else UNKNOWN),
                number(f"{spell(process.age_ms)} ago" if process.age_ms is not None else "none", "cs-age"),
                cell([_count(name, value) for name, value in process.counts.items()], "cs-wide cs-counts"),
            )
            for process in processes
        ],
    )


def _count(name: str, value: int) -> Component:
    return html.Span([html.B(f"{value:,}"), f" {name}"])


def freshness_table(markets: Sequence[Freshness]) -> Component:
    """One row a market."""
    return table(
        caption="Markets by the age of their newest datum",
        columns=[Column(name="Market"), Column(name="Data age", class_name="cs-num"), Column(name="Order book")],
        rows=[
            row(
                head(market.symbol),
                number(spell(market.age_ms) if market.age_ms is not None else "no data", "cs-age"),
                cell(_book(market)),
                class_name="cs-stale" if market.is_stale else "",
            )
            for market in markets
        ],
    )


def _book(market: Freshness) -> Component:
    if market.is_stale:
        return lamp("bad", "stale")
    return lamp("good", "synced") if market.book == "synced" else lamp("warn", market.book or "no book yet")


def quality_table(days: Sequence[Day]) -> Component:
    """One row a market, one column a day: minutes stored of those expected."""
    found = {(day.symbol, day.date): day for day in days}
    dates = sorted({day.date for day in days}, reverse=True)
    symbols = dict.fromkeys(day.symbol for day in days)
    return table(
        caption="Minutes stored of those expected, by UTC day",
        columns=[Column(name="Market"), *(Column(name=date, class_name="cs-num") for date in dates)],
        rows=[row(head(symbol), *(_minutes(found.get((symbol, date))) for date in dates)) for symbol in symbols],
    )


def _minutes(day: Day | None) -> Component:
    if day is None:
        return number(UNKNOWN)
    is_whole = day.stored >= day.expected
    expected = html.Span(f" / {day.expected:,}", className="cs-wide")
    return cell([f"{'✓' if is_whole else '▲'} {day.stored:,}", expected], f"cs-num {'' if is_whole else 'cs-lacking'}")


def history_bar(share: float | None) -> list[Component]:
    """How much of the wanted history is stored; ``None``: all of it."""
    percent = 100 if share is None else min(99, round(100 * max(share, 0.0)))
    words = "All wanted history is loaded." if share is None else f"Loading: {percent} % of the minutes are there."
    bar: Component = dbc.Progress(value=percent, label=f"{percent} %", className="cs-progress")
    return [bar, html.P(words, className="cs-history-words")]
