"""The data quality page by pointer, by keyboard and on a small screen."""

import pytest

from pipeline.domain.gap import Cause
from tests.browser.conftest import Visit
from tests.browser.market_server import MarketServer

pytestmark = pytest.mark.browser

MAPPED = "() => document.querySelectorAll('.cs-heat tbody tr').length === 3"
TOLD = "(words) => document.querySelector('#day-panel-body').textContent.includes(words)"
STOOD = "() => document.activeElement.dataset.day"


def opened(visit: Visit, server: MarketServer) -> Visit:
    server.quality.lacks = [("ETHUSDT", 1, Cause.EXCHANGE), ("DOGEUSDT", 2, Cause.OURS)]
    server.quality.healed = [("BTCUSDT", 0)]
    visit.page.goto(server.page("/data-quality"))
    visit.see(MAPPED)
    return visit


@pytest.fixture
def page(visit: Visit, server: MarketServer) -> Visit:
    return opened(visit, server)


def test_a_gap_of_the_exchange_looks_and_reads_unlike_one_of_ours(page: Visit) -> None:
    found = page.ask(
        "() => Object.fromEntries([...document.querySelectorAll('.cs-heat .cs-day')].map((day) => ["
        "day.dataset.level, [day.innerText[0], getComputedStyle(day).backgroundImage]]))"
    )
    assert {level: mark for level, (mark, _) in found.items()} == {"whole": "✓", "exchange": "◇", "slight": "▲"}
    assert len({pattern for _, pattern in found.values()}) == 3


def test_a_day_that_is_clicked_tells_its_gaps(page: Visit) -> None:
    page.page.get_by_role("button", name="DOGEUSDT").nth(2).click()
    page.see(TOLD, "not yet")
    assert "10:00" in page.text("#day-panel-body")
    assert page.text("#day-panel-note") == "1 gap"
    page.page.get_by_role("button", name="ETHUSDT").nth(1).click()
    page.see(TOLD, "never published")
    assert page.complaints == []


def test_the_keyboard_alone_walks_over_the_days(page: Visit) -> None:
    while page.ask(STOOD) is None:
        page.page.keyboard.press("Tab")
    page.see(TOLD, "BTCUSDT")
    for key in ("ArrowDown", "ArrowRight", "ArrowUp", "ArrowUp", "ArrowDown"):
        page.page.keyboard.press(key)
    page.see(TOLD, "never published")
    assert page.ask(STOOD).startswith("ETHUSDT|")
    page.page.keyboard.press("Tab")
    assert page.ask(STOOD) is None
    page.page.keyboard.press("Shift+Tab")
    assert page.ask(STOOD).startswith("ETHUSDT|")


def test_the_place_among_the_days_is_kept_when_they_are_refreshed(page: Visit, server: MarketServer) -> None:
    page.page.get_by_role("button", name="ETHUSDT").nth(1).focus()
    page.see(TOLD, "never published")
    before = server.asked_for("heat-panel-body")
    page.ask("() => dash_clientside.set_props('slow-beat', {interval: 300})")
    while server.asked_for("heat-panel-body") < before + 3:
        page.see("() => true")
    page.see("() => (document.activeElement.dataset.day || '').startsWith('ETHUSDT|')")
    assert page.ask("() => document.querySelectorAll('.cs-day[aria-pressed=true]').length") == 1


def test_more_days_are_shown_at_once(page: Visit) -> None:
    page.page.get_by_text("30 days").click()
    page.see("() => document.querySelectorAll('.cs-heat thead th').length === 31")
    assert page.complaints == []


@pytest.mark.parametrize("store", ["Redis", "MongoDB"])
def test_a_store_that_goes_away_is_said_and_comes_back(page: Visit, server: MarketServer, store: str) -> None:
    page.ask("() => { for (const beat of ['beat', 'slow-beat']) dash_clientside.set_props(beat, {interval: 500}); }")
    server.quality.away = store
    said = "([id, words]) => document.getElementById(id).textContent === words"
    for panel in ("heat", "books"):
        page.see(said, [f"{panel}-panel-note", f"{store} is away"])
        assert page.ask("(id) => document.getElementById(id).dataset.state", f"{panel}-panel") == "error"
    assert page.ask("() => document.querySelectorAll('.cs-heat').length") == 0
    server.quality.away = None
    page.see(MAPPED)
    page.see("() => document.querySelector('#books-panel').dataset.state === 'live'")
    assert page.complaints == []


def test_a_narrow_phone_shows_a_week_without_scrolling_sideways(phone: Visit, server: MarketServer) -> None:
    phone.page.set_viewport_size({"width": 360, "height": 780})
    opened(phone, server)
    phone.page.get_by_role("button", name="DOGEUSDT").nth(2).tap()
    phone.see(TOLD, "not yet")
    phone.see("() => document.querySelectorAll('#books-panel tbody tr').length === 3")
    assert phone.ask("() => document.documentElement.scrollWidth") <= 360
    cut = "() => [...document.querySelectorAll('.cs-scroll')].filter((box) => box.scrollWidth > box.clientWidth).length"
    assert phone.ask(cut) == 0
    sizes = phone.ask("() => [...document.querySelectorAll('.cs-heat .cs-day')].map((day) => day.clientHeight)")
    assert min(sizes) >= 42
    assert phone.complaints == []
