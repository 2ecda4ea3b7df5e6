"""An open chart comes to what the store comes to: bars that were repaired, or came late, after they were drawn."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from pipeline.domain.candle import Candle, Revision
from pipeline.domain.interval import MINUTE_MS, Interval
from pipeline.domain.views import candle_view
from tests.browser.conftest import Visit
from tests.browser.market_server import MarketServer

pytestmark = pytest.mark.browser

HELD = "(t) => (candlestream.chart.bars.find((bar) => bar[0] === t) || [])[4]"
DRAWN = "(t) => { const price = candlestream.chart.gd.data[0]; return price.close[price.x.indexOf(t)]; }"
VOLUMES = "() => candlestream.chart.gd.data[1].y.length === candlestream.chart.bars.length"
ORDERED = "() => candlestream.chart.gd.data[0].x.every((t, at, all) => at === 0 || t === all[at - 1] + 60000)"


def repaired(server: MarketServer, ago: int) -> Candle:
    """The closed minute ``ago`` minutes back, as REST tells it: with another high and close."""
    open_ms = Interval.M1.open_ms(server.clock.now_ms()) - ago * MINUTE_MS
    candle = server.reads.candle("BTCUSDT", Interval.M1, open_ms)
    close = candle.high * Decimal("1.01")
    return replace(candle, high=close, close=close, revision=Revision.REST, source="rest")


def message(candle: Candle) -> dict[str, Any]:
    kind = "realtime" if candle.closed else "update"
    return {"type": kind, "symbol": "BTCUSDT", "candle": candle_view(candle), "eventTime": candle.event_ms}


def shown(visit: Visit, candle: Candle) -> None:
    """Wait until the chart holds and draws the candle."""
    visit.see(f"([t, close]) => ({HELD})(t) === close", [candle.open_ms, float(candle.close)])
    visit.see(f"([t, close]) => ({DRAWN})(t) === close", [candle.open_ms, float(candle.close)])
    assert visit.ask(VOLUMES)


@pytest.fixture
def page(visit: Visit, server: MarketServer) -> Visit:
    server.clock.stop()
    visit.open(server)
    visit.see("() => document.querySelector('#feed-connection').dataset.state === 'push'")
    return visit


def test_a_repaired_bar_that_is_pushed_is_drawn_and_an_older_word_does_not_undo_it(
    page: Visit, server: MarketServer
) -> None:
    late = repaired(server, 5)
    page.see("() => candlestream.chart.bars.length > 0")
    server.push.say("kline", message(late))
    shown(page, late)
    first_word = server.reads.candle("BTCUSDT", Interval.M1, late.open_ms)
    server.push.say("kline", message(first_word))
    server.push.say("kline", message(repaired(server, 6)))
    shown(page, repaired(server, 6))
    shown(page, late)
    assert page.complaints == []


def test_a_repaired_bar_is_polled_where_nothing_is_pushed(polling: Visit, server: MarketServer) -> None:
    server.clock.stop()
    polling.open(server)
    late = repaired(server, 4)
    server.reads.repaired[late.open_ms] = late
    shown(polling, late)
    assert polling.complaints == []


def test_an_older_bar_is_found_by_the_next_review(polling: Visit, server: MarketServer) -> None:
    server.clock.stop()
    polling.open(server)
    late = repaired(server, 200)
    server.reads.repaired[late.open_ms] = late
    reacts = polling.ask("() => candlestream.chart.reacts")
    polling.ask("() => dash_clientside.set_props('review-poll', {interval: 500})")
    shown(polling, late)
    assert polling.ask("() => candlestream.chart.reacts") == reacts
    assert polling.complaints == []


@pytest.mark.parametrize("ago", [3, 50])
def test_a_minute_that_was_missing_is_put_in_its_place(polling: Visit, server: MarketServer, ago: int) -> None:
    server.clock.stop()
    late = repaired(server, ago)
    server.reads.lacking = {late.open_ms}
    polling.open(server)
    polling.see("(t) => candlestream.chart.bars.length > 0 && !candlestream.chart.bars.some((bar) => bar[0] === t)",
                late.open_ms)  # fmt: skip
    server.reads.lacking, server.reads.repaired = set(), {late.open_ms: late}
    polling.ask("() => dash_clientside.set_props('review-poll', {interval: 500})")
    shown(polling, late)
    assert polling.ask(ORDERED)
    assert polling.complaints == []


def test_a_chart_that_is_told_what_it_shows_is_not_drawn_again(polling: Visit, server: MarketServer) -> None:
    server.clock.stop()
    polling.open(server)
    polling.ask("() => dash_clientside.set_props('review-poll', {interval: 300})")
    asked = server.asked_for("candles-review")
    while server.asked_for("candles-review") < asked + 3:
        polling.see("() => true")
    assert polling.ask("() => candlestream.chart.corrected") == 0
