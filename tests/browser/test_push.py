"""Pushed messages make the page immediate, through the same paint as polled ones; the newest event wins."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pipeline.domain.book import BookState
from pipeline.domain.interval import Interval
from pipeline.domain.views import candle_view, trade_view
from tests.browser.conftest import Visit
from tests.browser.market_server import MarketServer, serving

pytestmark = pytest.mark.browser


@pytest.fixture
def page(visit: Visit, server: MarketServer) -> Visit:
    visit.open(server)
    visit.see("() => document.querySelector('#feed-connection').dataset.state === 'push'")
    return visit


@contextmanager
def closed_port() -> Iterator[int]:
    """A port nobody listens on, kept from others."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def book(price: float, time_ms: int) -> dict[str, Any]:
    def side(way: int) -> list[dict[str, float]]:
        return [{"price": price + way * (k + 1), "quantity": 1.0, "total": price * (k + 1)} for k in range(20)]

    return {
        "type": "update", "symbol": "BTCUSDT", "state": "synced", "timestamp": time_ms, "eventTime": time_ms,
        "bids": side(-1), "asks": side(1),
    }  # fmt: skip


def test_push_is_named_and_polling_calms_down(page: Visit, server: MarketServer) -> None:
    assert page.text(".cs-connection-state") == "Live push"
    page.see("() => candlestream.sockets.messages >= 3")
    asked, started = server.asked_for("ladder-book"), page.ask("() => candlestream.feed.polls")
    page.see("(old) => candlestream.feed.polls > old", started)
    page.see("(old) => candlestream.feed.polls > old + 1", started)
    assert server.asked_for("ladder-book") - asked <= 4
    assert page.complaints == []


def test_a_push_process_that_is_away_is_replaced_by_the_pages_own_origin(visit: Visit) -> None:
    with closed_port() as port, serving(push_port=port) as server:
        visit.open(server)
        visit.see("() => document.querySelector('#feed-connection').dataset.state === 'push'")
        assert len(server.push.opened) >= 1
    # Chromium itself writes one line about a refused socket, and only that.
    assert [line for line in visit.complaints if "ERR_CONNECTION_REFUSED" not in line] == []
    assert len(visit.complaints) == 1


def test_a_pushed_book_is_on_the_screen_before_the_next_poll(page: Visit, server: MarketServer) -> None:
    server.push.say("orderbook", book(50_000, server.clock.now_ms() + 60_000))
    page.see("() => document.querySelector('#ladder-bids .cs-price').textContent === '49,999.00'")


def test_polling_never_paints_an_older_book_over_a_pushed_one(page: Visit, server: MarketServer) -> None:
    server.push.say("orderbook", book(50_000, server.clock.now_ms() + 60_000))
    page.see("() => document.querySelector('#ladder-bids .cs-price').textContent === '49,999.00'")
    refused = page.ask("() => candlestream.feed.refused")
    page.ask("() => dash_clientside.set_props('poll', {n_intervals: 900})")
    page.see("(old) => candlestream.feed.refused > old", refused)
    assert page.text("#ladder-bids .cs-price") == "49,999.00"


def test_an_older_push_is_not_painted_over_a_newer_one(page: Visit, server: MarketServer) -> None:
    now = server.clock.now_ms() + 60_000
    server.push.say("orderbook", book(50_000, now))
    page.see("() => document.querySelector('#ladder-bids .cs-price').textContent === '49,999.00'")
    refused = page.ask("() => candlestream.feed.refused")
    server.push.say("orderbook", book(40_000, now - 1))
    page.see("(old) => candlestream.feed.refused > old", refused)
    assert page.text("#ladder-bids .cs-price") == "49,999.00"


def test_a_book_that_lost_its_step_is_kept_and_called_so_until_it_is_back(page: Visit, server: MarketServer) -> None:
    server.clock.stop()
    page.see("() => document.querySelector('#ladder-panel').dataset.state === 'live'")
    now = server.clock.now_ms() // 250 * 250
    server.push.say("orderbook", book(50_000, now + 1_000))
    page.see("() => document.querySelector('#ladder-bids .cs-price').textContent === '49,999.00'")
    server.clock.forward(1_000)
    server.reads.book_state = BookState.RESYNCING
    page.see("() => document.querySelector('#ladder-panel-note').textContent === 'Resyncing with the exchange'")
    assert page.ask("() => document.querySelector('#ladder-panel').dataset.state") == "stale"
    assert page.ask("() => document.querySelectorAll('.cs-level:not(.cs-vacant)').length") == 40
    server.reads.book_state = BookState.SYNCED
    server.push.say("orderbook", book(50_500, now + 2_000))
    page.see("() => document.querySelector('#ladder-panel').dataset.state === 'live'")
    assert page.complaints == []


