"""The market page over HTTP: it is served whole, and no request a client can send is a 500."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_caching import Cache

from app.dashboard import TITLE, mount_dashboard
from callbacks.market import depth_state
from layouts import ids
from pipeline.domain.book import BookSnapshot, BookState
from tests.callbacks.memory_reads import MemoryReads

NOW_MS = 1_700_049_630_000


@pytest.fixture
def reads() -> MemoryReads:
    return MemoryReads(now_ms=lambda: NOW_MS)


@pytest.fixture
def client(reads: MemoryReads) -> FlaskClient:
    server = Flask("market")
    cache = Cache(server, config={"CACHE_TYPE": "NullCache", "CACHE_NO_NULL_WARNING": True})
    mount_dashboard(server, reads, cache, 8051)
    return server.test_client()


def ask(client: FlaskClient, output: str, inputs: dict[str, Any], state: dict[str, Any] | None = None) -> Any:
    def items(values: dict[str, Any]) -> list[dict[str, Any]]:
        named = ((*name.split("."), value) for name, value in values.items())
        return [{"id": part, "property": prop, "value": value} for part, prop, value in named]

    identity, _, prop = output.partition(".")
    body = {
        "output": output, "outputs": {"id": identity, "property": prop},
        "inputs": items(inputs), "state": items(state or {}), "changedPropIds": [],
    }  # fmt: skip
    return client.post("/_dash-update-component", json=body)


def test_the_page_is_served_from_here_alone(client: FlaskClient) -> None:
    html = client.get("/").get_data(as_text=True)
    assert f"<title>{TITLE}</title>" in html
    assert 'data-bs-theme="dark"' in html
    assert "https://" not in html
    for name in ("bootstrap.min.css", "candlestream.css", "candles.js", "feed.js", "ladder.js", "trades.js"):
        assert name in html


def test_the_layout_offers_the_markets_followed(client: FlaskClient) -> None:
    assert "DOGE/USDT" in str(client.get("/_dash-layout").json)


def test_the_layout_is_served_while_the_store_is_away(client: FlaskClient, reads: MemoryReads) -> None:
    reads.away = True
    answer = client.get("/_dash-layout")
    assert answer.status_code == 200
    assert "BTCUSDT" in answer.get_data(as_text=True)


def test_a_ladder_is_answered(client: FlaskClient) -> None:
    answer = ask(client, "ladder-book.data", {"poll.n_intervals": 1, "symbol.value": "BTCUSDT"})
    assert answer.json["response"][ids.BOOK]["data"]["status"] == "ok"


@pytest.mark.parametrize("symbol", [None, 7, "NOSUCH", {"a": 1}, ["BTCUSDT"], ""])
def test_no_symbol_is_a_server_error(client: FlaskClient, symbol: Any) -> None:
    answer = ask(client, "ladder-book.data", {"poll.n_intervals": 1, "symbol.value": symbol})
    assert answer.status_code in (200, 204)


@pytest.mark.parametrize("interval", [None, "7m", 5, ["1m"]])
def test_no_interval_is_a_server_error(client: FlaskClient, interval: Any) -> None:
    inputs = {"symbol.value": "BTCUSDT", "interval.value": interval, "candles-reload.data": 0}
    assert ask(client, "candles-figure.data", inputs).status_code == 204


def test_a_store_that_is_away_is_an_answer_and_no_server_error(client: FlaskClient, reads: MemoryReads) -> None:
    reads.away = True
    answer = ask(client, "ladder-book.data", {"poll.n_intervals": 1, "symbol.value": "BTCUSDT"})
    assert answer.status_code == 200
    assert answer.json["response"][ids.BOOK]["data"]["message"] == "Store is away, retrying"


def test_a_book_that_is_being_mended_is_not_called_live() -> None:
    def book(**other: Any) -> BookSnapshot:
        level = ((1, 1),)
        fields = {"symbol": "BTCUSDT", "last_update_id": 1, "bids": level, "asks": level, "event_ms": 0}
        return BookSnapshot(**{**fields, "received_ms": NOW_MS, **other})

    assert depth_state(book(), now_ms=NOW_MS)[1] == "live"
    assert depth_state(book(state=BookState.RESYNCING), now_ms=NOW_MS)[1] == "stale"
    assert depth_state(book(received_ms=NOW_MS - 60_000), now_ms=NOW_MS) == ("Last change 60 s ago", "stale")
    assert depth_state(None, now_ms=NOW_MS)[1] == "empty"
