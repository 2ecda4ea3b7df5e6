"""A row of choices of which one holds, each as wide as its word."""

from collections.abc import Mapping

import dash_bootstrap_components as dbc
from dash.development.base_component import Component


def choice(choice_id: str, *, options: Mapping[str, str], value: str) -> Component:
    """One of ``options`` (value to label) is chosen; arrow keys move between them."""
    picker: Component = dbc.RadioItems(
        id=choice_id,
        className="cs-intervals",
        options=[{"label": label, "value": each} for each, label in options.items()],
        value=value,
        inline=True,
        inputClassName="btn-check",
        labelClassName="cs-interval",
        labelCheckedClassName="active",
    )
    return picker
