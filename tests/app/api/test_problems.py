"""Whatever a client sends, it is told what is wrong and with which field, as a problem."""

import time
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from app.factory import create_app
from pipeline.domain import jsontext
from pipeline.settings import Settings
from tests.app.api.shelves import Shelves

CLOSED_PORT = 9
"""The discard port of this machine: nothing listens there."""
MICROSECONDS = 1_700_049_600_000_000

BAD_FIELDS = [
    ("/ohlc", "symbol"),
    ("/ohlc?symbol=", "symbol"),
    ("/ohlc?symbol=BTC-USDT", "symbol"),
    ("/ohlc?symbol=B", "symbol"),
    (f"/ohlc?symbol={'A' * 21}", "symbol"),
    ("/ohlc?symbol=BTCUSDT%00", "symbol"),
    ("/ohlc?symbol=BTCUSDT%0A", "symbol"),
    ("/ohlc?symbol=%FF%FE", "symbol"),
    ("/ohlc?symbol[$ne]=x", "symbol"),
    ("/ohlc?symbol=BTCUSDT&symbol=ETHUSDT", "symbol"),
    ("/ohlc?symbol=BTCUSDT&interval=7m", "interval"),
    ("/ohlc?symbol=BTCUSDT&interval=", "interval"),
    ("/ohlc?symbol=BTCUSDT&collection=15m_kline", "collection"),
    ("/ohlc?symbol=BTCUSDT&collection=5m_kline&interval=1m", "collection"),
    ("/ohlc?symbol=BTCUSDT&limit=0", "limit"),
    ("/ohlc?symbol=BTCUSDT&limit=2001", "limit"),
    ("/ohlc?symbol=BTCUSDT&limit=-5", "limit"),
    ("/ohlc?symbol=BTCUSDT&limit=5.0", "limit"),
    ("/ohlc?symbol=BTCUSDT&limit=1_0", "limit"),
    ("/ohlc?symbol=BTCUSDT&limit=%D9%A3", "limit"),
    (f"/ohlc?symbol=BTCUSDT&limit={'9' * 5000}", "limit"),
    ("/ohlc?symbol=BTCUSDT&limit=5&limit=6", "limit"),
    ("/ohlc?symbol=BTCUSDT&start=-1", "start"),
    ("/ohlc?symbol=BTCUSDT&start=yesterday", "start"),
    (f"/ohlc?symbol=BTCUSDT&start={MICROSECONDS}", "start"),
    (f"/ohlc?symbol=BTCUSDT&end={MICROSECONDS}", "end"),
    ("/ohlc?symbol=BTCUSDT&start=2&end=1", "start"),
    ("/ohlc?symbol=BTCUSDT&sort=desc", "sort"),
    ("/ohlc/realtime?symbol=BTCUSDT&limit=2001", "limit"),
    (f"/ohlc/realtime?symbol=BTCUSDT&start={MICROSECONDS}", "start"),
    ("/latest", "symbol"),
    ("/latest?symbol=BTCUSDT&limit=1", "limit"),
    ("/orderbook?symbol=BTCUSDT&limit=101", "limit"),
    ("/trades?symbol=BTCUSDT&limit=101", "limit"),
    ("/ranking/top-gainers?limit=1001", "limit"),
    ("/ranking/top-gainers?type=sideways", "type"),
    ("/ranking/top-losers?window=2h", "window"),
    ("/prediction/BTC-USDT", "symbol"),
    ("/prediction/BTCUSDT?symbol=BTCUSDT", "symbol"),
    ("/prediction/BTCUSDT/history?limit=0", "limit"),
    ("/predictions?limit=x", "limit"),
    ("/quality?days=0", "days"),
    ("/symbols?all=1", "all"),
    ("/livez?x", "x"),
    ("/openapi.json?x=1", "x"),
]


@pytest.mark.parametrize(("url", "field"), BAD_FIELDS)
def test_bad_input_is_400_and_names_the_field(client: FlaskClient, url: str, field: str) -> None:
    response = client.get(url)
    problem = jsontext.loads(response.get_data())
    assert response.status_code == 400
    assert response.mimetype == "application/problem+json"
    assert problem["field"].startswith(field)
    assert problem["errors"][0].keys() == {"field", "detail"}
    assert (problem["status"], problem["title"]) == (400, "Bad Request")
    assert problem["instance"] == url.partition("?")[0]
    assert problem["type"] == "/docs#bad-parameter"


