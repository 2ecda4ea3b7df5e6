"""The chart's panel: an empty box that ``candles.js`` fills with the figure made in ``layouts/figures/candles.py``."""

from dash import html
from dash.development.base_component import Component

from layouts import ids
from layouts.parts.attributes import aria
from layouts.parts.choice import choice
from layouts.parts.panel import panel
from pipeline.domain.interval import Interval


def chart_panel(*, interval: Interval) -> Component:
    """The chart with its interval picker and the line that spells out the bar under the pointer."""
    return panel(
        ids.CHART_PANEL,
        title="Chart",
        class_name="cs-chart",
        extra=[interval_picker(interval=interval)],
        body=[
            html.Div(id=ids.LEGEND, className="cs-legend", **aria(hidden="true")),
            html.Figure(
                id=ids.CHART,
                className="cs-plot",
                role="group",
                tabIndex="0",
                **aria(label="Candlestick chart with volume, times in UTC"),
            ),
        ],
    )


def interval_picker(*, interval: Interval) -> Component:
    """One choice of the six intervals; arrow keys move between them."""
    return choice(ids.INTERVAL, options={each.value: each.value for each in Interval}, value=interval.value)
