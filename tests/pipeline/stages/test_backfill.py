"""A backfill: what it asks, what it sends, and what it says of every minute."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

import pytest

from pipeline.domain.gap import Cause, Stream
from pipeline.domain.interval import DAY_MS, MINUTE_MS, Interval
from pipeline.domain.names import Topics
from pipeline.stages import asking
from pipeline.stages.backfill import Backfill, Filled, pages
from pipeline.stages.backoff import Backoff
from tests.pipeline.stages.memory_exchange import ArchivedLog, MemoryExchange, a_mending
from tests.words import NOON_MS, a_candle


def exchange_of(minutes: Iterable[int]) -> MemoryExchange:
    return MemoryExchange.of_minutes([a_candle(n) for n in minutes], now_ms=NOON_MS + DAY_MS)


def backfill(exchange: MemoryExchange, log: ArchivedLog, *, minutes: int, dry_run: bool = False) -> Filled:
    mending, _gaps = a_mending(exchange, log, dry_run=dry_run)
    filled: dict[str, Filled] = {}
    end_ms = NOON_MS + minutes * MINUTE_MS
    asyncio.run(Backfill(mending, filled).run(["BTCUSDT"], start_ms=NOON_MS, end_ms=end_ms, show=lambda _: None))
    return filled["BTCUSDT"]


def test_every_minute_is_accounted_for() -> None:
    exchange, log = exchange_of([0, 1, 2, 3, 6]), ArchivedLog()
    log.stored.upsert([a_candle(0), a_candle(1, volume=Decimal(9))])
    told = backfill(exchange, log, minutes=7).detail()
    gap = [NOON_MS + 4 * MINUTE_MS, NOON_MS + 6 * MINUTE_MS]
    assert told == {
        "asked": 7, "present": 1, "fetched": 3, "repaired": 1,
        "unavailable": {"minutes": 2, "ranges": [gap]}, "failed": {"minutes": 0, "ranges": []},
    }  # fmt: skip


def test_what_was_fetched_is_stored_and_a_second_run_fetches_nothing() -> None:
    exchange, log = exchange_of(range(1_500)), ArchivedLog()
    assert backfill(exchange, log, minutes=1_500).fetched == 1_500
    again = backfill(exchange, log, minutes=1_500)
    assert (again.present, again.fetched, again.repaired) == (1_500, 0, 0)
    assert len(log.values(Topics().kline)) == 1_500


def test_a_candle_that_the_exchange_rewrote_is_repaired_though_it_was_verified_before() -> None:
    exchange, log = exchange_of(range(3)), ArchivedLog()
    backfill(exchange, log, minutes=3)
    exchange.now_ms += 1
    exchange.put([replace(a_candle(1), close=Decimal("99.5"))])
    assert backfill(exchange, log, minutes=3).repaired == 1
    held = log.stored.candles("BTCUSDT", interval=Interval.M1, start_ms=0, end_ms=2**53)
    assert [candle.close for candle in held] == [Decimal(100), Decimal("99.5"), Decimal(100)]


def test_a_dry_run_says_what_would_come_and_sends_nothing() -> None:
    log = ArchivedLog()
    assert backfill(exchange_of(range(3)), log, minutes=3, dry_run=True).fetched == 3
    assert (log.values(Topics().kline), log.stored.held) == ([], {})


def test_a_page_that_never_comes_is_told_apart_from_what_the_exchange_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "Backoff", lambda: Backoff(first_s=0))
    exchange = exchange_of(range(3))
    exchange.away = {Interval.M1}
    told = backfill(exchange, ArchivedLog(), minutes=3).detail()
    assert (told["failed"]["minutes"], told["unavailable"]["minutes"], len(exchange.asked)) == (3, 0, 8)


def test_a_minute_between_stored_ones_was_our_gap_and_older_history_was_never_collected() -> None:
    exchange, log = exchange_of([0, 1, 2, 4]), ArchivedLog()
    log.stored.upsert([a_candle(1), a_candle(4)])
    mending, gaps = a_mending(exchange, log)
    run = Backfill(mending, {}).run(["BTCUSDT"], start_ms=NOON_MS, end_ms=NOON_MS + 5 * MINUTE_MS, show=lambda _: None)
    asyncio.run(run)
    found = gaps.between(["BTCUSDT"], stream=Stream.KLINE, start=0, end=2**53)
    assert [((gap.start - NOON_MS) // MINUTE_MS, gap.cause, gap.is_open) for gap in found] == [
        (2, Cause.OURS, False), (3, Cause.EXCHANGE, False),
    ]  # fmt: skip


def test_pages_cover_every_minute_once_newest_first_and_symbols_in_turn() -> None:
    made = list(pages(["A", "B"], start_ms=0, end_ms=2_500 * MINUTE_MS))
    assert [(symbol, start // MINUTE_MS, end // MINUTE_MS) for symbol, start, end in made] == [
        ("A", 1_500, 2_500), ("B", 1_500, 2_500), ("A", 500, 1_500), ("B", 500, 1_500), ("A", 0, 500), ("B", 0, 500),
    ]  # fmt: skip
