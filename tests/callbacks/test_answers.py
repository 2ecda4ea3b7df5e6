"""What the panels are told: new bars once, the shapes of pushed messages, and words where a store is away."""

import json
from decimal import Decimal
from typing import Any

import pytest

from callbacks.answers import CATCH_UP_BARS, CHART_BARS, MarketAnswers
from callbacks.reads import FeedState
from layouts import theme
from pipeline.domain.interval import MINUTE_MS, Interval
from tests.callbacks.memory_reads import MemoryReads

NOW_MS = 1_700_049_630_000


def answers_of(**settings: Any) -> MarketAnswers:
    return MarketAnswers(MemoryReads(now_ms=lambda: NOW_MS, **settings), lambda: NOW_MS + 300)


def test_a_figure_holds_closed_bars_only() -> None:
    answer = answers_of().figure("BTCUSDT", Interval.M1)
    times = answer["figure"]["data"][0]["x"]
    assert answer["status"] == "ok"
    assert len(times) == CHART_BARS
    assert times[-1] == Interval.M1.open_ms(NOW_MS) - MINUTE_MS


def test_prices_on_the_axis_have_the_digits_of_the_tick() -> None:
    layout = answers_of().figure("DOGEUSDT", Interval.M1)["figure"]["layout"]
    assert layout["yaxis"]["tickformat"] == ",.5f"


def test_a_tick_brings_only_bars_newer_than_those_held() -> None:
    held = Interval.M1.open_ms(NOW_MS) - 3 * MINUTE_MS
    tick = answers_of().tick("BTCUSDT", Interval.M1, {"key": "BTCUSDT|1m", "open_ms": held})
    assert [bar["openTime"] for bar in tick["closed"]] == [held + MINUTE_MS, held + 2 * MINUTE_MS]
    assert tick["forming"]["openTime"] == held + 3 * MINUTE_MS
    assert tick["forming"]["x"] is False
    assert tick["reload"] is False


def test_a_tick_never_sends_a_held_bar_again() -> None:
    held = Interval.M1.open_ms(NOW_MS) - MINUTE_MS
    assert answers_of().tick("BTCUSDT", Interval.M1, {"key": "BTCUSDT|1m", "open_ms": held})["closed"] == []


def test_a_tick_tells_the_newest_held_bars_as_they_stand_now() -> None:
    newest_ms = Interval.M1.open_ms(NOW_MS) - MINUTE_MS
    answers = answers_of()
    tick = answers.tick("BTCUSDT", Interval.M1, {"key": "BTCUSDT|1m", "open_ms": newest_ms - 2 * MINUTE_MS})
    assert [row[0] for row in tick["known"]] == [newest_ms - ago * MINUTE_MS for ago in range(CATCH_UP_BARS - 1, 1, -1)]
    assert [candle["openTime"] for candle in tick["closed"]] == [newest_ms - MINUTE_MS, newest_ms]
    assert all(len(row) == 8 and row[6] == 1 for row in tick["known"])


def test_a_review_is_the_whole_chart_and_one_of_days_is_years_long() -> None:
    assert len(answers_of().review("BTCUSDT", Interval.H1)["known"]) == CHART_BARS
    figure = answers_of().figure("BTCUSDT", Interval.D1)["figure"]
    assert len(figure["data"][0]["x"]) == len(answers_of().review("BTCUSDT", Interval.D1)["known"]) == 1_000


@pytest.mark.parametrize("have", [None, {"key": "BTCUSDT|5m", "open_ms": 0}, {"key": "BTCUSDT|1m"}, "nonsense"])
def test_a_browser_that_holds_nothing_is_told_to_fetch_the_figure(have: object) -> None:
    tick = answers_of().tick("BTCUSDT", Interval.M1, have)  # type: ignore[arg-type]
    assert (tick["closed"], tick["reload"]) == ([], True)


def test_a_browser_that_slept_too_long_is_told_to_fetch_the_figure() -> None:
    held = Interval.M1.open_ms(NOW_MS) - (CATCH_UP_BARS + 5) * MINUTE_MS
    assert answers_of().tick("BTCUSDT", Interval.M1, {"key": "BTCUSDT|1m", "open_ms": held})["reload"] is True


def test_a_book_reads_like_a_pushed_one() -> None:
    book = answers_of().book("BTCUSDT")
    assert len(book["bids"]) == len(book["asks"]) == 20
    assert set(book["bids"][0]) == {"price", "quantity", "total"}
    assert book["bids"][0]["price"] < book["asks"][0]["price"]
    assert book["eventTime"] == book["timestamp"]


def test_trades_are_newest_first_and_plain_json() -> None:
    trades = answers_of().trades("BTCUSDT")["trades"]
    ids = [trade["tradeId"] for trade in trades]
    assert ids == sorted(ids, reverse=True)
    assert not any(isinstance(value, Decimal) for value in trades[0].values())
    json.dumps(trades)


def test_age_is_counted_from_when_the_datum_came() -> None:
    answer = answers_of().feed("BTCUSDT")
    assert (answer["ageMs"], answer["source"]) == (300, "simulator")


def test_an_age_is_never_negative_and_unknown_before_the_first_datum() -> None:
    ahead = FeedState(source="binance", received_ms=NOW_MS + 10_000)
    assert answers_of().age_ms(ahead) == 0
    assert answers_of().age_ms(FeedState(source="binance")) is None


def test_a_store_that_is_away_is_said_in_words() -> None:
    away = answers_of(away=True)
    told = [
        away.figure("BTCUSDT", Interval.M1), away.tick("BTCUSDT", Interval.M1, None),
        away.book("BTCUSDT"), away.trades("BTCUSDT"), away.feed("BTCUSDT"),
    ]  # fmt: skip
    assert {answer["status"] for answer in told} == {"error"}
    assert {answer["message"] for answer in told} == {"Store is away, retrying"}
    assert away.markets() == []


def test_a_market_without_data_is_empty_and_no_error() -> None:
    empty = answers_of(empty=True)
    told = [
        empty.figure("BTCUSDT", Interval.M1), empty.tick("BTCUSDT", Interval.M1, None),
        empty.book("BTCUSDT"), empty.trades("BTCUSDT"), empty.feed("BTCUSDT"),
    ]  # fmt: skip
    assert {answer["status"] for answer in told} == {"empty"}


def test_the_figure_is_made_of_the_themes_colours() -> None:
    price = answers_of().figure("BTCUSDT", Interval.M1)["figure"]["data"][0]
    assert price["increasing"]["line"]["color"] == theme.UP
