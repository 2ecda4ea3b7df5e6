"""One sentence for everything: what is away comes before what is silent, that before what is stale."""

from dataclasses import replace
from typing import Any

import pytest

from callbacks.verdict import Away, Seen, verdict
from layouts.parts.standing import Freshness, Process, Store

UP = [Store(name="Redis", up=True, latency_ms=0.3), Store(name="MongoDB", up=True, latency_ms=0.9)]
ALIVE = [Process(name="ingest", pid=1, age_ms=900, counts={}), Process(name="cache", pid=2, age_ms=900, counts={})]
FRESH = [Freshness(symbol="BTCUSDT", age_ms=300, book="synced"), Freshness(symbol="ETHUSDT", age_ms=300, book="synced")]
FINE = Seen(stores=UP, processes=ALIVE, markets=FRESH, history=None)
REDIS_DOWN = [replace(UP[0], up=False), UP[1]]
BOTH_DOWN = [replace(store, up=False) for store in UP]
SILENT = [replace(ALIVE[0], age_ms=None), ALIVE[1]]
STALE = [replace(FRESH[0], age_ms=16_000), FRESH[1]]


@pytest.mark.parametrize(
    ("seen", "level", "words"),
    [
        ({}, "good", "Everything runs: 2 stores answer, 2 processes beat, 2 markets are fresh."),
        ({"markets": FRESH[:1]}, "good", "Everything runs: 2 stores answer, 2 processes beat, 1 market is fresh."),
        ({"history": 0.42}, "warn", "history is 42 % loaded."),
        ({"markets": []}, "warn", "No market is followed yet: ingest has not said which are trading."),
        ({"markets": STALE}, "bad", "1 of 2 markets not heard of lately: BTCUSDT."),
        ({"processes": SILENT, "markets": STALE}, "bad", "ingest is silent."),
        ({"stores": REDIS_DOWN, "processes": Away("Redis"), "markets": Away("Redis"), "history": Away("Redis")},
         "bad", "Redis does not answer; what it knows is missing here."),
        ({"stores": BOTH_DOWN, "history": Away("Redis")}, "bad", "Redis and MongoDB do not answer;"),
        ({"history": Away("MongoDB")}, "bad", "MongoDB does not answer;"),
    ],
)  # fmt: skip
def test_the_sentence_names_what_is_wrong(seen: dict[str, Any], level: str, words: str) -> None:
    sentence, said = verdict(replace(FINE, **seen))
    assert words in sentence
    assert said == level
