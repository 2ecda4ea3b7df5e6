"""Cached reads ask the stores once a beat, keep markets and intervals apart, and never keep an error."""

from collections.abc import Iterator, Sequence

import pytest
from flask import Flask
from flask_caching import Cache

from callbacks.cached import cached_reads
from callbacks.reads import MarketReads
from pipeline.domain.faults import TransientError
from pipeline.domain.interval import Interval
from pipeline.domain.trade import Trade
from tests.callbacks.memory_reads import MemoryReads

NOW_MS = 1_700_049_630_000


class CountedReads(MemoryReads):
    asked = 0

    def trades(self, symbol: str, limit: int) -> Sequence[Trade]:
        self.asked += 1
        return super().trades(symbol, limit)


@pytest.fixture
def stores() -> CountedReads:
    return CountedReads(now_ms=lambda: NOW_MS)


@pytest.fixture
def reads(stores: CountedReads) -> Iterator[MarketReads]:
    server = Flask("cached")
    cache = Cache(server, config={"CACHE_TYPE": "SimpleCache"})
    with server.app_context():
        yield cached_reads(stores, cache=cache)


def test_a_second_question_is_answered_without_the_store(reads: MarketReads, stores: CountedReads) -> None:
    assert reads.trades("BTCUSDT", 5) == reads.trades("BTCUSDT", 5)
    assert stores.asked == 1


def test_markets_and_intervals_have_answers_of_their_own(reads: MarketReads) -> None:
    assert reads.trades("BTCUSDT", 1)[0].symbol != reads.trades("ETHUSDT", 1)[0].symbol
    minute, hour = reads.forming("BTCUSDT", Interval.M1), reads.forming("BTCUSDT", Interval.H1)
    assert (minute and minute.interval, hour and hour.interval) == (Interval.M1, Interval.H1)
    assert len(reads.candles("BTCUSDT", Interval.M1, 3)) == 3
    assert len(reads.candles("BTCUSDT", Interval.M1, 4)) == 4


def test_an_error_is_not_kept(reads: MarketReads, stores: CountedReads) -> None:
    stores.away = True
    with pytest.raises(TransientError):
        reads.book("BTCUSDT")
    stores.away = False
    assert reads.book("BTCUSDT") is not None


def test_no_markets_yet_is_not_kept(reads: MarketReads, stores: CountedReads) -> None:
    stores.away = True
    with pytest.raises(TransientError):
        reads.symbols()
    stores.away = False
    assert [market.symbol for market in reads.symbols()] == ["BTCUSDT", "ETHUSDT", "DOGEUSDT"]
