"""Each page has its address; what lies below one and is none of its files does not exist."""

import re

import pytest
from flask import Flask

from app.factory import create_app
from app.reads.windows import WINDOWS_MS
from layouts.pages.markets import WINDOWS
from pipeline.settings import Settings

PAGES = {
    "/": "Candlestream", "/markets": "Markets · Candlestream", "/system": "System · Candlestream",
    "/data-quality": "Data quality · Candlestream",
}  # fmt: skip
MARKET_ONLY = ("candles.js", "feed.js", "feed.sockets.js", "header.js", "ladder.js", "trades.js")


@pytest.fixture(scope="module")
def app() -> Flask:
    return create_app(
        Settings(source="simulator", redis_port=9, mongo_uri="mongodb://127.0.0.1:9", http_port=8050, push_port=8051)
    )


def scripts(app: Flask, path: str) -> set[str]:
    """The names of a page's own scripts."""
    return set(re.findall(r"assets/([\w.]+\.js)\?", app.test_client().get(path).get_data(as_text=True)))


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_served_without_a_store_and_has_its_title(app: Flask, path: str) -> None:
    answer = app.test_client().get(path)
    assert answer.status_code == 200
    assert f"<title>{PAGES[path]}</title>" in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    "path", ["/market", "/markets/BTCUSDT", "/markets/a/b", "/system/x", "/systems", "/Markets", "/data-quality/x"]
)
def test_what_is_no_page_is_a_problem_and_404(app: Flask, path: str) -> None:
    answer = app.test_client().get(path)
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")


def test_only_the_market_page_loads_what_opens_sockets(app: Flask) -> None:
    assert scripts(app, "/").issuperset(MARKET_ONLY)
    assert scripts(app, "/markets") == scripts(app, "/system") == {"board.js"}
    assert scripts(app, "/data-quality") == {"board.js", "quality.js"}


@pytest.mark.parametrize("path", ["/markets", "/system", "/data-quality"])
def test_each_page_takes_its_own_callbacks_only(app: Flask, path: str) -> None:
    body = {"output": "ladder-book.data", "outputs": {"id": "ladder-book", "property": "data"}, "inputs": []}
    answer = app.test_client().post(f"{path}/_dash-update-component", json=body)
    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")


def test_the_page_offers_the_windows_that_are_folded() -> None:
    assert list(WINDOWS) == list(WINDOWS_MS)
