"""Gaps, books and counts as a reader sees them."""

from dataclasses import replace
from typing import Any

from layouts.parts.trust import book_table, clock, day_detail, gap_table, share, tiles
from pipeline.domain.gap import Cause, Gap, Stream
from pipeline.domain.interval import MINUTE_MS
from pipeline.domain.quality import Counts, MarketTrust, Match, TradeGaps
from tests.layouts.parts.test_heatmap import DAY_MS_23_NOV, a_day
from tests.layouts.reading import rows_of, text_of


def at(minute: int) -> int:
    return DAY_MS_23_NOV + minute * MINUTE_MS


def a_gap(**other: Any) -> Gap:
    gap = Gap(
        symbol="BTCUSDT", stream=Stream.KLINE, start=at(60), end=at(75), cause=Cause.OURS, reason="silence",
        detected_ms=at(76),
    )  # fmt: skip
    return replace(gap, **other)


def a_market(**other: Any) -> MarketTrust:
    market = MarketTrust(
        symbol="BTCUSDT", state="synced", ticker=Match(compared=200, matched=200),
        audit=Match(compared=2_000, matched=2_000, at_ms=at(0)), resyncs=0,
        trades=TradeGaps(open=0, missing_ids=0, healed=0), event_ms=at(1), received_ms=at(1),
    )  # fmt: skip
    return replace(market, **other)


def test_a_gap_has_its_times_whose_it_is_and_when_it_was_filled() -> None:
    gaps = [a_gap(), a_gap(healed_ms=at(90)), a_gap(cause=Cause.EXCHANGE)]
    assert rows_of(gap_table(gaps, day_ms=DAY_MS_23_NOV)) == [
        "01:00 01:15 15 ✕ ours not yet 01:16 silence",
        "01:00 01:15 15 ● ours 01:30 01:16 silence",
        "01:00 01:15 15 ◇ exchange never published 01:16 silence",
    ]


def test_a_time_of_another_day_has_its_date_and_the_day_s_end_is_twenty_four() -> None:
    assert clock(at(-1), day_ms=DAY_MS_23_NOV) == "22 Nov 23:59"
    assert clock(at(1_440), day_ms=DAY_MS_23_NOV) == "24:00"
    assert clock(at(1_441), day_ms=DAY_MS_23_NOV) == "24 Nov 00:01"


def test_what_nobody_has_looked_into_is_said() -> None:
    assert "Nobody has looked into what lacks yet." in text_of(day_detail(a_day(present=1_439), []))
    assert "No gap is known of this day." in text_of(day_detail(a_day(), []))


def test_a_book_is_told_beside_the_exchange_s_and_with_its_trades() -> None:
    markets = [
        a_market(),
        a_market(state="resyncing", ticker=Match(compared=1_000, matched=999), audit=Match(compared=0, matched=0)),
        a_market(state=None, trades=TradeGaps(open=2, missing_ids=1_234, healed=0), received_ms=None),
    ]
    assert rows_of(book_table(markets, now_ms=at(3))) == [
        "BTCUSDT ● synced 100 % 100 % 3 min ago 0 ● whole 2 min",
        "BTCUSDT ▲ resyncing 99.9 % – – 0 ● whole 2 min",
        "BTCUSDT ▲ no book yet 100 % 100 % 3 min ago 0 ✕ 1,234 lack no data",
    ]


def test_a_share_is_never_rounded_up() -> None:
    assert share(Match(compared=1_000_000, matched=999_999)) == "99.9 %"


def test_what_nobody_has_counted_is_a_dash_and_no_nought() -> None:
    counts = Counts(
        dead_letters=0, repaired_minutes=None, repaired_trades=None, resyncs=2, weight_used=120, weight_limit=6_000
    )
    text = text_of(tiles(counts))
    assert "Dead letters 0" in text
    assert "Minutes repaired –" in text
    assert "Request weight 120 / 6,000" in text
