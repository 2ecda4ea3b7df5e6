"""The ranking in order, what it lacks in words, and no figure where a store is away."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_caching import Cache

from app.dashboard import mount_markets
from callbacks.boards import clock_ms
from callbacks.markets import away, breadth, lacking, ranked, shown, waiting
from callbacks.reads import Mover, Ranking
from tests.callbacks.memory_boards import MemoryRanking
from tests.callbacks.memory_reads import MemoryReads
from tests.layouts.reading import rows_of, text_of

NOW_MS = 1_700_049_630_000


def movers(**changes: str) -> list[Mover]:
    """A mover a name, with its change in per cent."""
    reads = MemoryReads(now_ms=lambda: NOW_MS)
    first = MemoryRanking(reads).ranking("24h").movers[0]
    return [
        replace(first, market=replace(first.market, symbol=name), change_percent=Decimal(change))
        for name, change in changes.items()
    ]


def order(rows: list[Any]) -> list[str]:
    return [row.symbol for row in rows]


def test_gainers_begin_with_the_best_and_losers_with_the_worst_ties_by_symbol() -> None:
    told = movers(B="1.5", A="1.5", C="-2", D="0")
    assert order(ranked(told, order="gainers", now_ms=NOW_MS)) == ["A", "B", "D", "C"]
    assert order(ranked(told, order="losers", now_ms=NOW_MS)) == ["C", "D", "A", "B"]


def test_how_many_rose_and_fell_is_counted() -> None:
    assert (
        breadth(ranked(movers(A="1", B="-1", C="2"), order="gainers", now_ms=0), window="1h")
        == "2 rose, 1 fell over 1h"
    )
    assert "1 unchanged" in breadth(ranked(movers(A="0"), order="gainers", now_ms=0), window="1h")


def test_who_is_not_in_the_ranking_yet_is_named_and_many_are_counted() -> None:
    assert waiting([], window="24h") == ""
    assert waiting(["ADAUSDT"], window="24h") == "Not stored back 24h yet: ADAUSDT"
    assert waiting(list("ABCDEF"), window="4h").endswith("A, B, C, D and 2 more")


def test_a_ranking_without_a_row_says_why() -> None:
    table, state, _, _ = shown(Ranking(movers=[], pending=["A", "B"]), window="24h", order="gainers", now_ms=0)
    assert (text_of(table), state) == (lacking(["A", "B"], window="24h"), "empty")
    assert "None of the 2 markets" in lacking(["A", "B"], window="24h")
    assert "ingest has not said" in lacking([], window="24h")


def test_rows_beside_a_pending_market_are_live_and_the_pending_one_is_said_aloud() -> None:
    _, state, note, _ = shown(Ranking(movers=movers(A="1"), pending=["B"]), window="1h", order="gainers", now_ms=NOW_MS)
    assert (state, note) == ("live", "Not stored back 1h yet: B")


def test_a_ranking_of_old_prices_only_is_stale() -> None:
    told = Ranking(movers=movers(A="1", B="2"), pending=[])
    _, state, note, _ = shown(told, window="1h", order="gainers", now_ms=NOW_MS + 40_000)
    assert (state, note) == ("stale", "No price for 40 s")


def test_while_a_store_is_away_no_figure_is_shown() -> None:
    table, state, note, summary = away("MongoDB")
    assert text_of(table) == "MongoDB does not answer, so there is no ranking. Trying again."
    assert (state, note, summary) == ("error", "MongoDB is away", "")


@pytest.fixture
def twin() -> MemoryRanking:
    return MemoryRanking(MemoryReads(now_ms=clock_ms))


@pytest.fixture
def client(twin: MemoryRanking) -> FlaskClient:
    server = Flask("markets")
    cache = Cache(server, config={"CACHE_TYPE": "NullCache", "CACHE_NO_NULL_WARNING": True})
    mount_markets(server, twin, cache, source="simulator")
    return server.test_client()


OUTPUTS = [
    ("ranking-table", "children"), ("ranking-panel", "data-state"), ("ranking-panel-note", "children"),
    ("ranking-summary", "children"), ("answered", "data"),
]  # fmt: skip


def ask(client: FlaskClient, window: Any, kind: Any) -> Any:
    inputs = [("beat", "n_intervals", 1), ("window", "value", window), ("order", "value", kind)]
    body = {
        "output": f"..{'...'.join('.'.join(output) for output in OUTPUTS)}..",
        "outputs": [{"id": name, "property": prop} for name, prop in OUTPUTS],
        "inputs": [{"id": name, "property": prop, "value": value} for name, prop, value in inputs],
        "changedPropIds": ["beat.n_intervals"],
    }
    return client.post("/markets/_dash-update-component", json=body)


def test_an_answer_over_http_holds_every_market_and_when_it_was_made(client: FlaskClient) -> None:
    began_ms = clock_ms()
    answer = ask(client, "24h", "gainers").json["response"]
    assert answer["ranking-panel"]["data-state"] == "live"
    assert answer["answered"]["data"] >= began_ms
    assert "BTC" in str(answer["ranking-table"]["children"])


@pytest.mark.parametrize(
    ("window", "kind"),
    [("2h", "gainers"), (None, "gainers"), (["24h"], "gainers"), ({}, "gainers"), ("24h", "sideways"), ("24h", [])],
)
def test_no_choice_a_client_can_send_is_a_server_error(client: FlaskClient, window: Any, kind: Any) -> None:
    assert ask(client, window, kind).status_code == 204


def test_a_store_that_is_away_is_an_answer_without_its_address(client: FlaskClient, twin: MemoryRanking) -> None:
    twin.away = "MongoDB"
    answer = ask(client, "24h", "gainers")
    assert answer.status_code == 200
    assert answer.json["response"]["ranking-panel-note"]["children"] == "MongoDB is away"
    assert "10.0.0.7" not in answer.get_data(as_text=True)


def test_the_table_has_the_digits_of_each_market(twin: MemoryRanking) -> None:
    table, *_ = shown(twin.ranking("24h"), window="24h", order="gainers", now_ms=NOW_MS)
    prices = {row.split()[1]: row.split()[3] for row in rows_of(table)}
    assert {base: len(price.partition(".")[2]) for base, price in prices.items()} == {"BTC": 2, "ETH": 2, "DOGE": 5}
