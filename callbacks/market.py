"""The market page's callbacks: each panel is first painted and kept alive by one, from cached reads."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, no_update
from dash.exceptions import PreventUpdate
from flask_caching import Cache

from callbacks.answers import AWAY, Answer, MarketAnswers, digits
from callbacks.cached import cached_reads
from callbacks.reads import Market, MarketReads
from layouts import ids
from layouts.figures.depth import depth_figure
from layouts.parts import header
from pipeline.domain.book import BookSnapshot, BookState
from pipeline.domain.faults import TransientError
from pipeline.domain.interval import Interval

STALE_BOOK_MS = 15_000
"""A book nothing has changed for so long is not live."""
_SYMBOL = Input(ids.SYMBOL, "value")
_INTERVAL = Input(ids.INTERVAL, "value")
_BEAT = Input(ids.POLL, "n_intervals")
_SLOW_BEAT = Input(ids.SLOW_POLL, "n_intervals")


def _clock_ms() -> int:
    return time.time_ns() // 1_000_000


def register(app: Dash, *, reads: MarketReads, cache: Cache, now_ms: Callable[[], int] = _clock_ms) -> MarketAnswers:
    """Give the market page its answers; returns them, since the layout's first paint needs the markets as well."""
    kept = cached_reads(reads, cache=cache)
    answers = MarketAnswers(kept, now_ms)
    page = _Page(answers, kept, now_ms)
    app.callback(Output(ids.FIGURE, "data"), _SYMBOL, _INTERVAL, Input(ids.RELOAD, "data"))(page.figure)
    app.callback(
        Output(ids.TICK, "data"),
        _BEAT,
        Input(ids.HAVE, "data"),
        State(ids.SYMBOL, "value"),
        State(ids.INTERVAL, "value"),
    )(page.tick)
    app.callback(
        Output(ids.REVIEW, "data"),
        Input(ids.REVIEW_POLL, "n_intervals"),
        State(ids.SYMBOL, "value"),
        State(ids.INTERVAL, "value"),
        prevent_initial_call=True,
    )(page.review)
    app.callback(Output(ids.BOOK, "data"), _BEAT, _SYMBOL)(page.book)
    app.callback(Output(ids.TRADES, "data"), _BEAT, _SYMBOL, Input(ids.REFETCH, "data"))(page.trades)
    app.callback(Output(ids.FEED, "data"), _BEAT, _SYMBOL)(page.feed)
    app.callback(
        Output(ids.DEPTH, "figure"),
        Output(f"{ids.DEPTH_PANEL}-note", "children"),
        Output(ids.DEPTH_PANEL, "data-state"),
        _SLOW_BEAT,
        _SYMBOL,
    )(page.depth)
    app.callback(
        Output(ids.STATS, "children"),
        Output(ids.SOURCE, "children"),
        Output(ids.HISTORY, "children"),
        _SLOW_BEAT,
        _SYMBOL,
    )(page.header)
    app.callback(Output(ids.SYMBOL, "options"), Output(ids.MARKETS, "data"), _SLOW_BEAT, State(ids.MARKETS, "data"))(
        page.markets
    )
    _register_glue(app)
    return answers


def _register_glue(app: Dash) -> None:
    """Hand each answer to the browser file of the same name."""
    hand_over: Any = app.clientside_callback  # untyped in Dash
    hand_over(
        ClientsideFunction("feed", "wanted"),
        Output(ids.SYMBOL, "value"),
        Input(ids.SYMBOL, "id"),
        State(ids.SYMBOL, "options"),
        State(ids.SYMBOL, "value"),
    )
    for namespace, function, inputs in (
        ("feed", "select", [_SYMBOL, _INTERVAL]),
        ("feed", "markets", [Input(ids.MARKETS, "data")]),
        ("feed", "state", [Input(ids.FEED, "data")]),
        ("candles", "figure", [Input(ids.FIGURE, "data")]),
        ("candles", "tick", [Input(ids.TICK, "data")]),
        ("candles", "review", [Input(ids.REVIEW, "data")]),
        ("ladder", "book", [Input(ids.BOOK, "data")]),
        ("trades", "list", [Input(ids.TRADES, "data")]),
    ):
        hand_over(ClientsideFunction(namespace, function), *inputs)


class _Page:
    """The callbacks as functions of what the browser sent; anything unfit is answered with nothing."""

    def __init__(self, answers: MarketAnswers, reads: MarketReads, now_ms: Callable[[], int]) -> None:
        self._answers = answers
        self._reads = reads
        self._now_ms = now_ms

    def figure(self, symbol: Any, interval: Any, _reload: Any) -> Answer:
        return self._answers.figure(_name(symbol), _interval(interval))

    def tick(self, _beat: Any, have: Mapping[str, Any] | None, symbol: Any, interval: Any) -> Answer:
        return self._answers.tick(_name(symbol), _interval(interval), have)

    def review(self, _beat: Any, symbol: Any, interval: Any) -> Answer:
        return self._answers.review(_name(symbol), _interval(interval))

    def book(self, _beat: Any, symbol: Any) -> Answer:
        return self._answers.book(_name(symbol))

    def trades(self, _beat: Any, symbol: Any, _refetch: Any) -> Answer:
        return self._answers.trades(_name(symbol))

    def feed(self, _beat: Any, symbol: Any) -> Answer:
        return self._answers.feed(_name(symbol))

    def depth(self, _beat: Any, symbol: Any) -> tuple[Any, str, str]:
        try:
            book = self._reads.book(_name(symbol))
        except TransientError:
            return no_update, AWAY, "error"
        return depth_figure(book), *depth_state(book, now_ms=self._now_ms())

    def header(self, _beat: Any, symbol: Any) -> tuple[Any, Any, Any]:
        name = _name(symbol)
        try:
            ticker, state = self._reads.ticker(name), self._reads.feed_state(name)
        except TransientError:
            return no_update, no_update, no_update
        market = self._answers.market(name)
        stats = header.stats(
            digits=self._answers.price_digits(name),
            change_percent=ticker.change_percent, change=ticker.change, high=ticker.high, low=ticker.low,
            volume=ticker.volume, quote_volume=ticker.quote_volume,
            base=market.base if market is not None else "", quote=market.quote if market is not None else "",
        )  # fmt: skip
        return stats, header.source_badge(state.source), header.history_progress(state.history)

    def markets(self, _beat: Any, known: Any) -> tuple[Any, Any]:
        markets = self._answers.markets()
        told = {market.symbol: digits(market) for market in markets}
        if not told or told == known:
            raise PreventUpdate
        return options(markets), told


def options(markets: list[Market]) -> list[header.Option]:
    """The entries of the symbol picker."""
    return [header.symbol_option(symbol=market.symbol, base=market.base, quote=market.quote) for market in markets]


def depth_state(book: BookSnapshot | None, *, now_ms: int) -> tuple[str, str]:
    """(words, state) of the depth panel."""
    if book is None or not (book.bids and book.asks):
        return "No order book yet", "empty"
    if book.state is not BookState.SYNCED:
        return "Resyncing with the exchange", "stale"
    silent_ms = now_ms - book.received_ms
    if silent_ms > STALE_BOOK_MS:
        return f"Last change {silent_ms // 1000} s ago", "stale"
    return "", "live"


def _name(symbol: Any) -> str:
    if not isinstance(symbol, str):
        raise PreventUpdate
    return symbol


def _interval(value: Any) -> Interval:
    try:
        return Interval(value)
    except ValueError:
        raise PreventUpdate from None
