"""The markets page's callback: the ranking over the window chosen, and what it lacks in words."""

from collections.abc import Callable, Sequence
from typing import Any

from dash import Dash, Input, Output
from dash.exceptions import PreventUpdate
from flask_caching import Cache

from callbacks.boards import age_ms, clock_ms, register_answered, store_of
from callbacks.cached import cached_ranking
from callbacks.reads import Mover, Ranking, RankingReads
from layouts.digits import digits_of, spell
from layouts.pages.markets import GAINERS, LOSERS, ORDER, ORDERS, PANEL, SUMMARY, TABLE, WINDOW, WINDOWS
from layouts.parts.board import ANSWERED, BEAT
from layouts.parts.ranking import Ranked, ranking_table
from layouts.parts.table import nothing
from pipeline.domain.faults import TransientError

NAMED = 4
"""How many pending markets are named; the others are counted."""
Shown = tuple[Any, str, str, str]
"""The table, the panel's state, its words, and the sentence beside the page's title."""


def register(app: Dash, *, reads: RankingReads, cache: Cache, now_ms: Callable[[], int] = clock_ms) -> None:
    """Give the markets page its answers."""
    page = _Page(cached_ranking(reads, cache=cache), now_ms)
    app.callback(
        Output(TABLE, "children"),
        Output(PANEL, "data-state"),
        Output(f"{PANEL}-note", "children"),
        Output(SUMMARY, "children"),
        Output(ANSWERED, "data"),
        Input(BEAT, "n_intervals"),
        Input(WINDOW, "value"),
        Input(ORDER, "value"),
    )(page.ranking)
    register_answered(app)


class _Page:
    def __init__(self, reads: RankingReads, now_ms: Callable[[], int]) -> None:
        self._reads = reads
        self._now_ms = now_ms

    def ranking(self, _beat: Any, window: Any, order: Any) -> tuple[Any, str, str, str, int]:
        if window not in WINDOWS or order not in (GAINERS, LOSERS):
            raise PreventUpdate
        served_ms = self._now_ms()
        try:
            return *shown(self._reads.ranking(window), window=window, order=order, now_ms=served_ms), served_ms
        except TransientError as error:
            return *away(store_of(error)), served_ms


def shown(ranking: Ranking, *, window: str, order: str, now_ms: int) -> Shown:
    """What the page shows of a ranking."""
    rows = ranked(ranking.movers, order=order, now_ms=now_ms)
    if not rows:
        return nothing(lacking(ranking.pending, window=window)), "empty", "", ""
    caption = f"{len(rows)} markets by change over {window}, {ORDERS[order].lower()} first"
    silent_ms = min(row.age_ms for row in rows)
    is_stale = all(row.is_stale for row in rows)
    note = f"No price for {spell(silent_ms)}" if is_stale else waiting(ranking.pending, window=window)
    table = ranking_table(rows, caption=caption, window=window)
    return table, "stale" if is_stale else "live", note, breadth(rows, window=window)


def away(store: str) -> Shown:
    """No figures rather than old ones, while a store does not answer."""
    return nothing(f"{store} does not answer, so there is no ranking. Trying again."), "error", f"{store} is away", ""


def ranked(movers: Sequence[Mover], *, order: str, now_ms: int) -> list[Ranked]:
    """The rows, the furthest riser or faller first, ties by symbol."""
    sign = -1 if order == GAINERS else 1
    ordered = sorted(movers, key=lambda mover: (sign * mover.change_percent, mover.market.symbol))
    return [_row(mover, now_ms=now_ms) for mover in ordered]


def breadth(rows: Sequence[Ranked], *, window: str) -> str:
    """``11 rose, 4 fell, 1 unchanged over 24h``."""
    rose = sum(row.change_percent > 0 for row in rows)
    fell = sum(row.change_percent < 0 for row in rows)
    still = len(rows) - rose - fell
    return f"{rose} rose, {fell} fell" + (f", {still} unchanged" if still else "") + f" over {window}"


def waiting(pending: Sequence[str], *, window: str) -> str:
    """Which markets are not in the ranking yet, in words; nothing where all are."""
    if not pending:
        return ""
    more = f" and {len(pending) - NAMED} more" if len(pending) > NAMED else ""
    return f"Not stored back {window} yet: {', '.join(pending[:NAMED])}{more}"


def lacking(pending: Sequence[str], *, window: str) -> str:
    """Why there is no row at all."""
    if not pending:
        return "No market is followed yet: ingest has not said which are trading."
    return f"None of the {len(pending)} markets is stored back {window} yet. A shorter window may have more to say."


def _row(mover: Mover, *, now_ms: int) -> Ranked:
    return Ranked(
        symbol=mover.market.symbol,
        base=mover.market.base,
        quote=mover.market.quote,
        price=mover.price,
        digits=digits_of(mover.market.tick_size),
        change_percent=mover.change_percent,
        quote_volume=mover.quote_volume,
        base_volume=mover.base_volume,
        age_ms=age_ms(mover.received_ms, now_ms=now_ms) or 0,
    )
