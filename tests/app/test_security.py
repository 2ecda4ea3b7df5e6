"""What guards the server, without a store: headers on every answer, the policy, the open door."""

import re
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from app.factory import create_app
from app.security import policy, refuse_open_door
from pipeline.domain.faults import MisconfiguredError
from pipeline.settings import Settings

NO_STORES = Settings(
    source="simulator", redis_port=9, mongo_uri="mongodb://127.0.0.1:9", http_port=8050, push_port=8051
)
ROUTES = ["/", "/livez", "/docs", "/openapi.json", "/nothing", "/ohlc", "/assets/candlestream.css", "/_dash-layout"]


@pytest.fixture(scope="module")
def app() -> Flask:
    return create_app(NO_STORES)


@pytest.mark.parametrize("url", ROUTES)
def test_every_answer_says_its_source_and_guards_itself(app: Flask, url: str) -> None:
    headers = app.test_client().get(url).headers
    assert headers["X-Data-Source"] == "simulator"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "Server" not in headers


@pytest.mark.parametrize(("source", "said"), [("binance", "binance"), ("replay:some/folder", "replay")])
def test_the_source_is_one_word(source: str, said: str) -> None:
    client = create_app(replace(NO_STORES, source=source)).test_client()
    assert client.get("/livez").headers["X-Data-Source"] == said


def test_the_page_s_inline_scripts_are_allowed_by_their_hash_and_no_others(app: Flask) -> None:
    page = app.test_client().get("/")
    scripts = directives(page.headers["Content-Security-Policy"])["script-src"]
    assert "'unsafe-inline'" not in scripts
    assert "'unsafe-eval'" not in scripts
    inline = re.findall(r"<script(?![^>]*(?:src=|application/json))[^>]*>", page.get_data(as_text=True))
    assert len([source for source in scripts if source.startswith("'sha256-")]) >= len(inline) > 0


def test_sockets_may_go_to_this_host_on_both_ports(app: Flask) -> None:
    headers = app.test_client().get("/livez", headers={"Host": "charts.example:8050"}).headers
    allowed = directives(headers["Content-Security-Policy"])["connect-src"]
    assert allowed[0] == "'self'"
    assert {"ws://charts.example:8050", "ws://charts.example:8051", "wss://charts.example:8051"} <= set(allowed)


@pytest.mark.parametrize("host", ["a b", "x;script-src *", "e'vil", "", "a,b:80"])
def test_a_strange_host_adds_nothing_to_the_policy(app: Flask, host: str) -> None:
    with app.test_request_context("/", headers={"Host": host}):
        allowed = directives(policy([], ports=(1, 2)))
    assert allowed["script-src"] == ["'self'"]
    assert all(re.fullmatch(r"'self'|wss?://localhost(:\d+)?", source) for source in allowed["connect-src"])


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.8.8"])
def test_loopback_needs_no_credentials(host: str) -> None:
    refuse_open_door(replace(NO_STORES, http_host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "charts.example"])
def test_beyond_loopback_somebody_must_have_said_so(host: str) -> None:
    with pytest.raises(MisconfiguredError, match="ALLOW_ANONYMOUS=1"):
        create_app(replace(NO_STORES, http_host=host))
    refuse_open_door(replace(NO_STORES, http_host=host, allow_anonymous=True))


def test_the_push_process_serves_sockets_and_its_health_only() -> None:
    client = create_app(NO_STORES, push_only=True).test_client()
    assert client.get("/livez").status_code == 200
    assert client.get("/metrics").status_code == 200
    assert client.get("/ohlc?symbol=BTCUSDT").status_code == 404
    assert client.get("/").status_code == 404
    assert client.get("/ws/kline").status_code != 404
    assert client.get("/livez").headers["X-Data-Source"] == "simulator"


BOOK: dict[str, Any] = {
    "output": "ladder-book.data",
    "outputs": {"id": "ladder-book", "property": "data"},
    "inputs": [
        {"id": "poll", "property": "n_intervals", "value": 1},
        {"id": "symbol", "property": "value", "value": "BTCUSDT"},
    ],
    "changedPropIds": ["poll.n_intervals"],
}
NONSENSE: list[Any] = [
    {}, [], "x", 7,
    {"output": "no.such", "inputs": []},
    {"output": {"a": 1}},
    {**BOOK, "output": "no.such"},
    {**BOOK, "outputs": []},
    {**BOOK, "inputs": []},
    {**BOOK, "inputs": "poll"},
    {**BOOK, "inputs": BOOK["inputs"][::-1]},
    {**BOOK, "inputs": [[{"id": "poll", "property": "n_intervals"}]]},
    {**BOOK, "inputs": [{"id": {"type": "x"}, "property": "value"}]},
    {**BOOK, "state": [{"id": "x", "property": "y"}]},
    {**BOOK, "changedPropIds": [None]},
]  # fmt: skip


@pytest.mark.parametrize("body", NONSENSE, ids=str)
def test_a_callback_the_page_cannot_have_sent_is_refused(app: Flask, body: Any) -> None:
    response = app.test_client().post("/_dash-update-component", json=body)
    assert (response.status_code, response.mimetype) == (400, "application/problem+json")


@pytest.mark.parametrize("body", [b"{", b"null", b"", b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_json_is_refused(app: Flask, body: bytes) -> None:
    response = app.test_client().post("/_dash-update-component", data=body, content_type="application/json")
    assert response.status_code == 400


@pytest.mark.parametrize("value", [None, 5, {"$ne": None}, ["BTCUSDT"], "x" * 10_000, "BTCUSDT\n", "\ud800"])
def test_whatever_value_a_callback_gets_is_no_defect(app: Flask, value: Any) -> None:
    inputs = [BOOK["inputs"][0], {"id": "symbol", "property": "value", "value": value}]
    response = app.test_client().post("/_dash-update-component", json={**BOOK, "inputs": inputs})
    assert response.status_code < 500


def test_a_callback_of_the_page_is_answered(app: Flask) -> None:
    response = app.test_client().post("/_dash-update-component", json=BOOK)
    assert response.status_code == 200
    assert response.get_json()["response"]["ladder-book"]["data"]["status"] == "error"


@pytest.mark.parametrize(
    "path", ["dash/no.js", "no_such_package/x.js", "dash/../../etc/passwd", "dash/deps/%00.js", "plotly/x", "dash/"]
)
def test_a_component_file_that_does_not_exist_is_404(app: Flask, path: str) -> None:
    assert app.test_client().get(f"/_dash-component-suites/{path}").status_code == 404


def test_large_answers_are_compressed(app: Flask) -> None:
    response = app.test_client().get("/openapi.json", headers={"Accept-Encoding": "gzip"})
    assert response.headers["Content-Encoding"] == "gzip"


def directives(text: str) -> dict[str, Any]:
    parts = [part.split() for part in text.split(";")]
    return {name: sources for name, *sources in parts}
