"""Cached reads ask the stores once a beat, keep markets and intervals apart, and keep an error for a moment."""

from collections.abc import Iterator, Sequence

import pytest
from flask import Flask
from flask_caching import Cache

from callbacks.cached import AWAY_S, cached_quality, cached_ranking, cached_reads, cached_system
from callbacks.reads import MarketReads
from pipeline.domain.faults import TransientError
from pipeline.domain.interval import DAY_MS, Interval
from pipeline.domain.trade import Trade
from tests.callbacks.memory_boards import MemoryRanking, MemorySystem
from tests.callbacks.memory_quality import MemoryQuality
from tests.callbacks.memory_reads import MemoryReads

NOW_MS = 1_700_049_630_000


class CountedReads(MemoryReads):
    asked = 0

    def trades(self, symbol: str, limit: int) -> Sequence[Trade]:
        self.asked += 1
        return super().trades(symbol, limit)


class Seconds:
    """A clock that is put forward."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Seconds:
    return Seconds()


@pytest.fixture
def stores() -> CountedReads:
    return CountedReads(now_ms=lambda: NOW_MS)


@pytest.fixture
def reads(stores: CountedReads, clock: Seconds) -> Iterator[MarketReads]:
    server = Flask("cached")
    cache = Cache(server, config={"CACHE_TYPE": "SimpleCache"})
    with server.app_context():
        yield cached_reads(stores, cache=cache, clock=clock)


def test_a_second_question_is_answered_without_the_store(reads: MarketReads, stores: CountedReads) -> None:
    assert reads.trades("BTCUSDT", 5) == reads.trades("BTCUSDT", 5)
    assert stores.asked == 1


def test_markets_and_intervals_have_answers_of_their_own(reads: MarketReads) -> None:
    assert reads.trades("BTCUSDT", 1)[0].symbol != reads.trades("ETHUSDT", 1)[0].symbol
    minute, hour = reads.forming("BTCUSDT", Interval.M1), reads.forming("BTCUSDT", Interval.H1)
    assert (minute and minute.interval, hour and hour.interval) == (Interval.M1, Interval.H1)
    assert len(reads.candles("BTCUSDT", Interval.M1, 3)) == 3
    assert len(reads.candles("BTCUSDT", Interval.M1, 4)) == 4


def test_a_store_that_just_failed_is_not_asked_again_by_the_same_read(
    reads: MarketReads, stores: CountedReads, clock: Seconds
) -> None:
    stores.away = True
    for symbol in ("BTCUSDT", "BTCUSDT", "ETHUSDT"):
        with pytest.raises(TransientError):
            reads.trades(symbol, 5)
    assert stores.asked == 1
    stores.away = False
    assert reads.book("BTCUSDT") is not None
    clock.now_s += AWAY_S
    assert reads.trades("BTCUSDT", 5)


def test_what_is_still_kept_is_answered_while_the_store_is_away(reads: MarketReads, stores: CountedReads) -> None:
    kept = reads.trades("BTCUSDT", 5)
    stores.away = True
    with pytest.raises(TransientError):
        reads.trades("ETHUSDT", 5)
    assert reads.trades("BTCUSDT", 5) == kept


def test_no_markets_yet_is_not_kept(reads: MarketReads, stores: CountedReads, clock: Seconds) -> None:
    stores.away = True
    with pytest.raises(TransientError):
        reads.symbols()
    stores.away = False
    clock.now_s += AWAY_S
    assert [market.symbol for market in reads.symbols()] == ["BTCUSDT", "ETHUSDT", "DOGEUSDT"]


@pytest.fixture
def cache() -> Iterator[Cache]:
    server = Flask("boards")
    with server.app_context():
        yield Cache(server, config={"CACHE_TYPE": "SimpleCache"})


def test_windows_have_rankings_of_their_own_each_kept_for_a_moment(
    cache: Cache, stores: CountedReads, clock: Seconds
) -> None:
    twin = MemoryRanking(stores)
    ranking = cached_ranking(twin, cache=cache, clock=clock)
    day = ranking.ranking("24h")
    twin.away = "MongoDB"
    assert ranking.ranking("24h") == day
    with pytest.raises(TransientError, match="MongoDB"):
        ranking.ranking("1h")


def test_each_range_of_days_is_kept_of_itself_and_gaps_by_market(
    cache: Cache, stores: CountedReads, clock: Seconds
) -> None:
    twin = MemoryQuality(stores, healed=[("BTCUSDT", 0)])
    quality = cached_quality(twin, cache=cache, clock=clock)
    week, day_ms = quality.days(7), quality.days(7)[0].day_ms
    found = quality.gaps("BTCUSDT", start_ms=day_ms, end_ms=day_ms + DAY_MS)
    twin.away = "MongoDB"
    assert quality.days(7) == week
    assert quality.gaps("BTCUSDT", start_ms=day_ms, end_ms=day_ms + DAY_MS) == found
    with pytest.raises(TransientError, match="MongoDB"):
        quality.days(14)
    with pytest.raises(TransientError, match="MongoDB"):
        quality.gaps("ETHUSDT", start_ms=day_ms, end_ms=day_ms + DAY_MS)
    assert quality.counts().dead_letters == 3


def test_a_read_of_the_system_that_failed_fails_at_once_for_a_moment_and_the_others_do_not(
    cache: Cache, stores: CountedReads, clock: Seconds
) -> None:
    twin = MemorySystem(stores, down=["MongoDB"])
    system = cached_system(twin, cache=cache, clock=clock)
    with pytest.raises(TransientError, match="MongoDB"):
        system.quality(3)
    twin.down = []
    with pytest.raises(TransientError, match="MongoDB"):
        system.quality(3)
    assert system.processes()
    clock.now_s += AWAY_S
    assert system.quality(3)
