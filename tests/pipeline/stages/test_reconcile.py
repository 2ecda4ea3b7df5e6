"""Stored candles beside the exchange's own: what matches, what is healed, what is the exchange's own fault."""

import asyncio
import gzip
import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pipeline.domain.candle import Candle, Revision
from pipeline.domain.comparison import Verdict
from pipeline.domain.gap import Cause, Stream
from pipeline.domain.interval import DAY_MS, MINUTE_MS, Interval
from pipeline.domain.names import Topics
from pipeline.stages import asking
from pipeline.stages.backoff import Backoff
from pipeline.stages.reconcile import Outcome, Reconcile, Tally, windows
from tests.pipeline.stages.memory_exchange import ArchivedLog, MemoryExchange, a_mending
from tests.words import a_candle

MIDNIGHT_MS = 1_700_006_400_000
"""2023-11-15 00:00 UTC."""
DAY = range(1_440)


def minute(number: int, **other: Any) -> Candle:
    words = {"volume": Decimal(number % 7 + 1), "high": str(101 + number % 5), "open": "100.5"}
    return a_candle(0, **{**words, "open_ms": MIDNIGHT_MS + number * MINUTE_MS, **other})


def a_day(numbers: Iterable[int] = DAY) -> list[Candle]:
    return [minute(number) for number in numbers]


def exchange_of(minutes: Iterable[Candle]) -> MemoryExchange:
    return MemoryExchange.of_minutes(minutes, now_ms=MIDNIGHT_MS + 2 * DAY_MS)


def log_of(minutes: Iterable[Candle]) -> ArchivedLog:
    log = ArchivedLog()
    log.stored.upsert(minutes)
    return log


def reconcile(
    exchange: MemoryExchange,
    log: ArchivedLog,
    *,
    dry_run: bool = False,
    end_ms: int = MIDNIGHT_MS + DAY_MS,
    start_ms: int = MIDNIGHT_MS,
    intervals: Sequence[Interval] = tuple(Interval),
) -> Outcome:
    mending, _gaps = a_mending(exchange, log, dry_run=dry_run)
    outcome = Outcome()
    work = Reconcile(mending, outcome, intervals)
    asyncio.run(work.run(["BTCUSDT"], start_ms=start_ms, end_ms=end_ms, show=lambda _: None))
    return outcome


def tally(outcome: Outcome, interval: Interval) -> Tally:
    return outcome.tallies["BTCUSDT", interval]


def stored(log: ArchivedLog, interval: Interval = Interval.M1) -> dict[int, Candle]:
    held = log.stored.candles("BTCUSDT", interval=interval, start_ms=0, end_ms=2**53)
    return {candle.open_ms: candle for candle in held}


def test_what_equals_the_exchange_matches_at_every_interval_and_is_stamped_with_when() -> None:
    exchange, log = exchange_of(a_day()), log_of(a_day())
    outcome = reconcile(exchange, log)
    assert outcome.matched
    compared = {interval.value: tally(outcome, interval).compared for interval in Interval}
    assert compared == {"1m": 1_440, "5m": 288, "15m": 96, "1h": 24, "4h": 6, "1d": 1}
    assert {candle.verified_ms for candle in stored(log).values()} == {exchange.now_ms}


def test_comparing_again_within_a_day_writes_nothing_and_later_stamps_again() -> None:
    exchange, log = exchange_of(a_day(range(60))), log_of(a_day(range(60)))
    end_ms = MIDNIGHT_MS + 60 * MINUTE_MS
    for later_ms, records in ((0, 60), (DAY_MS, 60), (2 * DAY_MS, 120)):
        exchange.now_ms = MIDNIGHT_MS + 2 * DAY_MS + later_ms
        assert reconcile(exchange, log, end_ms=end_ms).matched
        assert len(log.values(Topics().kline)) == records


def test_a_wrong_and_a_lost_minute_are_found_at_every_interval_healed_and_gone_the_next_time() -> None:
    wrong = minute(65, volume=Decimal(99), revision=Revision.REST)
    exchange, log = exchange_of(a_day()), log_of([*a_day(n for n in DAY if n not in (65, 700)), wrong])
    outcome = reconcile(exchange, log)
    minutes = tally(outcome, Interval.M1)
    assert not outcome.matched
    assert (minutes.differ, minutes.missing, minutes.healed, minutes.equal) == (1, 1, 2, 1_438)
    for interval, differ in ((Interval.M5, 2), (Interval.M15, 2), (Interval.H1, 2), (Interval.H4, 2), (Interval.D1, 1)):
        assert (tally(outcome, interval).differ, tally(outcome, interval).healed) == (differ, differ), interval
    (finding,) = [f for f in outcome.findings if f.interval is Interval.M1 and f.verdict is Verdict.DIFFERS]
    told = finding.detail()
    assert (told["ours"]["volume"], told["theirs"]["volume"]) == (Decimal(99), minute(65).volume)
    assert reconcile(exchange, log).matched
    assert stored(log)[minute(65).open_ms].values == minute(65).values


