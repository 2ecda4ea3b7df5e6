"""Colours and type of the page, used by figures; the style sheet says the same in ``--cs-…`` variables."""

from typing import Any

BACKGROUND = "#0b0e11"
PANEL = "#12161c"
GRID = "#1c222b"
LINE = "#2a313c"
TEXT = "#eaecef"
MUTED = "#929aa5"
UP = "#26a69a"
DOWN = "#ef5350"
UP_FILL = "rgba(38,166,154,0.35)"
DOWN_FILL = "rgba(239,83,80,0.92)"
UP_AREA = "rgba(38,166,154,0.20)"
DOWN_AREA = "rgba(239,83,80,0.20)"
UP_VOLUME = "rgba(38,166,154,0.45)"
DOWN_VOLUME = "rgba(239,83,80,0.45)"
FONT = "Inter, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

AXIS: dict[str, Any] = {
    "color": MUTED,
    "gridcolor": GRID,
    "linecolor": LINE,
    "zeroline": False,
    "tickfont": {"size": 11, "color": MUTED},
}
"""What every axis of every figure looks like."""

CONFIG: Any = {"displayModeBar": False, "showSendToCloud": False, "displaylogo": False}
"""What every figure tells Plotly: no tool bar, and no button that uploads the chart."""
