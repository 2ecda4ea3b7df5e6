"""The pages of tables: the way between them, what they say while something is away, and a small screen."""

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import Visit, visit_of
from tests.browser.market_server import MarketServer, serving

pytestmark = pytest.mark.browser

RANKED = "() => document.querySelectorAll('#ranking-table tbody tr').length === 3"
RUNNING = "() => document.querySelector('#system-verdict')?.dataset.level === 'good'"
MAPPED = "() => document.querySelectorAll('.cs-heat tbody tr').length === 3"
READY = {"/markets": RANKED, "/system": RUNNING, "/data-quality": MAPPED}
CURRENT = "() => document.querySelector('.cs-nav-link[aria-current=page]').textContent"


def at(visit: Visit, server: MarketServer, path: str) -> Visit:
    """A page of tables with figures on it, which from then on asks more often than it would."""
    visit.page.goto(server.page(path))
    visit.see(READY[path])
    visit.ask("() => dash_clientside.set_props('beat', {interval: 500})")
    return visit


@pytest.fixture
def ranking(visit: Visit, server: MarketServer) -> Visit:
    return at(visit, server, "/markets")


@pytest.fixture
def system(visit: Visit, server: MarketServer) -> Visit:
    return at(visit, server, "/system")


def test_the_keyboard_alone_leads_through_every_page(visit: Visit, server: MarketServer) -> None:
    visit.open(server)
    pages = (("Markets", "/markets"), ("Data quality", "/data-quality"), ("System", "/system"), ("Market", "/"))
    for name, path in pages:
        visit.page.focus("body")
        while visit.ask("() => document.activeElement.textContent") != name:
            visit.page.keyboard.press("Tab")
        visit.page.keyboard.press("Enter")
        visit.page.wait_for_url(server.page(path))
        visit.page.wait_for_selector(".cs-nav-link[aria-current=page]")
        assert visit.ask(CURRENT) == name
    # A page that is left gives up the answers it still waits for.
    assert [line for line in visit.complaints if "ERR_ABORTED" not in line] == []


@pytest.mark.parametrize("path", READY)
def test_a_page_of_tables_opens_no_socket_and_complains_of_nothing(
    visit: Visit, server: MarketServer, path: str
) -> None:
    at(visit, server, path)
    visit.see("() => document.querySelector('#board-connection').dataset.state === 'polling'")
    asked = len(server.asked)
    while len(server.asked) < asked + 2:
        visit.see("() => true")
    assert server.push.opened == []
    assert visit.complaints == []


@pytest.mark.parametrize(("source", "words"), [("simulator", "SIMULATED"), ("replay:x", "REPLAY")])
def test_prices_of_no_real_market_are_called_so_on_every_page(chromium: Browser, source: str, words: str) -> None:
    with serving(source=source) as server:
        for path in READY:
            visit = visit_of(chromium)
            at(visit, server, path)
            assert visit.text(".cs-source") == words
            visit.page.close()


def test_another_window_and_the_other_order_are_asked_for_at_once(ranking: Visit) -> None:
    ranking.page.get_by_text("Top losers").click()
    ranking.page.get_by_text("5m", exact=True).click()
    ranking.see("() => document.querySelector('#ranking-table caption')?.textContent.includes('over 5m, top losers')")
    assert ranking.complaints == []


def test_a_market_in_the_ranking_leads_to_its_page(ranking: Visit, server: MarketServer) -> None:
    ranking.page.get_by_role("link", name="ETH/USDT").click()
    ranking.page.wait_for_url(server.page("/?symbol=ETHUSDT"))
    ranking.see("() => window.candlestream?.feed.symbol === 'ETHUSDT' && candlestream.chart.bars.length > 0")
    assert ranking.text("#symbol").startswith("ETH/USDT")


def test_the_market_of_the_address_is_fetched_first_and_no_other(visit: Visit, server: MarketServer) -> None:
    visit.page.goto(server.page("/?symbol=DOGEUSDT"))
    visit.see("() => window.candlestream?.feed.symbol && candlestream.chart.key")
    assert visit.ask("() => [candlestream.feed.symbol, candlestream.chart.reacts]") == ["DOGEUSDT", 1]
    assert all("symbol=DOGEUSDT" in path for path in server.push.opened)


