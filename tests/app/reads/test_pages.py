"""The pages' reads over real stores: the figures of the routes, and the name of the store that is away."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from app.reads import StoreReads
from app.reads.ranking import StoreRanking
from app.reads.system import StoreSystem
from callbacks.boards import store_of
from pipeline.domain.faults import TransientError
from pipeline.settings import Settings
from tests.app.api.shelves import Shelves, heard, now_ms
from tests.words import a_candle, a_snapshot, forming

CLOSED_PORT = 9


@pytest.fixture
def settings(namespace: Settings) -> Settings:
    return replace(namespace, symbols=("BTCUSDT", "ETHUSDT"), history_days=1)


@pytest.fixture
def shelves(settings: Settings) -> Iterator[Shelves]:
    filled = Shelves(settings)
    filled.follow("BTCUSDT", "ETHUSDT")
    filled.archive(*(a_candle(minute) for minute in range(120)))
    filled.latest(heard(forming(120, close="102.00", high="102.00"), ago_ms=3_000))
    filled.book(a_snapshot(received_ms=now_ms()))
    filled.beat("ingest", klines=7, history={"state": "running", "done": 1, "total": 4})
    yield filled
    filled.close()


def test_a_mover_has_the_change_of_the_route_and_the_age_of_its_price(settings: Settings, shelves: Shelves) -> None:
    ranking = StoreRanking(StoreReads.connected(settings)).ranking("1h")
    (mover,) = ranking.movers
    assert (mover.market.symbol, mover.price, mover.change_percent) == ("BTCUSDT", Decimal("102.00"), Decimal("2.0000"))
    assert 3_000 <= now_ms() - mover.received_ms < 10_000
    assert ranking.pending == ("ETHUSDT",)


def test_the_system_is_told_part_by_part(settings: Settings, shelves: Shelves) -> None:
    system = StoreSystem(StoreReads.connected(settings))
    assert [(store.name, store.up) for store in system.stores()] == [("redis", True), ("mongodb", True)]
    beats = {process.name: process.beat_ms for process in system.processes()}
    assert beats.keys() == {"ingest", "cache", "archive", "web", "push"}
    assert [name for name, beat_ms in beats.items() if beat_ms is not None] == ["ingest"]
    assert [(market.symbol, market.book) for market in system.markets()] == [("BTCUSDT", "synced"), ("ETHUSDT", None)]
    assert system.history() == 0.25


def test_the_days_of_a_replay_end_with_its_newest_minute(settings: Settings, shelves: Shelves) -> None:
    system = StoreSystem(StoreReads.connected(replace(settings, source="replay:x")))
    assert [(day.symbol, day.stored, day.expected) for day in system.quality(1)] == [("BTCUSDT", 120, 120)]


@pytest.mark.parametrize("store", ["Redis", "MongoDB"])
def test_the_store_that_is_away_is_named(settings: Settings, shelves: Shelves, store: str) -> None:
    closed: dict[str, dict[str, Any]] = {
        "Redis": {"redis_port": CLOSED_PORT},
        "MongoDB": {"mongo_uri": f"mongodb://127.0.0.1:{CLOSED_PORT}"},
    }
    reads = StoreReads.connected(replace(settings, **closed[store]))
    with pytest.raises(TransientError) as away:
        StoreRanking(reads).ranking("1h")
    assert store_of(away.value) == store
    assert [each.up for each in StoreSystem(reads).stores()] == [store != "Redis", store != "MongoDB"]
