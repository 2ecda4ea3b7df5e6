"""With sockets blocked the whole page is painted and kept alive by polling."""

import pytest

from tests.browser.conftest import Visit
from tests.browser.market_server import MarketServer

pytestmark = pytest.mark.browser

PANELS = {
    "the price": "() => document.querySelector('#header-price').textContent",
    "the ladder": "() => document.querySelector('#ladder-bids .cs-price').textContent",
    "the trades": "() => document.querySelector('#trades-rows .cs-time').textContent",
    "the forming bar": "() => document.querySelector('.cs-overlay-price').textContent",
    "the depth": "() => document.querySelector('#depth .js-line').getAttribute('d')",
    "the day": "() => document.querySelector('#header-stats').textContent",
}


@pytest.fixture
def page(polling: Visit, server: MarketServer) -> Visit:
    return polling.open(server)


def test_every_panel_moves_and_nothing_complains(page: Visit, server: MarketServer) -> None:
    before = {name: page.ask(what) for name, what in PANELS.items()}
    assert all(before.values()), before
    server.clock.forward(20_000)
    for name, what in PANELS.items():
        page.see(f"(old) => ({what})() !== old", before[name])
    page.see("() => candlestream.feed.polls >= 5")
    assert page.complaints == []


def test_the_state_of_the_connection_says_so(page: Visit) -> None:
    page.see("() => document.querySelector('#feed-connection').dataset.state === 'polling'")
    assert page.text(".cs-connection-state") == "Polling"
    page.see("() => / s$/.test(document.querySelector('.cs-connection-age').textContent)")


def test_simulated_prices_are_called_simulated(page: Visit) -> None:
    assert page.text("#header-source") == "SIMULATED"


def test_a_replay_is_called_a_replay_and_history_shows_how_far_it_is(polling: Visit, server: MarketServer) -> None:
    server.reads.source, server.reads.history = "replay", 0.42
    polling.open(server)
    polling.see("() => document.querySelector('#header-source').textContent === 'REPLAY'")
    polling.see("() => document.querySelector('#header-history').textContent.includes('42 %')")


def test_ladder_and_depth_show_the_book(page: Visit) -> None:
    best = page.ask(
        "() => ['bids', 'asks'].map((side) => Number("
        "document.querySelector(`#ladder-${side} .cs-price`).textContent.replaceAll(',', '')))"
    )
    assert best[0] < best[1]
    assert page.ask("() => document.querySelectorAll('.cs-level:not(.cs-vacant)').length") == 40
    widths = page.ask(
        "() => [...document.querySelectorAll('#ladder-bids .cs-bar')].map((bar) => bar.getBoundingClientRect().width)"
    )
    assert widths == sorted(widths)
    assert page.ask("() => document.querySelector('#depth').querySelectorAll('.js-line').length") == 2


def test_trades_are_newest_first_with_a_direction_that_is_not_only_a_colour(page: Visit) -> None:
    rows = page.ask(
        "() => [...document.querySelectorAll('.cs-trade:not(.cs-vacant)')].map((row) => "
        "[row.querySelector('.cs-price').textContent[0], row.querySelector('.cs-time').textContent])"
    )
    assert {mark for mark, _ in rows} == {"▲", "▼"}
    assert rows[0][1] >= rows[-1][1]
    assert len(rows) >= 40


def test_silence_is_called_stale(page: Visit, server: MarketServer) -> None:
    silent_since = server.clock.now_ms() - 60_000
    server.reads.now_ms = lambda: silent_since
    page.see("() => document.querySelector('#ladder-panel').dataset.state === 'stale'")
    assert "No change for" in page.text("#ladder-panel-note")
    page.see("() => document.querySelector('#depth-panel').dataset.state === 'stale'")


def test_a_store_that_goes_away_is_said_and_comes_back(page: Visit, server: MarketServer) -> None:
    server.reads.away = True
    page.see("() => document.querySelector('#ladder-panel').dataset.state === 'error'")
    page.see("() => document.querySelector('#depth-panel').dataset.state === 'error'")
    assert page.text("#ladder-panel-note") == "Store is away, retrying"
    assert page.text("#ladder-bids .cs-price") != ""
    server.reads.away = False
    page.see("() => [...document.querySelectorAll('.cs-panel')].every((panel) => panel.dataset.state === 'live')")
    assert page.complaints == []


def test_a_page_opened_while_the_store_is_away_recovers(polling: Visit, server: MarketServer) -> None:
    server.reads.away = True
    polling.page.goto(server.url)
    polling.see("() => document.querySelector('#candles-panel')?.dataset.state === 'error'")
    server.reads.away = False
    polling.see("() => [...document.querySelectorAll('.cs-panel')].every((panel) => panel.dataset.state === 'live')")
    assert polling.complaints == []


def test_a_market_without_data_says_so(polling: Visit, server: MarketServer) -> None:
    server.reads.empty = True
    polling.page.goto(server.url)
    for panel in ("candles", "ladder", "trades", "depth"):
        polling.see(f"() => document.querySelector('#{panel}-panel')?.dataset.state === 'empty'")
    server.reads.empty = False
    polling.see("() => [...document.querySelectorAll('.cs-panel')].every((panel) => panel.dataset.state === 'live')")
