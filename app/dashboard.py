"""The dashboard on the Flask server: one Dash application a page, so that none loads, runs or waits for another's."""

from pathlib import Path
from typing import Any

# Plotly takes numpy as soon as sys.modules holds it, also while another thread is still importing it, and then fails on
# what the half of it lacks. So all of it is here before the first request.
import numpy as np  # noqa: F401 - imported for Plotly
from dash import Dash
from dash.development.base_component import Component
from flask import Flask
from flask_caching import Cache
from plotly.io.json import to_json_plotly

from callbacks import market, markets, quality, system
from callbacks.reads import MarketReads, QualityReads, RankingReads, SystemReads
from layouts.figures.depth import depth_figure
from layouts.pages.market import market_page
from layouts.pages.markets import markets_page
from layouts.pages.quality import quality_page
from layouts.pages.system import system_page
from layouts.parts.header import symbol_option
from layouts.parts.navigation import MARKET, MARKETS, QUALITY, SYSTEM

TITLE = "Candlestream"
DESCRIPTION = "Live candles, order book, depth and trades of crypto markets"
ASSETS = Path(__file__).parent / "assets"
_NOT_OF_THE_MARKET = r"^(board\.js|quality\.js|pages\.css|quality\.css)$"
_OF_THE_MARKET = r"^((?!board\.js$).*\.js|quality\.css)$"
"""The market page's scripts open sockets and paint what only that page has."""
_NOT_OF_QUALITY = r"^(?!(board|quality)\.js$).*\.js$"
FIRST_MARKET = symbol_option(symbol="BTCUSDT", base="BTC", quote="USDT")
"""What the picker holds until ingest has said which markets there are."""

_INDEX = """<!DOCTYPE html>
<html lang="en" data-bs-theme="dark">
    <head>
        {%metas%}
        <title>{%title%}</title>
        {%favicon%}
        {%css%}
    </head>
    <body>
        {%app_entry%}
        <footer>
            {%config%}
            {%scripts%}
            {%renderer%}
        </footer>
    </body>
</html>
"""


def mount_dashboard(server: Flask, reads: MarketReads, cache: Cache, push_port: int) -> Dash:
    """Serve the market page from ``server`` at ``/``; ``push_port`` is where the page finds push.

    ``cache`` must already belong to ``server``. Everything a page loads comes from this server: nothing from a CDN, no
    inline script of ours.
    """
    to_json_plotly(depth_figure(None))  # what Plotly loads with its first figure no request waits for
    app = _page(server, MARKET, title=TITLE, described=DESCRIPTION, ignored=_NOT_OF_THE_MARKET)
    answers = market.register(app, reads=reads, cache=cache)

    def page() -> Component:
        options = market.options(answers.markets()) or [FIRST_MARKET]
        return market_page(options=options, symbol=options[0]["value"], push_port=push_port)

    app.layout = page
    return app


def mount_markets(server: Flask, reads: RankingReads, cache: Cache, *, source: str) -> Dash:
    """Serve the markets page from ``server``; ``source`` is where its data comes from."""
    app = _page(server, MARKETS, title=f"Markets · {TITLE}", described="Every market by what it did over a window")
    markets.register(app, reads=reads, cache=cache)
    app.layout = markets_page(source=source)
    return app


def mount_system(server: Flask, reads: SystemReads, cache: Cache, *, source: str) -> Dash:
    """Serve the system page from ``server``; ``source`` is where its data comes from."""
    app = _page(server, SYSTEM, title=f"System · {TITLE}", described="How every part of this stack is")
    system.register(app, reads=reads, cache=cache)
    app.layout = system_page(source=source)
    return app


def mount_quality(server: Flask, reads: QualityReads, cache: Cache, *, source: str) -> Dash:
    """Serve the data quality page from ``server``; ``source`` is where its data comes from."""
    described = "How complete and how far verified the data is"
    app = _page(server, QUALITY, title=f"Data quality · {TITLE}", described=described, ignored=_NOT_OF_QUALITY)
    quality.register(app, reads=reads, cache=cache)
    app.layout = quality_page(source=source)
    return app


def _page(server: Flask, path: str, *, title: str, described: str, ignored: str = _OF_THE_MARKET) -> Dash:
    """An application with its page at ``path`` and its files below, without the assets that match ``ignored``."""
    silent: Any = None  # Dash's annotation of update_title leaves out its own None
    host: Any = server  # and that of server the Flask it documents
    app = Dash(
        "candlestream",
        server=host,
        url_base_pathname=path.rstrip("/") + "/",
        assets_folder=str(ASSETS),
        assets_ignore=ignored,
        serve_locally=True,
        compress=True,
        title=title,
        update_title=silent,
        index_string=_INDEX,
        meta_tags=[
            {"name": "viewport", "content": "width=device-width, initial-scale=1"},
            {"name": "color-scheme", "content": "dark"},
            {"name": "description", "content": described},
        ],
    )
    if path != MARKET:  # Dash's own rule ends in a slash
        server.add_url_rule(path, path, app.index)
    return app
