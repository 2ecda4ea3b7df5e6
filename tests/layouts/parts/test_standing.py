"""How the system stands can be read without its colours, and what is not known is never a figure."""

from typing import Any

import pytest

from layouts.parts import standing
from layouts.parts.standing import Day, Freshness, Process, Store
from tests.layouts.reading import every, rows_of, text_of


def test_a_store_that_is_down_has_no_latency() -> None:
    table = standing.store_table(
        [Store(name="Redis", up=True, latency_ms=0.42), Store(name="MongoDB", up=False, latency_ms=1500.0)]
    )
    assert rows_of(table) == ["Redis ● up 0.4 ms", "MongoDB ✕ down –"]


@pytest.mark.parametrize(
    ("age_ms", "words"),
    [(1_200, "● running 7 1 s ago"), (6_000, "▲ late 7 6 s ago"), (None, "✕ silent 7 none")],
)
def test_a_process_is_running_late_or_silent(age_ms: int | None, words: str) -> None:
    table = standing.process_table([Process(name="cache", pid=7, age_ms=age_ms, counts={"records": 12_345})])
    assert rows_of(table) == [f"cache {words} 12,345  records"]


@pytest.mark.parametrize(
    ("age_ms", "book", "words"),
    [
        (300, "synced", "< 1 s ● synced"), (300, "resyncing", "< 1 s ▲ resyncing"), (300, None, "< 1 s ▲ no book yet"),
        (15_000, "synced", "15 s ✕ stale"), (None, None, "no data ✕ stale"),
    ],
)  # fmt: skip
def test_an_old_market_is_stale_whatever_its_book_said(age_ms: int | None, book: str | None, words: str) -> None:
    table = standing.freshness_table([Freshness(symbol="BTCUSDT", age_ms=age_ms, book=book)])
    assert rows_of(table) == [f"BTCUSDT {words}"]


def test_a_day_that_lacks_minutes_is_marked_and_one_not_wanted_is_a_dash() -> None:
    table = standing.quality_table(
        [
            Day(symbol="BTCUSDT", date="2026-11-23", stored=1_440, expected=1_440),
            Day(symbol="BTCUSDT", date="2026-11-22", stored=1_128, expected=1_440),
            Day(symbol="ETHUSDT", date="2026-11-23", stored=9, expected=9),
        ]
    )
    assert [head.children for head in every(table, "Th")[:3]] == ["Market", "2026-11-23", "2026-11-22"]
    assert rows_of(table) == ["BTCUSDT ✓ 1,440  / 1,440 ▲ 1,128  / 1,440", "ETHUSDT ✓ 9  / 9 –"]


@pytest.mark.parametrize(
    ("share", "percent", "words"),
    [
        (None, 100, "All wanted history is loaded."),
        (0.424, 42, "Loading: 42 %"),
        (0.9999, 99, "99 %"),
        (-1.0, 0, "0 %"),
    ],
)
def test_history_is_full_only_when_it_is_done(share: float | None, percent: int, words: str) -> None:
    bar, said = standing.history_bar(share)
    measured: Any = bar
    assert measured.value == percent
    assert words in text_of(said)
