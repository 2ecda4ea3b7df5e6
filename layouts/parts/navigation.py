"""The way between the pages: the same words in every header, the page one is on said to be current."""

from dash import html
from dash.development.base_component import Component

from layouts.parts.attributes import aria

MARKET, MARKETS, QUALITY, SYSTEM = "/", "/markets", "/data-quality", "/system"
_NAMES = {MARKET: "Market", MARKETS: "Markets", QUALITY: "Data quality", SYSTEM: "System"}


def navigation(*, current: str) -> Component:
    """A link to every page; ``current`` is the path of the one they stand on."""
    return html.Nav(
        className="cs-nav",
        children=[_link(path, name, is_current=path == current) for path, name in _NAMES.items()],
        **aria(label="Pages"),
    )


def _link(path: str, name: str, *, is_current: bool) -> Component:
    return html.A(name, href=path, className="cs-nav-link", **(aria(current="page") if is_current else {}))
