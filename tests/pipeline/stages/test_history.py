"""The history fill and the sweep behind it, on memory twins."""

import asyncio
from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipeline.adapters.memory import MemoryCandles, MemoryPublisher
from pipeline.domain.candle import Candle, Revision
from pipeline.domain.interval import MINUTE_MS, Interval
from pipeline.domain.names import Topics
from pipeline.domain.records import decode_candle
from pipeline.stages.history import PAGE_MINUTES, SETTLED_MS, History, newest_first, pages
from tests.words import NOON_MS, a_candle


class MemoryVenue:
    """An exchange with the minutes it was given; it notes what it was asked for."""

    def __init__(self, minutes: Sequence[int], *, now_ms: int) -> None:
        self.rows = {NOON_MS + minute * MINUTE_MS: minute for minute in minutes}
        self.now_ms = now_ms
        self.asked: list[tuple[str, int, int]] = []

    async def server_ms(self) -> int:
        return self.now_ms

    async def klines(
        self, symbol: str, interval: Interval, *, start_ms: int, end_ms: int, received_ms: int
    ) -> list[Candle]:
        self.asked.append((symbol, start_ms, end_ms))
        return [
            a_candle(minute, symbol=symbol, revision=Revision.REST, source="rest", received_ms=received_ms)
            for open_ms, minute in sorted(self.rows.items())
            if start_ms <= open_ms < end_ms
        ]


def a_history(venue: MemoryVenue, stored: MemoryCandles) -> tuple[History, MemoryPublisher]:
    publisher = MemoryPublisher()
    return History(venue=venue, stored=stored, publisher=publisher, topics=Topics(), clock=lambda: 1), publisher


def published(publisher: MemoryPublisher) -> list[int]:
    candles = [decode_candle(value) for value in publisher.values(Topics().kline)]
    assert all(candle.revision is Revision.REST for candle in candles)
    return [(candle.open_ms - NOON_MS) // MINUTE_MS for candle in candles]


def fill(history: History, **range_ms: int) -> dict[str, Any]:
    return asyncio.run(history.fill(["BTCUSDT"], **range_ms)).detail()


@given(st.sets(st.integers(0, 5_000), max_size=60))
def test_the_pages_cover_each_missing_minute_once_newest_first(minutes: set[int]) -> None:
    missing = [minute * MINUTE_MS for minute in sorted(minutes)]
    plan = pages("BTCUSDT", missing)
    covered = [[t for t in missing if page.start_ms <= t < page.end_ms] for page in plan]
    assert sorted(t for page in covered for t in page) == missing
    assert [page.missing for page in plan] == [len(page) for page in covered]
    assert all(page.end_ms - page.start_ms <= PAGE_MINUTES * MINUTE_MS for page in plan)
    assert [page.start_ms for page in plan] == sorted((page.start_ms for page in plan), reverse=True)


def test_every_market_gets_its_newest_page_before_any_gets_an_older_one() -> None:
    books = [pages(symbol, [t * MINUTE_MS for t in range(2_500)]) for symbol in ("A", "B")]
    assert [page.symbol for page in newest_first(books)] == ["A", "B", "A", "B", "A", "B"]


def test_only_what_the_store_lacks_is_asked_for_and_what_the_exchange_lacks_is_told_apart() -> None:
    stored = MemoryCandles()
    stored.upsert([a_candle(minute) for minute in (0, 1, 2)])
    venue = MemoryVenue([0, 1, 2, 3, 5], now_ms=NOON_MS + 10 * MINUTE_MS)
    history, publisher = a_history(venue, stored)
    told = fill(history, start_ms=NOON_MS, end_ms=NOON_MS + 6 * MINUTE_MS)
    assert published(publisher) == [3, 5]
    assert (told["total"], told["fetched"], told["unavailable"], told["state"]) == (3, 2, 1, "done")
    assert venue.asked == [("BTCUSDT", NOON_MS + 3 * MINUTE_MS, NOON_MS + 6 * MINUTE_MS)]


def test_a_full_store_asks_nothing() -> None:
    stored = MemoryCandles()
    stored.upsert([a_candle(minute) for minute in range(5)])
    venue = MemoryVenue(range(5), now_ms=NOON_MS + 5 * MINUTE_MS)
    history, publisher = a_history(venue, stored)
    fill(history, start_ms=NOON_MS, end_ms=NOON_MS + 5 * MINUTE_MS)
    assert (venue.asked, published(publisher)) == ([], [])


def test_a_minute_the_stream_never_closed_comes_over_rest_once_it_is_settled() -> None:
    stored = MemoryCandles()
    stored.upsert([a_candle(minute) for minute in (0, 1, 3)])
    venue = MemoryVenue(range(5), now_ms=NOON_MS + 5 * MINUTE_MS + SETTLED_MS - 1)
    history, publisher = a_history(venue, stored)
    assert asyncio.run(history.sweep(["BTCUSDT"], oldest_ms=NOON_MS)) == 1
    assert published(publisher) == [2]
    assert history.detail()["repairedMinutes"] == 1
