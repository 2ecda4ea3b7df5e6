"""The chart: the moving bar lies on Plotly's own axes, closed bars come once, the price axis follows the time axis."""

import pytest

from pipeline.domain.interval import MINUTE_MS
from tests.browser.conftest import Visit
from tests.browser.market_server import MarketServer

pytestmark = pytest.mark.browser

SAME_BAR_TWICE = """async () => {
  const gd = candlestream.chart.gd, bar = candlestream.chart.forming.slice();
  candlestream.overlay.place();
  const of = (node) => { const box = node.getBoundingClientRect(); return [box.left, box.right, box.top, box.bottom]; };
  const drawn = of(document.querySelector('.cs-overlay-body'));
  const wick = of(document.querySelector('.cs-overlay-wick'));
  const column = (index) => [[bar[index]]];
  await Plotly.extendTraces(gd,
    {x: column(0), open: column(1), high: column(2), low: column(3), close: column(4)}, [0]);
  const boxes = gd.querySelectorAll('.boxlayer path.box');
  return {overlay: drawn, wick, plotly: of(boxes[boxes.length - 1])};
}"""


@pytest.fixture
def page(polling: Visit, server: MarketServer) -> Visit:
    server.clock.forward(45_000 - server.clock.now_ms() % MINUTE_MS)  # well inside a minute, so that a bar has a body
    polling.open(server)
    polling.see("() => candlestream.chart.forming !== null && candlestream.chart.bars.length > 100")
    return polling


def test_the_forming_bar_lies_where_plotly_would_draw_it(page: Visit, server: MarketServer) -> None:
    server.clock.stop()
    seen = page.ask(SAME_BAR_TWICE)
    # Plotly's path is body and wick in one, its box is as wide as ours and as high as our wick.
    left, right, _, _ = seen["overlay"]
    _, _, top, bottom = seen["wick"]
    for ours, theirs in zip((left, right, top, bottom), seen["plotly"], strict=True):
        assert abs(ours - theirs) < 1.0, seen


def test_a_bar_that_closes_is_appended_once_and_never_sent_again(page: Visit, server: MarketServer) -> None:
    bars, reacts = page.ask("() => [candlestream.chart.bars.length, candlestream.chart.reacts]")
    newest = page.ask("() => candlestream.chart.bars.at(-1)[0]")
    server.clock.forward(MINUTE_MS)
    page.see("(count) => candlestream.chart.bars.length === count + 1", bars)
    assert page.ask("() => candlestream.chart.bars.at(-1)[0]") == newest + MINUTE_MS
    page.see("() => candlestream.chart.forming !== null")
    assert page.ask("() => candlestream.chart.forming[0]") == newest + 2 * MINUTE_MS
    assert page.ask("() => candlestream.chart.reacts") == reacts
    assert page.ask("() => candlestream.chart.gd.data[0].x.length === candlestream.chart.gd.data[1].x.length")
    assert server.asked_for("candles-figure") == 1
    assert page.complaints == []


def test_a_page_that_slept_fetches_the_figure_again_and_leaves_no_hole(page: Visit, server: MarketServer) -> None:
    server.clock.forward(30 * MINUTE_MS)
    page.see("() => candlestream.chart.reacts === 2")
    steps = page.ask("() => candlestream.chart.bars.slice(1).map((bar, i) => bar[0] - candlestream.chart.bars[i][0])")
    assert set(steps) == {MINUTE_MS}


def test_the_price_axis_follows_the_time_axis(page: Visit) -> None:
    view = page.ask(
        """async () => {
          const chart = candlestream.chart, bars = chart.bars.slice(-200, -150);
          await Plotly.relayout(chart.gd, {'xaxis.range': [bars[0][0], bars.at(-1)[0]]});
          await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
          return {range: chart.gd._fullLayout.yaxis.range, low: Math.min(...bars.map((bar) => bar[3])),
                  high: Math.max(...bars.map((bar) => bar[2]))};
        }"""
    )
    low, high = view["range"]
    room = (view["high"] - view["low"]) * 0.2
    assert view["low"] - room < low <= view["low"]
    assert view["high"] <= high < view["high"] + room


