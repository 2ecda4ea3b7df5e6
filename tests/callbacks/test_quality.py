"""What the data quality page says: what lacks and whose fault it is, or which store does not answer."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_caching import Cache

from app.dashboard import mount_quality
from callbacks import quality
from callbacks.boards import Panel, away
from layouts.pages.quality import BOOKS, CHOSEN, COUNTS, DAY, DAYS, HEAT, SLOW_BEAT, SUMMARY
from layouts.parts.panel import body_id
from pipeline.domain.gap import Cause
from pipeline.domain.interval import DAY_MS
from tests.callbacks.memory_quality import MemoryQuality
from tests.callbacks.memory_reads import MemoryReads
from tests.layouts.reading import rows_of, text_of

NOW_MS = 1_700_049_630_000
TODAY_MS = NOW_MS // DAY_MS * DAY_MS


@pytest.fixture
def twin() -> MemoryQuality:
    return MemoryQuality(MemoryReads(now_ms=lambda: NOW_MS))


def words_of(panel: Panel) -> tuple[str, str]:
    return panel.state, panel.note


def test_whole_days_lack_nothing(twin: MemoryQuality) -> None:
    panel = quality.heat(twin.days(7))
    assert words_of(panel) == ("live", "nothing is missing")
    assert len(rows_of(panel.body)) == 3
    assert quality.summary(twin.days(7)) == "3 markets: 100 % of 30,240 minutes stored, 100 % verified"


def test_what_the_exchange_never_published_is_no_error_of_ours(twin: MemoryQuality) -> None:
    twin.lacks = [("BTCUSDT", 1, Cause.EXCHANGE)]
    assert words_of(quality.heat(twin.days(7))) == ("live", "10 minutes missing, 10 of them the exchange's")
    twin.lacks.append(("ETHUSDT", 1, Cause.OURS))
    assert words_of(quality.heat(twin.days(7))) == ("error", "20 minutes missing, 10 of them the exchange's")
    assert quality.summary(twin.days(7)).startswith("3 markets: 99.9 % of 30,240")


def test_before_ingest_has_spoken_the_page_says_so(twin: MemoryQuality) -> None:
    twin.market.empty = True
    assert quality.heat(twin.days(7)).state == "empty"
    assert quality.books(twin.markets(), now_ms=NOW_MS).state == "empty"
    assert quality.summary(twin.days(7)) == ""


def test_books_out_of_step_are_counted_and_failed_ones_are_an_error(twin: MemoryQuality) -> None:
    assert words_of(quality.books(twin.markets(), now_ms=NOW_MS)) == ("live", "3 in step")
    twin.states = {"ETHUSDT": "resyncing"}
    assert words_of(quality.books(twin.markets(), now_ms=NOW_MS)) == ("live", "1 of 3 not in step")
    twin.states = {"ETHUSDT": "failed"}
    assert words_of(quality.books(twin.markets(), now_ms=NOW_MS))[0] == "error"


def test_books_nothing_is_heard_of_are_stale(twin: MemoryQuality) -> None:
    twin.silent_ms = 60_000
    assert words_of(quality.books(twin.markets(), now_ms=NOW_MS)) == ("stale", "3 of 3 not heard of lately")


@pytest.fixture
def client(twin: MemoryQuality) -> FlaskClient:
    server = Flask("quality")
    cache = Cache(server, config={"CACHE_TYPE": "NullCache", "CACHE_NO_NULL_WARNING": True})
    mount_quality(server, twin, cache, source="simulator")
    return server.test_client()


def panel_of(name: str) -> list[tuple[str, str]]:
    return [(body_id(name), "children"), (name, "data-state"), (f"{name}-note", "children")]


def asked(client: FlaskClient, outputs: list[tuple[str, str]], inputs: list[tuple[str, str, Any]]) -> Any:
    body = {
        "output": f"..{'...'.join('.'.join(output) for output in outputs)}..",
        "outputs": [{"id": name, "property": prop} for name, prop in outputs],
        "inputs": [{"id": name, "property": prop, "value": value} for name, prop, value in inputs],
        "changedPropIds": [f"{inputs[0][0]}.{inputs[0][1]}"],
    }
    return client.post("/data-quality/_dash-update-component", json=body)


def day(client: FlaskClient, chosen: Any, days: str = "7") -> Any:
    inputs = [(CHOSEN, "data", chosen), (SLOW_BEAT, "n_intervals", 1), (DAYS, "value", days)]
    return asked(client, panel_of(DAY), inputs)


def test_a_day_that_is_chosen_tells_its_gaps(client: FlaskClient, twin: MemoryQuality) -> None:
    twin.healed = [("ETHUSDT", 2)]
    answer = day(client, f"ETHUSDT|{TODAY_MS - 2 * DAY_MS}").json["response"]
    assert answer[f"{DAY}-note"]["children"] == "1 gap"
    assert "10:00" in str(answer[body_id(DAY)])


def test_a_day_that_is_not_shown_any_more_is_not_told_of(client: FlaskClient) -> None:
    answer = day(client, f"ETHUSDT|{TODAY_MS - 20 * DAY_MS}").json["response"]
    assert answer[DAY]["data-state"] == "empty"


@pytest.mark.parametrize("chosen", [None, 7, "", "ETHUSDT", "ETHUSDT|x", "|1700006400000", f"A|{'9' * 30}", ["a"]])
def test_what_no_cell_can_have_sent_is_answered_with_nothing(client: FlaskClient, chosen: Any) -> None:
    assert day(client, chosen).status_code == 204


@pytest.mark.parametrize("days", ["8", 7, None, "x"])
def test_days_that_nobody_offered_are_answered_with_nothing(client: FlaskClient, days: Any) -> None:
    inputs = [(SLOW_BEAT, "n_intervals", 1), (DAYS, "value", days)]
    assert asked(client, [*panel_of(HEAT), (SUMMARY, "children")], inputs).status_code == 204


def test_a_store_that_is_away_is_named_without_its_address(client: FlaskClient, twin: MemoryQuality) -> None:
    twin.away = "MongoDB"
    live = asked(client, [*panel_of(BOOKS), *panel_of(COUNTS), ("answered", "data")], [("beat", "n_intervals", 1)])
    response = live.json["response"]
    assert response[f"{BOOKS}-note"]["children"] == "MongoDB is away"
    assert response[COUNTS]["data-state"] == "live"
    inputs = [(SLOW_BEAT, "n_intervals", 1), (DAYS, "value", "7")]
    heat = asked(client, [*panel_of(HEAT), (SUMMARY, "children")], inputs)
    assert heat.json["response"][HEAT]["data-state"] == "error"
    assert "10.0.0.7" not in live.get_data(as_text=True) + heat.get_data(as_text=True)
    assert text_of(away("MongoDB").body) == "Unknown: MongoDB does not answer. Trying again."
