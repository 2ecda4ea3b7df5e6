"""The order book as two walls: how much rests up to each price on either side."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import accumulate
from typing import Any

import plotly.graph_objects as go

from layouts import theme
from pipeline.domain.book import BookSnapshot, Level

LEVELS = 150
"""Levels drawn a side at most."""


def depth_figure(book: BookSnapshot | None) -> go.Figure:
    """Cumulative bids and asks as step areas; an empty frame where there is no book.

    Both sides span the same distance from the middle, so that neither looks heavier only by reaching further.
    """
    bids, asks = _walls(book) if book is not None and book.bids and book.asks else ((), ())
    return go.Figure(
        data=[
            _wall(bids, name="Bids", line=theme.UP, area=theme.UP_AREA),
            _wall(asks, name="Asks", line=theme.DOWN, area=theme.DOWN_AREA),
        ],
        layout=_layout(symbol=book.symbol if book is not None else ""),
    )


def _walls(book: BookSnapshot) -> tuple[Sequence[Level], Sequence[Level]]:
    bids, asks = book.bids[:LEVELS], book.asks[:LEVELS]
    middle = (bids[0][0] + asks[0][0]) / 2
    reach = min(middle - bids[-1][0], asks[-1][0] - middle)
    near = (
        [level for level in bids if middle - level[0] <= reach],
        [level for level in asks if level[0] - middle <= reach],
    )
    return near[0] or bids[:1], near[1] or asks[:1]


def _wall(levels: Sequence[Level], *, name: str, line: str, area: str) -> go.Scatter:
    sums = accumulate((quantity for _, quantity in levels), initial=Decimal(0))
    return go.Scatter(
        x=[float(price) for price, _ in levels], y=[float(total) for total in list(sums)[1:]],
        name=name, mode="lines", fill="tozeroy", fillcolor=area, line={"shape": "hv", "color": line, "width": 1.5},
        hovertemplate="%{x:,} · %{y:,.4~f}<extra>" + name + "</extra>",
    )  # fmt: skip


def _layout(*, symbol: str) -> dict[str, Any]:
    return {
        "template": "none", "uirevision": symbol, "showlegend": False,
        "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 8, "r": 76, "t": 6, "b": 22},
        "font": {"family": theme.FONT, "color": theme.MUTED, "size": 11},
        "hovermode": "x", "hoverlabel": {"bgcolor": theme.PANEL, "font": {"color": theme.TEXT}},
        "dragmode": False,
        "annotations": [_side_name("Bids", x=0.25), _side_name("Asks", x=0.75)],
        "xaxis": theme.AXIS | {"fixedrange": True, "showgrid": False, "tickformat": ",", "nticks": 7},
        "yaxis": theme.AXIS | {
            "fixedrange": True, "side": "right", "rangemode": "tozero", "nticks": 4, "tickformat": "~s",
        },
    }  # fmt: skip


def _side_name(name: str, *, x: float) -> dict[str, Any]:
    return {
        "text": name, "xref": "paper", "yref": "paper", "x": x, "y": 1, "xanchor": "center", "yanchor": "top",
        "showarrow": False, "font": {"size": 11, "color": theme.MUTED},
    }  # fmt: skip
