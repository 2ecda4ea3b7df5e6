"""Ready means ready, and whatever is not fine is said."""

from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from app.factory import create_app
from app.reads.market import StoreReads
from pipeline.domain.book import BookState
from pipeline.settings import Settings
from tests.app.api.asking import get
from tests.app.api.shelves import Shelves, heard, now_ms
from tests.words import a_candle, a_snapshot, forming


def test_alive_is_said_without_asking_anybody(client: FlaskClient) -> None:
    assert get(client, "/livez")["status"] == "alive"


def test_ready_when_every_market_was_heard_of_lately(client: FlaskClient, shelves: Shelves) -> None:
    shelves.latest(heard(forming()))
    shelves.latest(heard(forming(symbol="ETHUSDT"), ago_ms=14_000))
    assert get(client, "/readyz")["status"] == "ready"


def test_a_market_heard_of_too_long_ago_is_named(client: FlaskClient, shelves: Shelves) -> None:
    shelves.latest(heard(forming()))
    shelves.latest(heard(forming(symbol="ETHUSDT"), ago_ms=15_100))
    problem = get(client, "/readyz", status=503)
    assert len(problem["reasons"]) == 1
    assert problem["reasons"][0].startswith("ETHUSDT was last heard of 15.")


def test_a_market_never_heard_of_is_named(client: FlaskClient, shelves: Shelves) -> None:
    shelves.latest(heard(forming()))
    assert get(client, "/readyz", status=503)["detail"] == "ETHUSDT has no data yet"


def test_a_market_whose_book_moves_is_fresh_though_nothing_is_traded(client: FlaskClient, shelves: Shelves) -> None:
    shelves.follow("BTCUSDT")
    shelves.latest(heard(forming(), ago_ms=60_000))
    shelves.book(a_snapshot(received_ms=now_ms()))
    assert get(client, "/readyz")["status"] == "ready"


def test_a_market_that_is_not_trading_is_not_waited_for(client: FlaskClient, shelves: Shelves) -> None:
    shelves.follow("BTCUSDT", status="BREAK")
    assert "no market is followed yet" in get(client, "/readyz", status=503)["detail"]


def test_not_ready_before_ingest_has_spoken(client: FlaskClient, shelves: Shelves) -> None:
    shelves.redis.flushdb()
    assert "no market is followed yet" in get(client, "/readyz", status=503)["detail"]


def test_not_ready_while_every_market_is_shut_and_says_so(client: FlaskClient, shelves: Shelves) -> None:
    shelves.redis.flushdb()
    shelves.beat("ingest", marketsWait="every wanted market is shut: BTCUSDT is BREAK")
    assert "BTCUSDT is BREAK" in get(client, "/readyz", status=503)["detail"]


def test_health_has_a_row_for_every_part(client: FlaskClient, shelves: Shelves) -> None:
    shelves.latest(heard(forming()))
    shelves.book(a_snapshot(state=BookState.RESYNCING, received_ms=now_ms()))
    shelves.beat("ingest", frames=5, history={"state": "running", "done": 30, "total": 120})
    answer = get(client, "/health")
    assert {store["name"]: store["state"] for store in answer["stores"]} == {"redis": "up", "mongodb": "up"}
    states = {row["process"]: row["state"] for row in answer["processes"]}
    assert states == {"ingest": "running", "cache": "silent", "archive": "silent", "web": "silent", "push": "silent"}
    assert {row["symbol"]: row["stale"] for row in answer["markets"]} == {"BTCUSDT": False, "ETHUSDT": True}
    assert answer["markets"][0]["book"] == "resyncing"
    assert answer["status"] == "degraded"
    assert answer["history"]["state"] == "loading"
    assert float(answer["history"]["progress"]) == 0.25


def test_health_says_which_store_is_away(settings: Settings, shelves: Shelves) -> None:
    client = create_app(replace(settings, redis_port=9)).test_client()
    answer = get(client, "/health")
    assert answer["status"] == "degraded"
    assert {store["name"]: store["state"] for store in answer["stores"]} == {"redis": "down", "mongodb": "up"}


@pytest.mark.parametrize(
    ("told", "progress"),
    [({"state": "running", "done": 1, "total": 4}, 0.25), ({"state": "done", "done": 4, "total": 4}, None)],
)
def test_history_is_as_far_as_ingest_says(
    settings: Settings, shelves: Shelves, told: dict[str, object], progress: float | None
) -> None:
    shelves.beat("ingest", history=told)
    assert StoreReads.connected(settings).feed_state("BTCUSDT").history == progress


def test_without_ingest_history_is_what_is_stored(settings: Settings, shelves: Shelves) -> None:
    shelves.archive(*(a_candle(minute) for minute in range(288)))
    assert StoreReads.connected(settings).history() == pytest.approx(288 / 2_880)


def test_the_feed_s_state_is_of_the_newest_datum(settings: Settings, shelves: Shelves) -> None:
    candle = forming()
    shelves.latest(replace(candle, received_ms=candle.event_ms + 40))
    newer = a_snapshot(event_ms=candle.event_ms + 50, received_ms=candle.event_ms + 70)
    shelves.book(newer)
    state = StoreReads.connected(settings).feed_state("BTCUSDT")
    assert (state.source, state.received_ms, state.lag_ms) == ("simulator", newer.received_ms, 20)


def test_metrics_tell_requests_ages_and_processes(client: FlaskClient, shelves: Shelves) -> None:
    shelves.latest(heard(forming(), ago_ms=5_000))
    shelves.beat("ingest", frames=5, books={"BTCUSDT": "synced"})
    client.get("/symbols")
    text = client.get("/metrics").get_data(as_text=True)
    assert 'candlestream_http_requests_total{method="GET",route="/symbols",status="200"} 1.0' in text
    assert 'candlestream_store_up{store="redis"} 1.0' in text
    assert 'candlestream_process_up{process="ingest"} 1.0' in text
    assert 'candlestream_process_up{process="archive"} 0.0' in text
    assert 'candlestream_process_figure{figure="frames",process="ingest"} 5.0' in text
    age = next(line for line in text.splitlines() if line.startswith('candlestream_market_age_seconds{symbol="BTC'))
    assert 5 <= float(age.split()[1]) < 15
    assert "candlestream_push_clients 0.0" in text