def test_every_bad_field_is_named_at_once(client: FlaskClient) -> None:
    problem = jsontext.loads(client.get("/ohlc?symbol=BTCUSDT&interval=2m&limit=0").get_data())
    assert [error["field"] for error in problem["errors"]] == ["interval", "limit"]


@pytest.mark.parametrize(
    "url",
    ["/ohlc?", "/ohlc/realtime?", "/latest?", "/orderbook?", "/trades?", "/quality?", "/prediction/NOSUCHUSDT?"],
)
def test_an_unknown_symbol_is_404_and_named(client: FlaskClient, url: str) -> None:
    query = "" if "NOSUCH" in url else "symbol=NOSUCHUSDT"
    response = client.get(url + query)
    problem = jsontext.loads(response.get_data())
    assert (response.status_code, problem["field"]) == (404, "symbol")
    assert "NOSUCHUSDT" in problem["detail"]


def test_a_symbol_that_ingest_dropped_is_unknown(client: FlaskClient, shelves: Shelves) -> None:
    shelves.follow("BTCUSDT")
    assert client.get("/trades?symbol=ETHUSDT").status_code == 404


def test_before_ingest_has_spoken_the_symbols_of_the_settings_are_known(client: FlaskClient, shelves: Shelves) -> None:
    shelves.redis.flushdb()
    assert client.get("/trades?symbol=ETHUSDT").status_code == 200


@pytest.mark.parametrize("path", ["/nothing", "/ohlc/", "/prediction/", "/prediction/A/B/C", "/%00", "/.env"])
def test_what_does_not_exist_is_404(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.mimetype) == (404, "application/problem+json")
    assert jsontext.loads(response.get_data())["status"] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE"])
def test_another_method_is_405_and_says_which_there_are(client: FlaskClient, method: str) -> None:
    response = client.open("/ohlc?symbol=BTCUSDT", method=method)
    assert (response.status_code, response.mimetype) == (405, "application/problem+json")
    assert {"GET", "HEAD", "OPTIONS"} == {name.strip() for name in response.headers["Allow"].split(",")}


def test_head_answers_what_get_answers_without_a_body(client: FlaskClient) -> None:
    response = client.head("/trades?symbol=BTCUSDT")
    assert (response.status_code, response.get_data()) == (200, b"")


def test_too_long_a_body_is_413(client: FlaskClient) -> None:
    response = client.get("/symbols", data=b"x" * (1 << 20 | 1))
    assert (response.status_code, response.mimetype) == (413, "application/problem+json")


def test_another_content_type_than_json_is_415_where_a_body_is_read(client: FlaskClient) -> None:
    response = client.post("/_dash-update-component", data=b"a=b", content_type="text/plain")
    assert (response.status_code, response.mimetype) == (415, "application/problem+json")


AWAY = {
    "redis": ["/latest?symbol=BTCUSDT", "/trades?symbol=BTCUSDT", "/orderbook?symbol=BTCUSDT", "/symbols", "/readyz",
              "/ohlc/realtime?symbol=BTCUSDT", "/ranking/top-gainers", "/prediction/BTCUSDT", "/predictions"],
    "mongodb": ["/ohlc?symbol=BTCUSDT", "/ohlc?symbol=BTCUSDT&interval=1m", "/quality", "/readyz"],
}  # fmt: skip


@pytest.mark.parametrize(("store", "url"), [(store, url) for store, urls in AWAY.items() for url in urls])
def test_a_store_that_is_away_is_503_at_once(settings: Settings, shelves: Shelves, store: str, url: str) -> None:
    client = create_app(without(settings, store)).test_client()
    began = time.monotonic()
    response = client.get(url)
    assert time.monotonic() - began < 4
    assert (response.status_code, response.mimetype) == (503, "application/problem+json")
    assert int(response.headers["Retry-After"]) >= 1


def test_stored_candles_are_served_without_redis(settings: Settings, shelves: Shelves) -> None:
    client = create_app(without(settings, "redis")).test_client()
    assert client.get("/ohlc?symbol=BTCUSDT").status_code == 200


@pytest.mark.parametrize("url", ["/livez", "/health", "/metrics", "/openapi.json", "/docs", "/models"])
def test_what_needs_no_store_answers_without_any(settings: Settings, shelves: Shelves, url: str) -> None:
    client = create_app(without(without(settings, "redis"), "mongodb")).test_client()
    assert client.get(url).status_code == 200


def without(settings: Settings, store: str) -> Settings:
    """The same settings with one store where nothing listens."""
    if store == "redis":
        return replace(settings, redis_port=CLOSED_PORT)
    return replace(settings, mongo_uri=f"mongodb://127.0.0.1:{CLOSED_PORT}")
