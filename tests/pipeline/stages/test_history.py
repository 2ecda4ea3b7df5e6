"""The history fill and the sweep behind it, on memory twins."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.adapters.memory import MemoryCandles, MemoryGaps, MemoryPublisher
from pipeline.domain.candle import Candle, Revision
from pipeline.domain.faults import BadMessageError, Fault, RefusedError, TransientError
from pipeline.domain.gap import Stream
from pipeline.domain.interval import DAY_MS, MINUTE_MS, Interval
from pipeline.domain.names import Topics
from pipeline.domain.records import decode_candle
from pipeline.stages import asking, backoff
from pipeline.stages import history as module
from pipeline.stages.asking import PAGE
from pipeline.stages.backoff import Backoff, Patience
from pipeline.stages.history import SETTLED_MS, AskedInVain, History, newest_first, pages
from tests.servers.waiting import until
from tests.words import NOON_MS, a_candle


class MemoryVenue:
    """An exchange with the minutes it was given; it notes what it was asked for."""

    def __init__(self, minutes: Sequence[int], *, now_ms: int) -> None:
        self.rows = {NOON_MS + minute * MINUTE_MS: minute for minute in minutes}
        self.now_ms = now_ms
        self.asked: list[tuple[str, int, int]] = []
        self.away = False
        self.faults: list[Fault] = []
        """What is answered first, one a request."""

    async def server_ms(self) -> int:
        self._fail()
        return self.now_ms

    def _fail(self) -> None:
        if self.faults:
            raise self.faults.pop(0)

    async def klines(
        self, symbol: str, interval: Interval, *, start_ms: int, end_ms: int, received_ms: int
    ) -> list[Candle]:
        self._fail()
        self.asked.append((symbol, start_ms, end_ms))
        if self.away:
            raise TransientError("the exchange is away")
        if interval is not Interval.M1:
            return [a_longer(interval, open_ms) for open_ms in range(start_ms, end_ms, interval.ms)]
        return [
            a_candle(minute, symbol=symbol, revision=Revision.REST, source="rest", received_ms=received_ms)
            for open_ms, minute in sorted(self.rows.items())
            if start_ms <= open_ms < end_ms
        ]


def a_longer(interval: Interval, open_ms: int) -> Candle:
    rest = a_candle(open_ms=open_ms, present=None, revision=Revision.REST, source="rest", verified_ms=1)
    return replace(rest, interval=interval)


def ledger(history: History) -> list[tuple[int, int, str, bool]]:
    """Every gap of minutes: from, to, whose, whether healed."""
    found = history.gaps.between(["BTCUSDT"], stream=Stream.KLINE, start=0, end=2**53)
    return [
        ((g.start - NOON_MS) // MINUTE_MS, (g.end - NOON_MS) // MINUTE_MS, g.cause.value, g.healed_ms is not None)
        for g in found
    ]


def a_history(venue: MemoryVenue, stored: MemoryCandles) -> tuple[History, MemoryPublisher]:
    publisher = MemoryPublisher()
    gaps = MemoryGaps()
    history = History(
        venue=venue, stored=stored, gaps=gaps, publisher=publisher, topics=Topics(), clock=lambda: venue.now_ms
    )
    return history, publisher


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
    assert [list(page.missing) for page in plan] == covered
    assert all(page.end_ms - page.start_ms <= PAGE * MINUTE_MS for page in plan)
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


def test_a_minute_of_ours_is_told_apart_from_one_the_exchange_lacks_and_from_history_never_collected() -> None:
    stored = MemoryCandles()
    stored.upsert([a_candle(minute) for minute in (5, 6, 9, 12)])
    venue = MemoryVenue([3, 4, 5, 6, 7, 9, 12, 13], now_ms=NOON_MS + 60 * MINUTE_MS)
    history, publisher = a_history(venue, stored)
    fill(history, start_ms=NOON_MS + 3 * MINUTE_MS, end_ms=NOON_MS + 14 * MINUTE_MS)
    assert sorted(published(publisher)) == [3, 4, 5, 6, 7, 9, 12, 13]
    assert ledger(history) == [(7, 8, "ours", True), (8, 9, "exchange", False), (10, 12, "exchange", False)]


def test_a_minute_missed_while_nothing_ran_is_ours() -> None:
    stored = MemoryCandles()
    stored.upsert([a_candle(0)])
    venue = MemoryVenue(range(4), now_ms=NOON_MS + 60 * MINUTE_MS)
    history, _publisher = a_history(venue, stored)
    history.began_ms = NOON_MS + 4 * MINUTE_MS
    fill(history, start_ms=NOON_MS, end_ms=NOON_MS + 4 * MINUTE_MS)
    assert ledger(history) == [(1, 4, "ours", True)]


@pytest.mark.parametrize("days", [0, 1])
async def test_a_minute_missed_while_nothing_ran_comes_whether_or_not_history_is_wanted(days: int) -> None:
    stored = MemoryCandles()
    stored.upsert([a_candle(0)])
    venue = MemoryVenue(range(-1_440, 4), now_ms=NOON_MS + 4 * MINUTE_MS)
    history, publisher = a_history(venue, stored)
    task = asyncio.create_task(history.keep(lambda: ["BTCUSDT"], days=days))
    await until(lambda: history.report.state == "done" or task.done(), within_s=5, what="the fill")
    task.cancel()
    came = set(published(publisher))
    assert came >= {1, 2, 3}
    assert (min(came) < 0) is bool(days)


def test_what_just_ended_is_not_yet_called_a_gap_of_the_exchange() -> None:
    venue = MemoryVenue([0], now_ms=NOON_MS + 3 * MINUTE_MS)
    history, _publisher = a_history(venue, MemoryCandles())
    told = fill(history, start_ms=NOON_MS, end_ms=NOON_MS + 3 * MINUTE_MS)
    assert (told["fetched"], told["unavailable"], ledger(history)) == (1, 2, [])


def test_what_the_exchange_lacks_is_asked_for_ever_more_rarely() -> None:
    venue = MemoryVenue([], now_ms=NOON_MS + 60 * MINUTE_MS)
    history, _publisher = a_history(venue, MemoryCandles())
    for _ in range(60):
        fill(history, start_ms=NOON_MS, end_ms=NOON_MS + 2 * MINUTE_MS)
        venue.now_ms += MINUTE_MS
    assert [(start - NOON_MS) // MINUTE_MS for _symbol, start, _end in venue.asked] == [0] * 6
    assert ledger(history) == [(0, 2, "exchange", False)]


def test_it_is_asked_for_at_least_once_a_day() -> None:
    vain, asked = AskedInVain(), []
    for hour in range(24 * 10):
        if vain.due("BTCUSDT", [0], now_ms=hour * 3_600_000):
            asked.append(hour)
            vain.note("BTCUSDT", [0], now_ms=hour * 3_600_000)
    assert max(later - earlier for earlier, later in pairwise(asked)) == 24


def test_all_minutes_come_newest_first_and_the_longer_candles_after_them() -> None:
    venue = MemoryVenue([], now_ms=NOON_MS + 10 * MINUTE_MS)
    history, _publisher = a_history(venue, MemoryCandles())
    asyncio.run(history.begin(["BTCUSDT"], start_ms=NOON_MS - 3 * DAY_MS, end_ms=NOON_MS))
    longs = [(end - start) // MINUTE_MS for _symbol, start, end in venue.asked]
    assert longs == [PAGE, PAGE, PAGE, PAGE, 320, PAGE * 1440, PAGE * 240, PAGE * 60]


def test_longer_candles_of_before_the_minutes_are_the_exchanges_own_and_fetched_once() -> None:
    venue, stored = MemoryVenue([], now_ms=NOON_MS), MemoryCandles()
    history, _publisher = a_history(venue, stored)
    for _ in range(2):
        asyncio.run(history.longer.fill(["BTCUSDT"], before_ms=NOON_MS + 30 * MINUTE_MS))
    assert len(venue.asked) == 3
    for interval in (Interval.H1, Interval.H4, Interval.D1):
        held = stored.candles("BTCUSDT", interval=interval, start_ms=0, end_ms=2**53)
        assert len(held) == PAGE
        assert held[-1].open_ms == interval.open_ms(NOON_MS)
        assert {(c.present, c.complete, c.source, c.verified_ms) for c in held} == {(None, False, "rest", 1)}


def test_a_longer_candle_that_went_missing_is_fetched_again() -> None:
    venue, stored = MemoryVenue([], now_ms=NOON_MS), MemoryCandles()
    history, _publisher = a_history(venue, stored)
    asyncio.run(history.longer.fill(["BTCUSDT"], before_ms=NOON_MS))
    lost = next(key for key in stored.held if key[1] is Interval.D1)
    del stored.held[lost]
    asyncio.run(history.longer.fill(["BTCUSDT"], before_ms=NOON_MS))
    assert lost in stored.held
    assert history.longer.counts["1d"] == PAGE + 1


def test_a_page_that_never_came_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "Backoff", lambda: Backoff(first_s=0))
    venue = MemoryVenue(range(3), now_ms=NOON_MS + 60 * MINUTE_MS)
    history, publisher = a_history(venue, MemoryCandles())
    span = {"start_ms": NOON_MS, "end_ms": NOON_MS + 3 * MINUTE_MS}
    venue.away = True
    assert fill(history, **span)["failed"] == 3
    venue.away = False
    asyncio.run(history.fill_again(["BTCUSDT"], **span))
    told = history.report.detail()
    assert (told["failed"], told["fetched"], told["total"]) == (0, 3, 3)
    assert published(publisher) == [0, 1, 2]


@pytest.mark.parametrize(
    "fault", [RefusedError("403"), RefusedError("451"), BadMessageError("a page"), TransientError("away")], ids=str
)
async def test_whatever_is_answered_the_history_comes_in_the_end(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "Backoff", lambda: Backoff(first_s=0))
    monkeypatch.setattr(backoff, "REFUSED_WAIT_S", 0.0)
    monkeypatch.setattr(module, "SWEEP_EVERY_S", 0.001)
    venue = MemoryVenue(range(-DAY_MS // MINUTE_MS, 0), now_ms=NOON_MS)
    history, publisher = a_history(venue, MemoryCandles())
    history.patience = Patience(Backoff(first_s=0))
    venue.faults = [fault] * 3
    task = asyncio.create_task(history.keep(lambda: ["BTCUSDT"], days=1))
    await until(lambda: history.report.fetched == 1_440 or task.done(), within_s=5, what="a day of minutes")
    venue.faults = [fault] * 3
    await until(lambda: not venue.faults or task.done(), within_s=5, what="sweeps that fail")
    assert not task.done(), task.exception()
    task.cancel()
    assert set(published(publisher)) == set(range(-1_440, 0))
