"""The data quality page's callbacks: every panel from its own read, so that one that fails says so alone."""

from collections.abc import Callable, Sequence
from typing import Any

from dash import Dash, Input, Output
from dash.exceptions import PreventUpdate
from flask_caching import Cache

from callbacks.boards import Panel, away, clock_ms, panel_outputs, register_answered, store_of
from callbacks.cached import cached_quality
from callbacks.reads import QualityReads
from layouts.pages import quality as page
from layouts.parts import heatmap, trust
from layouts.parts.board import ANSWERED, BEAT
from layouts.parts.table import nothing
from pipeline.domain.faults import TransientError
from pipeline.domain.interval import DAY_MS
from pipeline.domain.quality import MarketTrust, QualityDay


def register(app: Dash, *, reads: QualityReads, cache: Cache, now_ms: Callable[[], int] = clock_ms) -> None:
    """Give the data quality page its answers."""
    answers = _Page(cached_quality(reads, cache=cache), now_ms)
    days = Input(page.DAYS, "value")
    slow = Input(page.SLOW_BEAT, "n_intervals")
    app.callback(*panel_outputs(page.HEAT), Output(page.SUMMARY, "children"), slow, days)(answers.heat)
    app.callback(*panel_outputs(page.DAY), Input(page.CHOSEN, "data"), slow, days)(answers.day)
    live = (*panel_outputs(page.BOOKS), *panel_outputs(page.COUNTS), Output(ANSWERED, "data"))
    app.callback(*live, Input(BEAT, "n_intervals"))(answers.live)
    register_answered(app)


class _Page:
    def __init__(self, reads: QualityReads, now_ms: Callable[[], int]) -> None:
        self._reads = reads
        self._now_ms = now_ms

    def heat(self, _beat: Any, days: Any) -> tuple[Any, ...]:
        wanted = _days(days)
        try:
            found = self._reads.days(wanted)
        except TransientError as error:
            return *away(store_of(error)).properties, ""
        return *heat(found).properties, summary(found)

    def day(self, chosen: Any, _beat: Any, days: Any) -> tuple[Any, str, str]:
        symbol, day_ms = _chosen(chosen)
        try:
            found = [d for d in self._reads.days(_days(days)) if (d.symbol, d.day_ms) == (symbol, day_ms)]
            if not found:
                return Panel(nothing("That day is not among those shown."), "empty").properties
            gaps = self._reads.gaps(symbol, start_ms=day_ms, end_ms=day_ms + DAY_MS)
        except TransientError as error:
            return away(store_of(error)).properties
        note = f"{len(gaps)} gap{'' if len(gaps) == 1 else 's'}" if gaps else ""
        return Panel(trust.day_detail(found[0], gaps), "live", note).properties

    def live(self, _beat: Any) -> tuple[Any, ...]:
        now_ms = self._now_ms()
        return *self._told(lambda: books(self._reads.markets(), now_ms=now_ms)), *self._told(self._counts), now_ms

    def _counts(self) -> Panel:
        return Panel(trust.tiles(self._reads.counts()), "live", "since each process began")

    @staticmethod
    def _told(show: Callable[[], Panel]) -> tuple[Any, str, str]:
        try:
            return show().properties
        except TransientError as error:
            return away(store_of(error)).properties


def heat(days: Sequence[QualityDay]) -> Panel:
    """The heat-map, and in words what lacks."""
    if not days:
        return Panel(nothing("No market is followed yet, or nothing is expected of these days."), "empty")
    exchange, missing = sum(day.exchange for day in days), sum(day.missing for day in days)
    if not missing:
        return Panel(heatmap.heatmap(days), "live", "nothing is missing")
    theirs = f", {exchange:,} of them the exchange's" if exchange else ""
    minutes = "minute" if missing == 1 else "minutes"
    state = "live" if missing == exchange else "error"
    return Panel(heatmap.heatmap(days), state, f"{missing:,} {minutes} missing{theirs}")


def summary(days: Sequence[QualityDay]) -> str:
    """``16 markets: 99.9 % of 161,280 minutes stored, 87.0 % verified``."""
    expected = sum(day.expected for day in days)
    if not expected:
        return ""
    stored = heatmap.percent(sum(day.present for day in days), expected)
    verified = heatmap.percent(sum(day.verified for day in days), expected)
    markets = len({day.symbol for day in days})
    named = f"{markets} market{'' if markets == 1 else 's'}"
    return f"{named}: {stored} % of {expected:,} minutes stored, {verified} % verified"


def books(markets: Sequence[MarketTrust], *, now_ms: int) -> Panel:
    """How the books match, and in words which do not."""
    if not markets:
        return Panel(nothing("No market is followed yet."), "empty")
    table = trust.book_table(markets, now_ms=now_ms)
    lost = [market.symbol for market in markets if market.trades.open]
    if lost:
        return Panel(table, "error", f"trades lack in {len(lost)} of {len(markets)}")
    silent = [
        market for market in markets if market.received_ms is None or now_ms - market.received_ms >= trust.STALE_MS
    ]
    if silent:
        return Panel(table, "stale", f"{len(silent)} of {len(markets)} not heard of lately")
    off = [market.state for market in markets if market.state != "synced"]
    state = "error" if "failed" in off else "live"
    return Panel(table, state, f"{len(off)} of {len(markets)} not in step" if off else f"{len(markets)} in step")


def _days(value: Any) -> int:
    if value not in page.DAY_CHOICES:
        raise PreventUpdate
    return int(value)


def _chosen(value: Any) -> tuple[str, int]:
    """The market and day of ``BTCUSDT|1700006400000``."""
    symbol, _, day = value.partition("|") if isinstance(value, str) else ("", "", "")
    if not symbol or not day.isdecimal() or len(day) > len("1700006400000"):
        raise PreventUpdate
    return symbol, int(day)