def test_a_dry_run_finds_the_same_and_changes_nothing() -> None:
    exchange, log = exchange_of(a_day()), log_of(a_day(n for n in DAY if n != 700))
    before = dict(log.stored.held)
    outcome = reconcile(exchange, log, dry_run=True)
    assert (tally(outcome, Interval.M1).missing, tally(outcome, Interval.M1).healed) == (1, 0)
    assert (log.stored.held, log.values(Topics().kline)) == (before, [])


def test_an_outage_of_the_exchange_matches_and_is_noted_as_its_gap() -> None:
    there = [n for n in DAY if not 600 <= n < 760]
    exchange, log = exchange_of(a_day(there)), log_of(a_day(there))
    mending, gaps = a_mending(exchange, log)
    outcome = Outcome()
    asyncio.run(
        Reconcile(mending, outcome).run(
            ["BTCUSDT"], start_ms=MIDNIGHT_MS, end_ms=MIDNIGHT_MS + DAY_MS, show=lambda _: None
        )
    )
    assert outcome.matched
    assert tally(outcome, Interval.M1).exchange_gaps == 160
    hours = tally(outcome, Interval.H1)
    assert (hours.compared, hours.equal, hours.exchange_gaps) == (22, 22, 3)
    (gap,) = gaps.between(["BTCUSDT"], stream=Stream.KLINE, start=0, end=2**53)
    assert (gap.start, gap.end, gap.cause) == (minute(600).open_ms, minute(760).open_ms, Cause.EXCHANGE)


def test_a_longer_candle_that_its_own_minutes_do_not_make_is_flagged_and_not_healed() -> None:
    exchange, log = exchange_of(a_day()), log_of(a_day())
    off = replace(exchange.held[Interval.M5, MIDNIGHT_MS], volume=Decimal(10_000))
    exchange.put([off])
    for _ in range(2):
        outcome = reconcile(exchange, log)
        fives = tally(outcome, Interval.M5)
        assert (fives.inconsistent, fives.differ, fives.healed, fives.equal) == (1, 0, 0, 287)
        assert not outcome.matched
        assert [finding.verdict for finding in outcome.findings] == [Verdict.INCONSISTENT]


def test_a_minute_only_we_have_is_a_difference() -> None:
    exchange, log = exchange_of(a_day(range(60))), log_of(a_day(range(61)))
    outcome = reconcile(exchange, log, end_ms=MIDNIGHT_MS + 61 * MINUTE_MS)
    assert (tally(outcome, Interval.M1).differ, tally(outcome, Interval.M1).healed) == (1, 0)


def test_only_whole_buckets_are_compared() -> None:
    exchange, log = exchange_of(a_day()), log_of(a_day())
    outcome = reconcile(exchange, log, start_ms=minute(3).open_ms, end_ms=minute(124).open_ms)
    compared = {interval.value: tally(outcome, interval).compared for interval in Interval}
    assert compared == {"1m": 121, "5m": 23, "15m": 7, "1h": 1, "4h": 0, "1d": 0}
    assert outcome.matched


def test_the_exchanges_own_older_hour_is_compared_and_put_right_in_its_collection() -> None:
    exchange = MemoryExchange(MIDNIGHT_MS + 9 * DAY_MS)
    theirs = exchange_of(a_day()).held[Interval.H1, MIDNIGHT_MS]
    exchange.put([theirs])
    log = log_of([replace(theirs, present=None, close=Decimal("99.9"), revision=Revision.REST, source="rest")])
    outcome = reconcile(exchange, log, intervals=(Interval.H1,))
    assert (tally(outcome, Interval.H1).differ, tally(outcome, Interval.H1).healed) == (1, 1)
    assert reconcile(exchange, log, intervals=(Interval.H1,)).matched
    assert stored(log, Interval.H1)[MIDNIGHT_MS].verified_ms == exchange.now_ms


def test_a_stored_short_hour_that_equals_the_exchanges_says_whose_gap_it_is() -> None:
    exchange, log = exchange_of(a_day(range(50))), log_of(a_day(range(50)))
    log.stored.upsert([replace(exchange.held[Interval.H1, MIDNIGHT_MS], revision=Revision.CLOSED)])
    assert reconcile(exchange, log, end_ms=MIDNIGHT_MS + 60 * MINUTE_MS).matched
    hour = stored(log, Interval.H1)[MIDNIGHT_MS]
    assert (hour.present, hour.complete, hour.verified_ms, hour.cause) == (50, False, exchange.now_ms, "exchange")


def test_a_stored_longer_candle_that_is_wrong_is_replaced_by_the_fold_of_right_minutes() -> None:
    exchange, log = exchange_of(a_day()), log_of(a_day())
    log.stored.upsert([replace(exchange.held[Interval.H1, MIDNIGHT_MS], trades=9_999, revision=Revision.REST)])
    assert tally(reconcile(exchange, log), Interval.H1).healed == 1
    assert reconcile(exchange, log).matched
    assert stored(log, Interval.H1)[MIDNIGHT_MS].present == 60


