"""The candle figure: plain lists the browser can extend, explicit colours, axes that fit what is seen."""

from typing import Any

from layouts import theme
from layouts.figures.candles import RIGHT_BARS, VISIBLE_BARS, bar_row, candles_figure
from pipeline.domain.interval import MINUTE_MS, Interval
from tests.words import NOON_MS, a_candle


def figure_of(count: int, **prices: Any) -> dict[str, Any]:
    candles = [a_candle(minute, **prices) for minute in range(count)]
    figure: dict[str, Any] = candles_figure(candles, symbol="BTCUSDT", interval=Interval.M1).to_plotly_json()
    return figure


def test_every_array_is_a_plain_list_of_numbers() -> None:
    price, volume = figure_of(3)["data"]
    for values in (*(price[name] for name in ("x", "open", "high", "low", "close")), volume["x"], volume["y"]):
        assert isinstance(values, list | tuple)
        assert all(type(value) in (int, float) for value in values)


def test_bars_carry_the_candles_values_at_their_open_times() -> None:
    price, volume = figure_of(2, open="100", high="103", low="99", close="101")["data"]
    assert list(price["x"]) == [NOON_MS, NOON_MS + MINUTE_MS]
    assert (price["open"][0], price["high"][0], price["low"][0], price["close"][0]) == (100, 103, 99, 101)
    assert list(volume["y"]) == [2, 2]


def test_zoom_is_kept_until_the_market_or_the_interval_changes() -> None:
    assert figure_of(1)["layout"]["uirevision"] == "BTCUSDT|1m"


def test_the_first_view_shows_the_newest_bars_with_room_for_the_next() -> None:
    left, right = figure_of(300)["layout"]["xaxis"]["range"]
    newest = NOON_MS + 299 * MINUTE_MS
    assert right == newest + RIGHT_BARS * MINUTE_MS
    assert (newest - left) // MINUTE_MS == VISIBLE_BARS


def test_the_price_axis_fits_the_bars_in_view_and_not_the_others() -> None:
    candles = [a_candle(0, high="900"), *(a_candle(minute, high="110", low="90") for minute in range(1, 200))]
    low, high = candles_figure(candles, symbol="BTCUSDT", interval=Interval.M1).layout.yaxis.range
    assert 85 < low < 90
    assert 110 < high < 115


def test_volume_has_an_axis_of_its_own_below_the_prices() -> None:
    layout = figure_of(3)["layout"]
    assert layout["yaxis2"]["domain"][1] < layout["yaxis"]["domain"][0]
    assert layout["yaxis2"]["tickmode"] == "auto"


def test_a_falling_bar_has_another_volume_colour() -> None:
    _, volume = figure_of(1, open="101", high="102", low="99", close="100")["data"]
    assert list(volume["marker"]["color"]) == [theme.DOWN_VOLUME]


def test_a_market_without_candles_is_an_empty_frame() -> None:
    figure = figure_of(0)
    assert list(figure["data"][0]["x"]) == []
    assert "range" not in figure["layout"]["xaxis"]


def test_no_template_is_sent_with_every_figure() -> None:
    assert "layout" not in figure_of(1)["layout"]["template"]


def test_a_row_is_what_the_browser_keeps() -> None:
    assert bar_row(a_candle()) == [NOON_MS, 100.0, 100.0, 100.0, 100.0, 2.0]