def test_dragging_pans_the_chart_and_no_bar_is_lost_meanwhile(page: Visit, server: MarketServer) -> None:
    bars = page.ask("() => candlestream.chart.bars.length")
    left = page.ask(
        "() => Number(candlestream.chart.gd._fullLayout.xaxis.d2c(candlestream.chart.gd._fullLayout.xaxis.range[0]))"
    )
    box = page.page.locator("#candles").bounding_box()
    assert box is not None
    page.page.mouse.move(box["x"] + 400, box["y"] + 200)
    page.page.mouse.down()
    page.page.mouse.move(box["x"] + 600, box["y"] + 200, steps=4)
    server.clock.forward(MINUTE_MS)
    page.see("() => candlestream.chart.waiting.length === 1")
    assert page.ask("() => candlestream.chart.bars.length") == bars
    page.page.mouse.up()
    page.see("(count) => candlestream.chart.bars.length === count + 1", bars)
    moved = page.ask(
        "() => Number(candlestream.chart.gd._fullLayout.xaxis.d2c(candlestream.chart.gd._fullLayout.xaxis.range[0]))"
    )
    assert moved < left


def test_pointing_at_a_bar_spells_it_out_in_utc(page: Visit) -> None:
    box = page.page.locator("#candles").bounding_box()
    assert box is not None
    newest = page.text("#candles-legend")
    page.page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.see("(old) => document.querySelector('#candles-legend').textContent.slice(0, 16) !== old", newest[:16])
    assert " UTC " in page.text("#candles-legend")


def test_the_countdown_runs_to_the_end_of_the_bar(page: Visit) -> None:
    left = page.see("() => document.querySelector('.cs-overlay-left').textContent")
    minutes, seconds = map(int, left.split(":"))
    assert minutes == 0
    assert 0 <= seconds <= 20


def test_a_window_made_smaller_takes_the_chart_along(page: Visit) -> None:
    width = "() => candlestream.chart.gd._fullLayout.width"
    before = page.ask(width)
    page.page.set_viewport_size({"width": 1100, "height": 760})
    page.see(f"(old) => ({width})() < old", before)
    tag = page.ask("() => document.querySelector('.cs-overlay-box').getBoundingClientRect().right")
    assert tag <= page.ask("() => document.querySelector('#candles-panel').getBoundingClientRect().right")
    assert page.complaints == []


def test_choosing_another_interval_draws_its_bars(page: Visit) -> None:
    page.page.get_by_text("1h", exact=True).click()
    page.see("() => candlestream.chart.key === 'BTCUSDT|1h'")
    steps = page.ask("() => candlestream.chart.bars.slice(1).map((bar, i) => bar[0] - candlestream.chart.bars[i][0])")
    assert set(steps) == {60 * MINUTE_MS}
    page.see("() => candlestream.chart.forming !== null")
    assert page.complaints == []


def test_the_interval_is_chosen_with_the_keyboard(page: Visit) -> None:
    page.page.locator(".cs-intervals input:checked").focus()
    page.page.keyboard.press("ArrowRight")
    page.see("() => candlestream.chart.key === 'BTCUSDT|5m'")


def test_choosing_another_market_changes_every_panel(page: Visit) -> None:
    page.page.locator("#symbol").click()
    page.page.get_by_placeholder("Search").fill("doge")
    page.page.get_by_role("option", name="DOGE/USDT").click()
    page.see("() => candlestream.chart.key === 'DOGEUSDT|1m'")
    page.see("() => document.querySelector('#header-price').textContent.includes('0.1')")
    for cell in ("#ladder-bids .cs-price", "#trades-rows .cs-price"):
        page.see("(cell) => /0\\.\\d{5}$/.test(document.querySelector(cell).textContent)", cell)
    page.see("() => document.querySelector('#header-stats').textContent.includes('DOGE')")
    assert page.ask("() => candlestream.chart.bars.every((bar) => bar[4] < 1)")
    assert page.complaints == []
