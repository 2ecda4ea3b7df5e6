"""The durable candles: MongoDB and its memory twin keep the same promises."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pipeline.adapters.memory import MemoryCandles
from pipeline.adapters.mongo_writer import CandleStore, connect
from pipeline.domain.candle import Candle, Revision
from pipeline.domain.interval import Interval
from pipeline.settings import Settings
from pipeline.stages.ports import Candles
from tests.words import NOON_MS, a_candle


@pytest.fixture(params=["memory", pytest.param("mongo", marks=pytest.mark.servers)])
def store(request: pytest.FixtureRequest) -> Iterator[Candles]:
    if request.param == "memory":
        yield MemoryCandles()
        return
    settings: Settings = request.getfixturevalue("namespace")
    with connect(settings.mongo_uri) as client:
        store = CandleStore(client, settings.mongo_db)
        store.ensure_indexes()
        yield store


def held(store: Candles) -> list[Candle]:
    return store.candles("BTCUSDT", interval=Interval.M1, start_ms=0, end_ms=2**53)


def test_every_digit_comes_back(store: Candles) -> None:
    candle = a_candle(open="61837.63000000", high="99999.99999999", low="0.00000001", volume=Decimal("1E+2"))
    store.upsert([candle])
    (found,) = held(store)
    assert found == candle
    assert str(found.open) == "61837.63000000"
    whole = (found.open_ms, found.trades, found.first_trade_id, found.last_trade_id, found.event_ms, found.received_ms)
    assert {type(value) for value in whole} == {int}


def test_storing_again_changes_nothing(store: Candles) -> None:
    assert store.upsert([a_candle(0), a_candle(1)]) == 2
    assert store.upsert([a_candle(0), a_candle(1)]) == 0


def test_the_higher_revision_stays_in_whatever_order(store: Candles) -> None:
    rest = a_candle(revision=Revision.REST, volume=Decimal(9), source="rest", event_ms=1)
    store.upsert([rest])
    store.upsert([a_candle()])
    assert held(store) == [rest]


def test_a_later_equal_candle_leaves_the_first_as_it_was(store: Candles) -> None:
    store.upsert([a_candle(event_ms=1)])
    assert store.upsert([a_candle(event_ms=2)]) == 0
    assert store.upsert([a_candle(event_ms=3, volume=Decimal(7))]) == 1
    assert [candle.event_ms for candle in held(store)] == [3]


def test_missing_minutes_are_named(store: Candles) -> None:
    store.upsert([a_candle(minute) for minute in (0, 1, 4)])
    missing = store.missing_minutes("BTCUSDT", start_ms=NOON_MS - 60_000, end_ms=NOON_MS + 6 * 60_000)
    assert [(open_ms - NOON_MS) // 60_000 for open_ms in missing] == [-1, 2, 3, 5]


def test_the_newest_come_oldest_first(store: Candles) -> None:
    store.upsert([a_candle(minute) for minute in (3, 0, 2, 1)])
    assert [(c.open_ms - NOON_MS) // 60_000 for c in store.newest("BTCUSDT", count=2)] == [2, 3]


candles = st.builds(
    lambda minute, revision, event_ms, volume: a_candle(
        minute, revision=revision, event_ms=event_ms, volume=Decimal(volume)
    ),
    st.integers(0, 1),
    st.sampled_from([Revision.CLOSED, Revision.REST]),
    st.integers(1, 3),
    st.integers(1, 3),
)


@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(candles, max_size=4), max_size=4))
def test_mongodb_keeps_what_its_twin_keeps(namespace: Settings, batches: list[list[Candle]]) -> None:
    twin = MemoryCandles()
    with connect(namespace.mongo_uri) as client:
        client.drop_database(namespace.mongo_db)
        store = CandleStore(client, namespace.mongo_db)
        store.ensure_indexes()
        for batch in batches:
            twin.upsert(batch)
            store.upsert(batch)
        assert held(store) == held(twin)
