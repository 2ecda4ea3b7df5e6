"""What a short candle's gap says of it."""

from dataclasses import replace

import pytest

from pipeline.domain.gap import Cause, Gap, caused, minute_gaps
from pipeline.domain.interval import MINUTE_MS, Interval
from tests.words import NOON_MS, a_candle


def gaps_of(*minutes: int, cause: Cause = Cause.EXCHANGE) -> list[Gap]:
    opens = [NOON_MS + minute * MINUTE_MS for minute in minutes]
    return minute_gaps("BTCUSDT", opens, cause=cause, reason="", now_ms=1)


@pytest.mark.parametrize(
    ("present", "gaps", "cause"),
    [
        (57, gaps_of(3, 4, 59), "exchange"),
        (57, gaps_of(-1, 3, 4, 59, 60), "exchange"),
        (56, gaps_of(3, 4, 59), None),
        (57, gaps_of(3, 4, 59, cause=Cause.OURS), None),
        (60, gaps_of(), None),
        (None, gaps_of(3), None),
    ],
)
def test_a_candle_is_short_by_the_exchange_only_if_its_gaps_account_for_every_minute(
    present: int | None, gaps: list[Gap], cause: str | None
) -> None:
    hour = replace(a_candle(), interval=Interval.H1, present=present)
    assert caused(hour, gaps).cause == cause


def test_neighbouring_minutes_are_one_gap() -> None:
    assert [(gap.start - NOON_MS, gap.end - NOON_MS) for gap in gaps_of(1, 2, 3, 5)] == [
        (MINUTE_MS, 4 * MINUTE_MS), (5 * MINUTE_MS, 6 * MINUTE_MS),
    ]  # fmt: skip
