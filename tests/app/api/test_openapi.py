"""The document describes the server, and the server does what the document says."""

from typing import Any

import pytest
import schemathesis
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import validate
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import from_schema
from schemathesis.engine.events import FatalError, NonFatalError, ScenarioFinished

from pipeline.domain import jsontext, names
from pipeline.domain.interval import DAY_MS
from tests.app.api.shelves import Shelves, heard, now_ms
from tests.words import a_candle, a_snapshot, a_trade, forming

CONTRACT = {
    "/ohlc", "/ohlc/realtime", "/latest", "/orderbook", "/trades", "/ranking/top-gainers", "/ranking/top-losers",
    "/prediction/{symbol}", "/predictions", "/prediction/{symbol}/history", "/models", "/quality", "/symbols",
    "/health", "/livez", "/readyz", "/metrics", "/openapi.json", "/docs",
}  # fmt: skip
_PAGES_AND_SOCKETS = ("/markets", "/system", "/data-quality", "/_", "/assets", "/ws/", "/<path:path>")


@pytest.fixture
def described(client: FlaskClient) -> Any:
    return jsontext.loads(client.get("/openapi.json").get_data())


@pytest.fixture
def filled(shelves: Shelves) -> Shelves:
    shelves.archive(*(a_candle(minute) for minute in range(1_500)))
    shelves.remember(*(a_candle(minute) for minute in range(1_400, 1_500)))
    for symbol in ("BTCUSDT", "ETHUSDT"):
        shelves.latest(heard(forming(1_500, symbol=symbol)))
        shelves.trades(a_trade(1, symbol=symbol))
        shelves.book(a_snapshot(symbol=symbol, received_ms=now_ms()))
    shelves.redis.set(names.prediction_key("BTCUSDT"), jsontext.dumps({"symbol": "BTCUSDT", "direction": "UP"}))
    return shelves


def test_the_document_is_valid_openapi(described: Any) -> None:
    validate(described)
    assert described["openapi"].startswith("3.1")


def test_every_route_of_the_contract_is_described(described: Any) -> None:
    assert set(described["paths"]) == CONTRACT


def test_no_route_is_undescribed(app: Flask, described: Any) -> None:
    served = {
        rule.rule.replace("<", "{").replace(">", "}")
        for rule in app.url_map.iter_rules()
        if rule.rule != "/" and not rule.rule.startswith(_PAGES_AND_SOCKETS)
    }
    assert served == set(described["paths"])


def test_parameters_carry_the_contract_s_bounds_and_defaults(described: Any) -> None:
    parameters = {each["name"]: each for each in described["paths"]["/ohlc"]["get"]["parameters"]}
    assert parameters["symbol"]["required"] is True
    assert parameters["interval"]["schema"]["enum"] == ["1m", "5m", "15m", "1h", "4h", "1d"]
    assert parameters["interval"]["schema"]["default"] == "5m"
    limit = parameters["limit"]["schema"]
    assert (limit["minimum"], limit["maximum"], limit["default"]) == (1, 2000, 200)


def test_the_page_of_the_document_loads_nothing_from_elsewhere(client: FlaskClient, described: Any) -> None:
    page = client.get("/docs")
    text = page.get_data(as_text=True)
    assert page.mimetype == "text/html"
    assert all(f"GET {path}<" in text for path in described["paths"])
    assert "<script" not in text
    assert "//" not in text.replace("<!doctype", "")


def test_every_kind_of_problem_is_explained_where_its_type_points(client: FlaskClient) -> None:
    page = client.get("/docs").get_data(as_text=True)
    for url in ("/ohlc", "/trades?symbol=NOSUCHUSDT", "/latest?symbol=BTCUSDT", "/nothing", "/readyz"):
        kind = jsontext.loads(client.get(url).get_data())["type"].removeprefix("/docs#")
        assert f'id="{kind}"' in page


@schemathesis.hook
def filter_case(_context: Any, case: Any) -> bool:
    """Leave out what no schema can say: two parameters that contradict one another, or ask for too much together."""
    query = case.query or {}
    try:
        length_ms = int(query.get("end", 1 << 60)) - int(query.get("start", 0))
    except (TypeError, ValueError):
        length_ms = 1
    if case.path == "/quality" and "start" in query:
        return 0 < length_ms < 300 * DAY_MS
    backwards = length_ms < 0
    collection = str(query.get("collection", "")).partition("_")[0]
    both = "collection" in query and "interval" in query
    return not (case.path == "/ohlc" and (backwards or (both and collection != query["interval"])))


def test_the_server_does_what_the_document_says(app: Flask, filled: Shelves) -> None:
    uncompressed = {"Accept-Encoding": "identity"}  # in process nobody unpacks the answer
    config = SchemathesisConfig.from_dict(
        {
            "generation": {"max-examples": 15, "deterministic": True},
            "phases": {"stateful": {"enabled": False}},
            "headers": uncompressed,
        }
    )
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app, config=config)
    seen, failures = 0, []
    for event in from_schema(schema).execute():
        assert not isinstance(event, NonFatalError | FatalError), event
        if isinstance(event, ScenarioFinished):
            seen += len(event.recorder.cases)
            failures += _failures(event)
    assert not failures, "\n".join(failures[:10])
    assert seen > 15 * len(CONTRACT)


def _failures(event: ScenarioFinished) -> list[str]:
    recorder = event.recorder
    return [
        f"{check.name} {recorder.cases[case_id].value.as_curl_command()}: {check.failure_info.failure}"
        for case_id, checks in recorder.checks.items()
        for check in checks
        if check.failure_info is not None
    ]
