"""Ranges of history as people write them."""

import click
import pytest

from pipeline.domain.interval import DAY_MS
from pipeline.local.ranges import days_before, symbols_of, time_range, yesterday

NOW_MS = 1_795_564_830_000
"""2026-11-25 00:00:30 UTC."""
NOV_20_MS, NOV_25_MS = 1_795_132_800_000, 1_795_564_800_000


def parsed(start: str | None, end: str | None) -> tuple[int, int]:
    return time_range(start, end, now_ms=NOW_MS, default_start=yesterday)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2026-11-20", "2026-11-25", (NOV_20_MS, NOV_25_MS)),
        (str(NOV_20_MS), str(NOV_25_MS), (NOV_20_MS, NOV_25_MS)),
        ("2026-11-20T00:01", "2026-11-25", (NOV_20_MS + 60_000, NOV_25_MS)),
        ("2026-11-20T02:00+02:00", "2026-11-25T00:00Z", (NOV_20_MS, NOV_25_MS)),
        (str(NOV_20_MS + 1), str(NOV_25_MS - 1), (NOV_20_MS + 60_000, NOV_25_MS)),
        (None, None, (NOV_25_MS - DAY_MS, NOV_25_MS + 60_000)),
        (None, "2026-11-25", (NOV_25_MS - 2 * DAY_MS, NOV_25_MS)),
        ("2026-11-20", "2026-12-01", (NOV_20_MS, NOV_25_MS + 6 * DAY_MS)),
    ],
)
def test_dates_moments_and_milliseconds_are_the_minutes_they_mean(
    start: str | None, end: str | None, expected: tuple[int, int]
) -> None:
    assert parsed(start, end) == expected


@pytest.mark.parametrize(
    ("start", "end", "says"),
    [
        ("2026-11-20", "2026-11-20", r"--end: 2026-11-20 00:00 UTC is not after the start, 2026-11-20 00:00 UTC"),
        ("2026-11-20", "2026-11-19", r"is not after the start"),
        ("2026-11-26", None, r"--start: 2026-11-26 00:00 UTC lies in the future; it is 2026-11-25 00:00 UTC now"),
        ("yesterday", None, r"--start: 'yesterday' is no moment; expected a UTC date such as"),
        ("2026-13-01", None, r"is no moment"),
        ("20261101", None, r"is no moment"),
        ("1795132800", None, r"is no moment"),
        ("9" * 30, None, r"no moment in milliseconds"),
        ("-5", None, r"is no moment"),
        ("", None, r"is no moment"),
        ("²0261101", None, r"is no moment"),
    ],
)
def test_what_is_no_range_is_refused_with_the_option_and_the_reason(
    start: str | None, end: str | None, says: str
) -> None:
    with pytest.raises(click.BadParameter) as refused:
        parsed(start, end)
    assert says in refused.value.format_message().replace("Invalid value for ", "")
    assert refused.value.exit_code == 2


def test_the_default_of_a_backfill_is_whole_days_before_its_end() -> None:
    start_ms, _ = time_range(None, "2026-11-25", now_ms=NOW_MS, default_start=days_before(5))
    assert start_ms == NOV_20_MS


def test_symbols_are_a_comma_list() -> None:
    assert symbols_of(None) is None
    assert symbols_of(" btcusdt, ETHUSDT,,BTCUSDT") == ("BTCUSDT", "ETHUSDT")
    with pytest.raises(click.BadParameter, match="names no symbol"):
        symbols_of(" , ")
