"""The ledger of gaps: MongoDB and its memory twin keep the same promises."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pipeline.adapters.memory import MemoryGaps
from pipeline.adapters.mongo_gaps import GapStore
from pipeline.adapters.mongo_writer import connect
from pipeline.domain.gap import Cause, Gap, Gaps, Stream
from pipeline.settings import Settings

BTC = ["BTCUSDT"]


@pytest.fixture(params=["memory", pytest.param("mongo", marks=pytest.mark.servers)])
def gaps(request: pytest.FixtureRequest) -> Iterator[Gaps]:
    if request.param == "memory":
        yield MemoryGaps()
        return
    settings: Settings = request.getfixturevalue("namespace")
    with connect(settings.mongo_uri) as client:
        store = GapStore(client, settings.mongo_db)
        store.ensure_indexes()
        yield store


def a_gap(start: int, end: int, **other: Any) -> Gap:
    words = {"symbol": "BTCUSDT", "stream": Stream.TRADES, "cause": Cause.OURS, "reason": "lost", "detected_ms": 5}
    return Gap(start=start, end=end, **{**words, **other})


def theirs(start: int, end: int, **other: Any) -> Gap:
    return a_gap(start, end, cause=Cause.EXCHANGE, **other)


def all_of(gaps: Gaps) -> list[Gap]:
    return gaps.between(BTC, stream=Stream.TRADES, start=0, end=2**53)


def test_a_noted_gap_is_open_until_it_is_healed(gaps: Gaps) -> None:
    gaps.note([a_gap(10, 20)])
    assert gaps.open_gaps(BTC) == [a_gap(10, 20)]
    gaps.heal("BTCUSDT", stream=Stream.TRADES, start=10, end=20, healed_ms=9)
    assert gaps.open_gaps(BTC) == []
    assert all_of(gaps) == [a_gap(10, 20, healed_ms=9)]


def test_noting_again_changes_nothing(gaps: Gaps) -> None:
    for detected_ms in (5, 7):
        gaps.note([a_gap(10, 20, detected_ms=detected_ms), theirs(30, 40, detected_ms=detected_ms)])
    assert all_of(gaps) == [a_gap(10, 20), theirs(30, 40)]


def test_what_is_filled_in_part_stays_open_in_the_rest(gaps: Gaps) -> None:
    gaps.note([a_gap(10, 20)])
    gaps.heal("BTCUSDT", stream=Stream.TRADES, start=13, end=15, healed_ms=9)
    assert [(gap.start, gap.end) for gap in gaps.open_gaps(BTC)] == [(10, 13), (15, 20)]


def test_bordering_gaps_of_the_exchange_are_one(gaps: Gaps) -> None:
    gaps.note([theirs(10, 20), theirs(30, 40, detected_ms=6), theirs(20, 30, detected_ms=7)])
    assert all_of(gaps) == [theirs(10, 40)]


def test_what_the_exchange_lacks_too_is_no_longer_ours(gaps: Gaps) -> None:
    gaps.note([a_gap(10, 20), theirs(12, 15, detected_ms=6)])
    assert [(gap.start, gap.end) for gap in gaps.open_gaps(BTC)] == [(10, 12), (15, 20)]
    assert theirs(12, 15, detected_ms=6) in all_of(gaps)


def test_what_the_exchange_has_after_all_was_ours(gaps: Gaps) -> None:
    gaps.note([theirs(10, 20)])
    gaps.note([a_gap(12, 14, detected_ms=8, healed_ms=8)])
    assert [(gap.start, gap.end, gap.cause) for gap in all_of(gaps)] == [
        (10, 12, Cause.EXCHANGE), (12, 14, Cause.OURS), (14, 20, Cause.EXCHANGE),
    ]  # fmt: skip


def test_a_late_word_of_a_gap_that_was_filled_since_does_not_open_it_again(gaps: Gaps) -> None:
    gaps.note([a_gap(10, 20)])
    gaps.heal("BTCUSDT", stream=Stream.TRADES, start=10, end=20, healed_ms=9)
    gaps.note([a_gap(10, 25, detected_ms=6)])
    assert [(gap.start, gap.end) for gap in gaps.open_gaps(BTC)] == [(20, 25)]


def test_a_gap_that_is_noted_when_it_is_filled_keeps_the_moment_it_was_found(gaps: Gaps) -> None:
    gaps.note([a_gap(10, 20)])
    gaps.note([a_gap(10, 20, reason="swept", detected_ms=9, healed_ms=9)])
    assert all_of(gaps) == [a_gap(10, 20, healed_ms=9)]


def test_streams_and_symbols_are_apart_and_found_by_when_they_were_noticed(gaps: Gaps) -> None:
    other, book = a_gap(10, 20, symbol="ETHUSDT"), a_gap(10, 20, stream=Stream.ORDERBOOK, detected_ms=7)
    gaps.note([a_gap(10, 20), other, book])
    assert gaps.open_gaps([*BTC, "ETHUSDT"], stream=Stream.TRADES) == [a_gap(10, 20), other]
    assert gaps.detected(BTC, start_ms=6, end_ms=8) == [book]
    assert gaps.between(BTC, stream=Stream.TRADES, start=20, end=30) == []


words = st.builds(
    lambda start, length, cause, detected_ms, later_ms: a_gap(
        start, start + length, cause=cause, detected_ms=detected_ms,
        healed_ms=detected_ms + later_ms if later_ms and cause is Cause.OURS else None,
    ),
    st.integers(0, 12), st.integers(1, 6), st.sampled_from(Cause), st.integers(1, 4), st.integers(0, 2),
)  # fmt: skip


@hypothesis_settings(deadline=None)
@given(st.lists(words, max_size=12))
def test_gaps_never_overlap_and_nothing_noted_is_forgotten(told: list[Gap]) -> None:
    gaps = MemoryGaps()
    gaps.note(told)
    kept = all_of(gaps)
    assert all(one.end <= other.start for one, other in pairwise(kept))
    assert {at for gap in kept for at in range(gap.start, gap.end)} == {
        at for gap in told for at in range(gap.start, gap.end)
    }


@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(words, max_size=8))
def test_mongodb_holds_what_its_twin_holds(namespace: Settings, told: list[Gap]) -> None:
    twin = MemoryGaps()
    with connect(namespace.mongo_uri) as client:
        client[namespace.mongo_db]["gaps"].delete_many({})
        store = GapStore(client, namespace.mongo_db)
        store.ensure_indexes()
        for gap in told:
            twin.note([gap])
            store.note([gap])
            assert all_of(store) == all_of(twin)
