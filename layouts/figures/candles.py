"""Candles and their volume as one figure; closed bars only, the forming one is drawn over it in the browser."""

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from layouts import theme
from pipeline.domain.candle import Candle
from pipeline.domain.interval import Interval

VISIBLE_BARS = 120
"""How many bars the first view shows; the rest is there to be panned to."""
RIGHT_BARS = 8
"""Room kept free to the right of the newest bar."""
HEADROOM = 0.08
"""Free share of the price range above and below."""
VOLUME_SHARE = 0.17
"""Height of the volume axis as a share of the chart."""


def bar_row(candle: Candle) -> list[float]:
    """One bar as the browser keeps it: [openTime ms, open, high, low, close, volume]."""
    prices = (candle.open, candle.high, candle.low, candle.close, candle.volume)
    return [candle.open_ms, *map(float, prices)]


def candles_figure(candles: Sequence[Candle], *, symbol: str, interval: Interval, digits: int = 2) -> go.Figure:
    """Candlesticks over a volume axis of their own; ``candles`` are closed and oldest first, prices are
    labelled with ``digits`` after the point.

    Arrays are plain lists, because the browser extends them in place.
    """
    rows = [bar_row(candle) for candle in candles]
    return go.Figure(
        data=[_candlestick(rows), _volume(rows, interval=interval)],
        layout=_layout(rows, symbol=symbol, interval=interval, digits=digits),
    )


def _candlestick(rows: list[list[float]]) -> go.Candlestick:
    column = _columns(rows)
    return go.Candlestick(
        x=column[0], open=column[1], high=column[2], low=column[3], close=column[4],
        name="Price", hoverinfo="none", line={"width": 1},
        increasing={"line": {"color": theme.UP}, "fillcolor": theme.UP_FILL},
        decreasing={"line": {"color": theme.DOWN}, "fillcolor": theme.DOWN_FILL},
    )  # fmt: skip


def _volume(rows: list[list[float]], *, interval: Interval) -> go.Bar:
    column = _columns(rows)
    return go.Bar(
        x=column[0], y=column[5], width=int(interval.ms * 0.8), yaxis="y2", name="Volume", hoverinfo="none",
        marker={"color": [volume_colour(row) for row in rows], "line": {"width": 0}},
    )  # fmt: skip


def volume_colour(row: Sequence[float]) -> str:
    """The colour of a bar's volume: by whether it closed at or above its open."""
    return theme.UP_VOLUME if row[4] >= row[1] else theme.DOWN_VOLUME


def _columns(rows: list[list[float]]) -> list[list[float]]:
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(6)]


def _layout(rows: list[list[float]], *, symbol: str, interval: Interval, digits: int) -> dict[str, Any]:
    seen = rows[-VISIBLE_BARS:]
    return {
        "template": "none", "uirevision": f"{symbol}|{interval.value}",
        "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 8, "r": 76, "t": 8, "b": 26}, "showlegend": False,
        "annotations": [_ZONE],
        "meta": {"up": theme.UP_VOLUME, "down": theme.DOWN_VOLUME},
        "font": {"family": theme.FONT, "color": theme.MUTED, "size": 11},
        "dragmode": "pan", "hovermode": "x", "hoverdistance": -1, "spikedistance": -1, "boxgap": 0.2, "boxgroupgap": 0,
        "xaxis": _time_axis(seen, interval=interval),
        "yaxis": _price_axis(seen, digits=digits), "yaxis2": _volume_axis(seen),
    }  # fmt: skip


def _time_axis(rows: list[list[float]], *, interval: Interval) -> dict[str, Any]:
    axis: dict[str, Any] = theme.AXIS | _SPIKE | {
        "type": "date", "anchor": "y2", "rangeslider": {"visible": False}, "spikesnap": "hovered data",
        "showgrid": True, "automargin": False, "nticks": 9, "tickformatstops": _TIMES,
    }  # fmt: skip
    if rows:
        first = min(rows[0][0], rows[-1][0] - VISIBLE_BARS * interval.ms // 2)
        axis["range"] = [first - interval.ms, rows[-1][0] + RIGHT_BARS * interval.ms]
    return axis


def _price_axis(rows: list[list[float]], *, digits: int) -> dict[str, Any]:
    axis = theme.AXIS | _SPIKE | {"side": "right", "domain": [VOLUME_SHARE + 0.04, 1], "nticks": 9, "fixedrange": False}
    axis["tickformat"] = f",.{digits}f"
    if rows:
        low, high = min(row[3] for row in rows), max(row[2] for row in rows)
        room = (high - low or high * 0.001) * HEADROOM
        axis["range"] = [low - room, high + room]
    return axis | {"spikesnap": "cursor"}


def _volume_axis(rows: list[list[float]]) -> dict[str, Any]:
    axis = theme.AXIS | {
        "side": "right", "domain": [0, VOLUME_SHARE], "nticks": 3, "fixedrange": True, "showgrid": False,
        "tickmode": "auto", "tickformat": "~s",
    }  # fmt: skip
    if rows:
        axis["range"] = [0, max(row[5] for row in rows) * 1.1 or 1]
    return axis


_TIMES = [
    {"dtickrange": [None, 21_600_000], "value": "%H:%M"},
    {"dtickrange": [28_800_000, 43_200_000], "value": "%d %b %H:%M"},
    {"dtickrange": [86_400_000, "M1"], "value": "%d %b"},
    {"dtickrange": ["M1", None], "value": "%b %Y"},
]
"""One line a label: Plotly's own puts the date on a second one, for which there is no room."""
_ZONE = {
    "text": "UTC", "xref": "paper", "yref": "paper", "x": 1, "y": 0, "xanchor": "left", "yanchor": "top",
    "xshift": 8, "yshift": -3, "showarrow": False, "font": {"size": 11, "color": theme.MUTED},
}  # fmt: skip
"""What zone the time axis is in."""
_SPIKE = {
    "showspikes": True,
    "spikemode": "across",
    "spikethickness": 1,
    "spikedash": "dot",
    "spikecolor": theme.MUTED,
}
