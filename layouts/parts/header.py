"""The header: which market, its price and last 24 hours, where the data comes from and how it arrives."""

from collections.abc import Sequence
from decimal import Decimal

import dash_bootstrap_components as dbc
from dash import dcc, html
from dash.development.base_component import Component

from layouts import ids
from layouts.digits import compact, direction, grouped, signed_percent
from layouts.parts.attributes import aria
from layouts.parts.feed import connection
from layouts.parts.navigation import MARKET, navigation

Option = dict[str, str]

_SOURCES = {
    "binance": ("BINANCE", "Live market data from Binance"),
    "simulator": ("SIMULATED", "Synthetic prices made on this machine. Not a real market."),
    "replay": ("REPLAY", "A recorded session played back. Not the market of this moment."),
}


def header(*, options: Sequence[Option], symbol: str) -> Component:
    """The bar above the panels; its values are filled in by callbacks."""
    return html.Header(
        className="cs-header",
        children=[
            html.H1("Candlestream", className="cs-brand"),
            navigation(current=MARKET),
            symbol_picker(options=options, symbol=symbol),
            html.Div(id=ids.PRICE, className="cs-header-price", **aria(hidden="true")),
            html.Div(id=ids.STATS, className="cs-stats", children=stats(digits=2)),
            html.Div(
                className="cs-header-right",
                children=[
                    html.Div(id=ids.HISTORY, className="cs-history"),
                    html.Div(id=ids.SOURCE, children=source_badge(None)),
                    connection(),
                ],
            ),
            html.Div(id=ids.SPOKEN, className="visually-hidden", role="status", **aria(live="polite")),
        ],
    )


def symbol_picker(*, options: Sequence[Option], symbol: str) -> Component:
    """A searchable list of the markets followed."""
    return html.Div(
        className="cs-symbol",
        children=[
            html.Label("Market", htmlFor=ids.SYMBOL, className="visually-hidden"),
            dcc.Dropdown(
                id=ids.SYMBOL, options=list(options), value=symbol, clearable=False, searchable=True, maxHeight=420
            ),
        ],
    )


def symbol_option(*, symbol: str, base: str, quote: str) -> Option:
    """One entry of the picker: ``BTC/USDT`` for BTCUSDT."""
    return {"label": f"{base}/{quote}", "value": symbol}


def stats(
    *,
    digits: int,
    change_percent: Decimal | None = None,
    change: Decimal | None = None,
    high: Decimal | None = None,
    low: Decimal | None = None,
    volume: Decimal | None = None,
    quote_volume: Decimal | None = None,
    base: str = "",
    quote: str = "",
) -> list[Component]:
    """The last 24 hours, one labelled figure each; a dash where nothing is known yet."""
    change_text = f"{grouped(change, digits=digits)}  {signed_percent(change_percent)}" if change is not None else "–"
    return [
        _stat("24h change", change_text, class_name=f"cs-{direction(change_percent)}"),
        _stat("24h high", grouped(high, digits=digits)),
        _stat("24h low", grouped(low, digits=digits)),
        _stat(f"24h volume {base}".strip(), compact(volume)),
        _stat(f"24h volume {quote}".strip(), compact(quote_volume)),
    ]


def _stat(label: str, value: str, *, class_name: str = "") -> Component:
    return html.Div(
        className="cs-stat",
        children=[
            html.Span(label, className="cs-stat-label"),
            html.Span(value, className=f"cs-stat-value {class_name}"),
        ],
    )


def source_badge(source: str | None) -> Component:
    """Where the data comes from; anything but the real market is unmissable."""
    kind = source or "unknown"
    label, title = _SOURCES.get(kind, ("SOURCE UNKNOWN", "No data has come yet"))
    badge: Component = dbc.Badge(label, className=f"cs-source cs-source-{kind}", title=title)
    return badge


def history_progress(share: float | None) -> list[Component]:
    """How far the loading of history is; nothing while none is loaded."""
    if share is None:
        return []
    percent = round(100 * min(max(share, 0.0), 1.0))
    label = f"Loading history {percent} %"
    return [html.Span(label, className="cs-history-label"), dbc.Progress(value=percent)]