def test_a_market_nobody_follows_is_not_taken_from_the_address(visit: Visit, server: MarketServer) -> None:
    visit.page.goto(server.page("/?symbol=<script>"))
    visit.see("() => window.candlestream?.feed.symbol === 'BTCUSDT' && candlestream.sockets.live()")


def test_the_place_in_the_table_is_kept_when_it_is_refreshed(ranking: Visit, server: MarketServer) -> None:
    ranking.page.get_by_role("link", name="ETH/USDT").focus()
    asked = server.asked_for("ranking-table")
    while server.asked_for("ranking-table") < asked + 2:
        ranking.see("() => true")
    ranking.see("() => document.activeElement.textContent === 'ETH/USDT'")


@pytest.mark.parametrize("store", ["Redis", "MongoDB"])
def test_a_store_that_goes_away_takes_the_ranking_with_it_and_brings_it_back(
    ranking: Visit, server: MarketServer, store: str
) -> None:
    server.ranking.away = store
    ranking.see("() => document.querySelector('#ranking-panel').dataset.state === 'error'")
    assert ranking.text("#ranking-panel-note") == f"{store} is away"
    assert ranking.ask("() => document.querySelectorAll('#ranking-table td').length") == 0
    server.ranking.away = None
    ranking.see(RANKED)
    assert ranking.complaints == []


def test_who_is_pending_is_said_aloud(ranking: Visit, server: MarketServer) -> None:
    server.ranking.pending = ["ETHUSDT"]
    ranking.see("() => document.querySelector('#ranking-panel-note').textContent.includes('ETHUSDT')")
    assert ranking.text("#ranking-panel-note") == "Not stored back 24h yet: ETHUSDT"


def test_old_prices_are_called_stale(ranking: Visit, server: MarketServer) -> None:
    server.ranking.silent_ms = 60_000
    ranking.see("() => document.querySelector('#ranking-panel').dataset.state === 'stale'")
    assert ranking.text("#ranking-table .cs-age").endswith("s ago, stale")


def test_redis_away_leaves_the_system_page_with_what_is_known(system: Visit, server: MarketServer) -> None:
    server.system.down = ["Redis"]
    system.see("() => document.querySelector('#stores-panel').dataset.state === 'error'")
    assert system.text("#system-verdict").startswith("Redis does not answer")
    system.see(
        "() => document.querySelector('#processes-panel').textContent.includes('Unknown: Redis does not answer')"
    )
    assert "MongoDB ●up" in " ".join(system.text("#stores-panel").split())
    server.system.down = []
    system.see(RUNNING)
    assert system.complaints == []


def test_a_server_that_falls_silent_leaves_no_figure_that_looks_fresh(visit: Visit, server: MarketServer) -> None:
    at(visit, server, "/markets")
    visit.page.context.set_offline(True)
    visit.see("() => document.querySelector('#page').dataset.silent === 'yes'")
    assert visit.text(".cs-connection-state") == "No answer"
    assert "figures are old" in visit.text(".cs-answered-age")
    hidden = "() => getComputedStyle(document.querySelector('#ranking-table td.cs-age')).visibility"
    assert visit.ask(hidden) == "hidden"
    visit.page.context.set_offline(False)
    visit.see("() => document.querySelector('#page').dataset.silent === 'no'")


@pytest.mark.parametrize("path", READY)
def test_nothing_is_wider_than_a_small_screen(phone: Visit, server: MarketServer, path: str) -> None:
    at(phone, server, path)
    assert phone.ask("() => document.documentElement.scrollWidth") <= 390
    cut = "() => [...document.querySelectorAll('.cs-scroll')].filter((box) => box.scrollWidth > box.clientWidth).length"
    assert phone.ask(cut) == 0
    heights = phone.ask(
        "() => [...document.querySelectorAll('.cs-nav-link, .cs-interval')]"
        ".map((node) => node.getBoundingClientRect().height)"
    )
    assert min(heights) >= 44
    assert phone.complaints == []
