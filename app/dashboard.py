"""The dashboard on the Flask server: one Dash application at ``/``."""

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

from callbacks import market
from callbacks.reads import MarketReads
from layouts.figures.depth import depth_figure
from layouts.pages.market import market_page
from layouts.parts.header import symbol_option

TITLE = "Candlestream"
ASSETS = Path(__file__).parent / "assets"
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
    """Serve the page from ``server``; ``cache`` must already belong to it, ``push_port`` is where the page finds push.

    Everything the page loads comes from this server: nothing from a CDN, no inline script of ours.
    """
    to_json_plotly(depth_figure(None))  # what Plotly loads with its first figure no request waits for
    silent: Any = None  # Dash's annotation of update_title leaves out its own None
    host: Any = server  # and that of server the Flask it documents
    app = Dash(
        "candlestream",
        server=host,
        assets_folder=str(ASSETS),
        serve_locally=True,
        compress=True,
        title=TITLE,
        update_title=silent,
        index_string=_INDEX,
        meta_tags=[
            {"name": "viewport", "content": "width=device-width, initial-scale=1"},
            {"name": "color-scheme", "content": "dark"},
            {"name": "description", "content": "Live candles, order book, depth and trades of crypto markets"},
        ],
    )
    answers = market.register(app, reads=reads, cache=cache)

    def page() -> Component:
        options = market.options(answers.markets()) or [FIRST_MARKET]
        return market_page(options=options, symbol=options[0]["value"], push_port=push_port)

    app.layout = page
    return app
