"""The durable candles: MongoDB and its memory twin keep the same promises."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pipeline.adapters.memory import MemoryCandles
from pipeline.adapters.mongo_reader import MongoReader
from pipeline.adapters.mongo_writer import CandleStore, connect
from pipeline.domain.candle import Candle, Revision
from pipeline.domain.folds import fold_buckets
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


def test_a_later_equal_candle_changes_no_value_and_a_later_different_one_does(store: Candles) -> None:
    store.upsert([a_candle(event_ms=1)])
    store.upsert([a_candle(event_ms=2)])
    assert [(candle.values, candle.revision) for candle in held(store)] == [(a_candle().values, Revision.CLOSED)]
    assert store.upsert([a_candle(event_ms=3, volume=Decimal(7))]) == 1
    assert [(candle.event_ms, candle.volume) for candle in held(store)] == [(3, Decimal(7))]


def test_an_older_word_does_not_come_back_because_a_repetition_of_the_newer_was_ignored(store: Candles) -> None:
    for event_ms, volume in ((1, 5), (3, 5), (2, 6)):
        store.upsert([a_candle(event_ms=event_ms, volume=Decimal(volume))])
    assert [candle.volume for candle in held(store)] == [Decimal(5)]


def test_a_later_verification_stays_whichever_comes_first(store: Candles) -> None:
    first, again = rest(event_ms=10), rest(event_ms=20)
    for words in ([first, again], [again, first]):
        store.upsert([a_candle(), *words])
        assert [(c.verified_ms, c.revision) for c in held(store)] == [(20, Revision.REST)]


def test_a_row_that_replaces_is_verified_and_its_forerunner_is_not_taken_for_it(store: Candles) -> None:
    store.upsert([rest(event_ms=10, volume=Decimal(3))])
    store.upsert([rest(event_ms=20, volume=Decimal(4))])
    store.upsert([rest(event_ms=15, volume=Decimal(3))])
    assert [(c.verified_ms, c.volume) for c in held(store)] == [(20, Decimal(4))]


def test_every_document_says_how_far_to_trust_it(namespace: Settings) -> None:
    with connect(namespace.mongo_uri) as client:
        CandleStore(client, namespace.mongo_db).upsert([a_candle(0), rest(1), an_hour(None), an_hour(50)])
        database = client[namespace.mongo_db]
        documents = [*database["1m_kline"].find(), *database["1h_kline"].find()]
    assert len(documents) == 3
    for document in documents:
        assert {"source", "revision", "present", "expected", "complete", "verifiedAt", "cause"} <= set(document)


def test_the_exchanges_own_hour_gives_way_to_all_its_minutes_and_not_to_some(store: Candles) -> None:
    short, whole = an_hour(59, event_ms=3), an_hour(60, event_ms=1, revision=Revision.CLOSED, verified_ms=None)
    for words in permutations([an_hour(None, event_ms=2), short]):
        store.upsert(words)
        assert [candle.present for candle in hours(store)] == [None]
    store.upsert([whole])
    store.upsert([an_hour(None, event_ms=9), short])
    assert [candle.present for candle in hours(store)] == [60]


def test_missing_minutes_are_named(store: Candles) -> None:
    store.upsert([a_candle(minute) for minute in (0, 1, 4)])
    missing = store.missing_minutes("BTCUSDT", start_ms=NOON_MS - 60_000, end_ms=NOON_MS + 6 * 60_000)
    assert [(open_ms - NOON_MS) // 60_000 for open_ms in missing] == [-1, 2, 3, 5]


def test_the_first_minute_is_known(store: Candles) -> None:
    assert store.oldest_ms("BTCUSDT") is None
    store.upsert([a_candle(3), a_candle(2), a_candle(0, symbol="ETHUSDT"), an_hour(None)])
    assert store.oldest_ms("BTCUSDT") == NOON_MS + 2 * 60_000


def test_the_newest_come_oldest_first(store: Candles) -> None:
    store.upsert([a_candle(minute) for minute in (3, 0, 2, 1)])
    assert [(c.open_ms - NOON_MS) // 60_000 for c in store.newest("BTCUSDT", count=2)] == [2, 3]


def rest(minute: int = 0, *, event_ms: int = 5, **other: Any) -> Candle:
    words = {"revision": Revision.REST, "source": "rest", "event_ms": event_ms, "verified_ms": event_ms}
    return a_candle(minute, **{**words, **other})


def an_hour(present: int | None, **other: Any) -> Candle:
    return replace(rest(0, **{"present": present, **other}), interval=Interval.H1)


def hours(store: Candles) -> list[Candle]:
    return store.candles("BTCUSDT", interval=Interval.H1, start_ms=0, end_ms=2**53)


def said(minute: int, revision: Revision, event_ms: int, volume: int, received_ms: int) -> Candle:
    verified = {"verified_ms": event_ms, "source": "rest"} if revision is Revision.REST else {}
    return a_candle(
        minute, revision=revision, event_ms=event_ms, volume=Decimal(volume), received_ms=received_ms, **verified
    )


candles = st.builds(
    said,
    st.integers(0, 1),
    st.sampled_from([Revision.CLOSED, Revision.REST]),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 2),
)
arrivals = st.lists(candles, min_size=1, max_size=6).flatmap(
    lambda words: st.tuples(st.just(words), st.permutations([*words, *words]), st.integers(1, 12))
)


@hypothesis_settings(deadline=None)
@given(arrivals)
def test_any_order_with_repetitions_ends_in_the_same_candles(
    arrival: tuple[list[Candle], list[Candle], int],
) -> None:
    assert kept_by(MemoryCandles(), arrival[1], arrival[2]) == kept_by(MemoryCandles(), arrival[0], 1)


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arrivals)
def test_any_order_with_repetitions_ends_in_the_same_documents(
    namespace: Settings, arrival: tuple[list[Candle], list[Candle], int]
) -> None:
    with connect(namespace.mongo_uri) as client:
        client[namespace.mongo_db]["1m_kline"].delete_many({})
        store = CandleStore(client, namespace.mongo_db)
        store.ensure_indexes()
        assert kept_by(store, arrival[1], arrival[2]) == kept_by(MemoryCandles(), arrival[0], 1)


def kept_by(store: Candles, words: list[Candle], at_once: int) -> list[Candle]:
    """What a store holds after ``words``, ``at_once`` of them in each write."""
    for start in range(0, len(words), at_once):
        store.upsert(words[start : start + at_once])
    return held(store)


minutes = st.builds(
    lambda minute, volume, verified_ms: a_candle(minute, volume=Decimal(volume), verified_ms=verified_ms),
    st.integers(0, 14),
    st.integers(0, 3),
    st.one_of(st.none(), st.integers(1, 9)),
)


@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(minutes, min_size=1, max_size=15, unique_by=lambda candle: candle.open_ms))
def test_mongodb_folds_minutes_as_we_do_with_since_when_all_of_them_are_verified(
    namespace: Settings, some: list[Candle]
) -> None:
    some.sort(key=lambda candle: candle.open_ms)
    with connect(namespace.mongo_uri) as client:
        client[namespace.mongo_db]["1m_kline"].delete_many({})
        CandleStore(client, namespace.mongo_db).upsert(some)
        reader = MongoReader(client, namespace.mongo_db)
        found = reader.buckets("BTCUSDT", interval=Interval.M5, start_ms=0, end_ms=2**53)
    assert found == fold_buckets(some, interval=Interval.M5)