def test_many_books_in_one_frame_are_one_paint(page: Visit, server: MarketServer) -> None:
    paints, messages = page.ask("() => [candlestream.feed.paintCount, candlestream.sockets.messages]")
    now = server.clock.now_ms() + 60_000
    for step in range(300):
        server.push.say("orderbook", book(50_000 + step, now + step))
    page.see("(old) => candlestream.sockets.messages >= old + 300", messages)
    page.see("() => document.querySelector('#ladder-bids .cs-price').textContent === '50,298.00'")
    assert page.ask("() => candlestream.feed.paintCount") - paints < 300


def test_a_missed_trade_is_fetched_by_polling(page: Visit, server: MarketServer) -> None:
    before = server.asked_for("trades-list")
    trade = server.reads.trade("BTCUSDT", server.clock.now_ms() // 250)
    server.push.say("trades", {"type": "realtime", "symbol": "BTCUSDT", "trade": trade_view(trade)}, skip=7)
    page.see("() => candlestream.sockets.gaps === 1")
    page.see("(id) => candlestream.trades.newest() >= id", trade.trade_id)
    while server.asked_for("trades-list") == before:
        page.see("() => true")
    assert page.complaints == []


@pytest.mark.parametrize(("stream", "polled"), [("orderbook", "ladder-book"), ("kline", "candles-tick")])
@pytest.mark.parametrize("kind", ["missed", "later"])
def test_a_message_without_its_payload_is_fetched_by_polling(
    page: Visit, server: MarketServer, stream: str, polled: str, kind: str
) -> None:
    page.page.evaluate("() => dash_clientside.set_props('poll', {interval: 3600000})")
    before = server.asked_for(polled)
    now = server.clock.now_ms() + 60_000
    server.push.say(stream, {"type": kind, "symbol": "BTCUSDT", "count": 3, "eventTime": now})
    server.push.say("orderbook", book(50_000, now + 1))
    page.see("() => document.querySelector('#ladder-bids .cs-price').textContent === '49,999.00'")
    began = page.ask("() => performance.now()")
    while server.asked_for(polled) == before:  # well before a silent socket makes the page poll fast by itself
        assert page.ask("() => performance.now()") - began < 8_000
    assert page.complaints == []


def test_a_part_that_is_not_pushed_is_polled_at_the_fast_beat_and_the_page_says_so(
    visit: Visit, server: MarketServer
) -> None:
    visit.page.route_web_socket("**/ws/orderbook**", lambda socket: socket.close())
    visit.open(server)
    visit.see("() => candlestream.sockets.opened === 2 && candlestream.sockets.messages >= 2")
    started = visit.ask("() => { window.began = performance.now(); return candlestream.feed.polls; }")
    visit.see("(old) => candlestream.feed.polls >= old + 4", started)
    assert visit.ask("() => performance.now() - window.began") < 8_000
    assert visit.text(".cs-connection-state") != "Live push"


def test_a_bar_pushed_as_closed_is_appended(page: Visit, server: MarketServer) -> None:
    bars = page.ask("() => candlestream.chart.bars.length")
    forming = server.reads.forming("BTCUSDT", Interval.M1)
    assert forming is not None
    closed = candle_view(forming) | {"x": True, "updatedAt": forming.close_ms}
    server.push.say("kline", {"type": "realtime", "symbol": "BTCUSDT", "candle": closed, "eventTime": forming.close_ms})
    page.see("(count) => candlestream.chart.bars.length === count + 1", bars)
    assert page.ask("() => candlestream.chart.bars.at(-1)[0]") == forming.open_ms


def test_sockets_that_close_are_opened_again_where_they_left_off(page: Visit, server: MarketServer) -> None:
    page.see("() => candlestream.sockets.opened === 3")
    server.push.hang_up()
    page.see("() => candlestream.sockets.opened === 6")
    assert all("since=" in path for path in server.push.opened[3:])
    assert page.text(".cs-connection-state") in ("Live push", "Reconnecting")
    assert page.complaints == []