def test_an_exchange_that_never_answers_is_no_match(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "Backoff", lambda: Backoff(first_s=0))
    exchange, log = exchange_of(a_day()), log_of(a_day())
    exchange.away = {Interval.H4}
    outcome = reconcile(exchange, log)
    assert (tally(outcome, Interval.H4).failed, tally(outcome, Interval.H1).failed) == (6, 0)
    assert not outcome.matched


def test_quote_volumes_may_differ_by_the_exchanges_rounding_and_by_no_more() -> None:
    for off, matches in ((Decimal("0.00000005"), True), (Decimal("0.00000006"), False)):
        exchange, log = exchange_of(a_day(range(5))), log_of(a_day(range(5)))
        five = exchange.held[Interval.M5, MIDNIGHT_MS]
        exchange.put([replace(five, quote_volume=five.quote_volume + off)])
        assert reconcile(exchange, log, end_ms=MIDNIGHT_MS + 5 * MINUTE_MS).matched is matches


def test_windows_cover_the_range_and_cut_no_day() -> None:
    start_ms, end_ms = MIDNIGHT_MS + 90 * MINUTE_MS, MIDNIGHT_MS + 10 * DAY_MS + MINUTE_MS
    cut = list(windows(start_ms, end_ms))
    assert cut[0][0] == start_ms
    assert cut[-1][1] == end_ms
    assert all(one[1] == other[0] and one[1] % DAY_MS == 0 for one, other in pairwise(cut))


RECORDED = Path(os.environ.get("MARKET_DATA_DIR") or "-") / "candles" / "april_2021"
recorded = pytest.mark.skipif(not RECORDED.is_dir(), reason="MARKET_DATA_DIR names no folder with candles/ in it")


def official(symbol: str, interval: Interval, *, start_ms: int, end_ms: int) -> list[Candle]:
    """Recorded rows ``[open ms, open, high, low, close, volume]`` of the exchange."""
    rows = json.loads(gzip.decompress((RECORDED / f"{symbol}-{interval.value}.json.gz").read_bytes()))
    zero = Decimal(0)
    return [
        Candle(
            symbol="BTCUSDT", interval=interval, open_ms=row[0],
            open=Decimal(str(row[1])), high=Decimal(str(row[2])), low=Decimal(str(row[3])), close=Decimal(str(row[4])),
            volume=Decimal(str(row[5])), quote_volume=zero, trades=0,
            taker_buy_volume=zero, taker_buy_quote_volume=zero,
            closed=True, revision=Revision.CLOSED, source="ws", event_ms=row[0], received_ms=row[0],
        )
        for row in rows
        if start_ms <= row[0] < end_ms
    ]  # fmt: skip


def recorded_outcome(symbol: str, start_ms: int, end_ms: int, lost: Callable[[Candle], bool]) -> Outcome:
    intervals = (Interval.M1, Interval.M5)
    exchange = MemoryExchange(end_ms + DAY_MS)
    for interval in intervals:
        exchange.put(official(symbol, interval, start_ms=start_ms, end_ms=end_ms))
    minutes = [candle for candle in exchange.held.values() if candle.interval is Interval.M1 and not lost(candle)]
    return reconcile(exchange, log_of(minutes), start_ms=start_ms, end_ms=end_ms, intervals=intervals)


APRIL_22_MS, APRIL_25_MS = 1_619_049_600_000, 1_619_308_800_000


@recorded
@pytest.mark.parametrize("symbol", ["BTC_USDT", "ATOM_USDT", "XTZ_USDT"])
def test_the_two_windows_in_which_the_exchange_contradicts_itself_are_flagged_and_nothing_else(symbol: str) -> None:
    outcome = recorded_outcome(symbol, APRIL_22_MS, APRIL_22_MS + 2 * DAY_MS, lost=lambda _: False)
    assert {finding.verdict for finding in outcome.findings} == {Verdict.INCONSISTENT}
    flagged = [(finding.pair.open_ms - APRIL_22_MS) // MINUTE_MS for finding in outcome.findings]
    first, second = (2 * 60 + 10, 2 * 60 + 25), (1_440 + 100, 1_440 + 170)
    assert all(first[0] <= at < first[1] or second[0] <= at < second[1] for at in flagged)
    assert any(at < 1_440 for at in flagged)
    assert any(at > 1_440 for at in flagged)
    assert tally(outcome, Interval.M1).matched


@recorded
def test_the_outage_of_april_2021_is_the_exchanges_and_a_minute_we_lost_beside_it_is_ours() -> None:
    lost_ms = APRIL_25_MS + 200 * MINUTE_MS
    outcome = recorded_outcome("BTC_USDT", APRIL_25_MS, APRIL_25_MS + DAY_MS, lost=lambda c: c.open_ms == lost_ms)
    minutes, fives = tally(outcome, Interval.M1), tally(outcome, Interval.M5)
    assert minutes.exchange_gaps == 284
    assert (minutes.missing, minutes.healed, fives.differ, fives.healed, fives.inconsistent) == (1, 1, 1, 1, 0)
    assert {finding.pair.open_ms for finding in outcome.findings if finding.interval is Interval.M1} == {lost_ms}
