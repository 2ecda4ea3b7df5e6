"""The ranking: one row a market, its change over the window as figure, mark, sign and bar."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import quote as quoted

from dash import html
from dash.development.base_component import Component

from layouts.digits import compact, direction, grouped, marked_percent, spell
from layouts.parts.attributes import aria
from layouts.parts.table import Column, cell, head, number, row, table

STALE_MS = 15_000
"""A price older than this is called stale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """One market's row: its figures over the window, and how old its price is."""

    symbol: str
    base: str
    quote: str
    price: Decimal
    digits: int
    change_percent: Decimal
    quote_volume: Decimal
    base_volume: Decimal
    age_ms: int

    @property
    def is_stale(self) -> bool:
        """Whether nothing has come for too long."""
        return self.age_ms >= STALE_MS


def ranking_table(rows: Sequence[Ranked], *, caption: str, window: str) -> Component:
    """``rows`` in their order; bars are drawn to the scale of the largest change."""
    largest = max((abs(each.change_percent) for each in rows), default=Decimal(0))
    return table(
        caption=caption,
        class_name="cs-ranking",
        columns=[
            Column(name="#", class_name="cs-num cs-place"),
            Column(name="Market"),
            Column(name="Price", class_name="cs-num"),
            Column(name=f"Change {window}", class_name="cs-num"),
            Column(name="", class_name="cs-wide cs-swing"),
            Column(name=f"Volume {window}", class_name="cs-num"),
            Column(name=f"Base volume {window}", class_name="cs-num cs-wide"),
            Column(name="As of", class_name="cs-num"),
        ],
        rows=[_row(each, place=place, largest=largest) for place, each in enumerate(rows, start=1)],
    )


def _row(ranked: Ranked, *, place: int, largest: Decimal) -> Component:
    return row(
        number(str(place), "cs-place"),
        head(market_link(ranked)),
        number(grouped(ranked.price, digits=ranked.digits)),
        number(marked_percent(ranked.change_percent), f"cs-{direction(ranked.change_percent)} cs-change"),
        cell(swing(ranked.change_percent, largest=largest), "cs-wide cs-swing"),
        cell([compact(ranked.quote_volume, gap=" "), _unit(ranked.quote)], "cs-num cs-volume"),
        cell([compact(ranked.base_volume, gap=" "), _unit(ranked.base)], "cs-num cs-wide"),
        number(f"{spell(ranked.age_ms)} ago" + (", stale" if ranked.is_stale else ""), "cs-age"),
        class_name="cs-stale" if ranked.is_stale else "",
    )


def _unit(asset: str) -> Component:
    return html.Span(f" {asset}", className="cs-unit cs-wide")


def market_link(ranked: Ranked) -> Component:
    """The market's name, which leads to its page."""
    return html.A(
        [ranked.base, html.Span(f"/{ranked.quote}", className="cs-quote")],
        href=f"/?symbol={quoted(ranked.symbol, safe='')}",
        className="cs-market-link",
    )


def swing(change_percent: Decimal, *, largest: Decimal) -> Component:
    """A bar from the middle, to the right for a rise and to the left for a fall."""
    share = abs(change_percent) / largest * 50 if largest else Decimal(0)
    side = "left" if change_percent >= 0 else "right"
    return html.Div(
        className="cs-swing-track",
        children=html.I(
            className=f"cs-swing-bar cs-swing-{direction(change_percent)}",
            style={side: "50%", "width": f"{share:.1f}%"},
        ),
        **aria(hidden="true"),
    )
