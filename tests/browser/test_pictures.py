"""Every page over the whole stack, each with real figures on it; what a reader sees is kept as pictures."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, TimeoutError

from pipeline.settings import Settings
from tests.browser.conftest import ALL_LIVE, STATES, Visit, visit_of
from tests.road.running import Road, running_road
from tests.servers.waiting import wait_for

pytestmark = pytest.mark.browser

EVERY = ("exchange", "ingest", "cache", "archive", "web", "push")
LOADED_WITHIN_MS = 40_000
MOST_BYTES = 400_000
MARKETS = 16
PUSHED = (
    "() => document.querySelector('#feed-connection')?.dataset.state === 'push'"
    " && document.querySelector('#header-history')?.textContent === ''"
    " && document.querySelector('#header-stats')?.textContent.includes('–') === false"
)
RANKED = (
    "(count) => document.querySelectorAll('#ranking-table tbody tr').length === count"
    " && document.querySelector('#ranking-panel')?.dataset.state === 'live'"
)
AGES = "() => [...document.querySelectorAll('#ranking-table .cs-age')].map((cell) => cell.textContent)"
CHANGES = "() => [...document.querySelectorAll('#ranking-table .cs-change')].map((cell) => cell.textContent)"
LEVELS = "() => [...document.querySelectorAll('#processes-panel .cs-lamp')].map((lamp) => lamp.dataset.level)"
MAPPED = (
    "() => document.querySelectorAll('.cs-heat tbody tr').length === 16"
    " && document.querySelectorAll('.cs-heat .cs-day[data-level=whole]').length >= 32"
    " && document.querySelectorAll('#books-panel tbody tr').length === 16"
    " && document.querySelector('#counts-panel').dataset.state === 'live'"
    " && document.querySelector('#heat-panel-note').textContent === 'nothing is missing'"
)
RUNNING = (
    "() => document.querySelector('#system-verdict')?.dataset.level === 'good'"
    " && document.querySelector('#history-panel [role=progressbar]')?.ariaValueNow === '100'"
    " && document.querySelectorAll('#freshness-panel tbody tr').length === 16"
    " && document.querySelectorAll('#quality-panel tbody tr').length === 16"
    " && document.querySelector('#quality-panel-note').textContent === 'nothing is missing'"
)


@pytest.fixture
def road(namespace: Settings, tmp_path: Path) -> Iterator[Road]:
    with running_road(namespace, tmp_path, processes=EVERY, source="simulator", HISTORY_DAYS="2") as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where pictures go: PICTURES_DIR, or nowhere that lasts."""
    chosen = Path(os.environ.get("PICTURES_DIR") or tmp_path)
    chosen.mkdir(parents=True, exist_ok=True)
    return chosen


@pytest.mark.timeout(180)
def test_every_page_shows_the_running_stack(road: Road, chromium: Browser, folder: Path) -> None:
    wait_for(lambda: is_stored(road), within_s=60, what="two days of every market in the store")
    see_chart(chromium, road, folder / "chart.png")
    see_ranking(chromium, road, folder / "ranking.png")
    see_quality(chromium, road, folder / "quality.png")
    see_system(chromium, road, folder / "system.png")


def is_stored(road: Road) -> bool:
    """Whether all the history that ingest fetched is in the store too."""
    history = road.heartbeat("ingest").get("history", {"state": "planned"})
    if history["state"] != "done":
        return False
    stored, fetched = int(road.heartbeat("archive").get("changed", 0)), int(history["fetched"])
    return stored >= fetched > 0


def see_chart(chromium: Browser, road: Road, picture: Path) -> None:
    visit = opened(chromium, road.web, height=800)
    seen(visit, PUSHED)
    seen(visit, ALL_LIVE)
    assert visit.text("#header-source") == "SIMULATED"
    keep(visit, picture)


def see_ranking(chromium: Browser, road: Road, picture: Path) -> None:
    visit = opened(chromium, f"{road.web}/markets")
    seen(visit, RANKED, MARKETS)
    ages = visit.ask(AGES)
    assert len(ages) == MARKETS
    assert all(seconds(age) < 15 for age in ages), ages
    changes = [percent(text) for text in visit.ask(CHANGES)]
    assert changes == sorted(changes, reverse=True)
    assert visit.text("#ranking-panel-note") == ""
    keep(visit, picture)


def see_quality(chromium: Browser, road: Road, picture: Path) -> None:
    visit = opened(chromium, f"{road.web}/data-quality", height=1_480)
    seen(visit, MAPPED)
    visit.page.locator(".cs-day").first.click()
    seen(visit, "() => document.querySelector('#day-panel-body').textContent.includes('minutes stored')")
    assert visit.text("#heat-panel-note") == "nothing is missing"
    keep(visit, picture)


def see_system(chromium: Browser, road: Road, picture: Path) -> None:
    visit = opened(chromium, f"{road.web}/system")
    seen(visit, RUNNING)
    assert visit.ask(LEVELS) == ["good"] * 5
    assert visit.text("#system-verdict").startswith("Everything runs: 2 stores answer, 5 processes beat, 16 markets")
    keep(visit, picture)


def opened(chromium: Browser, address: str, *, height: int = 900) -> Visit:
    visit = visit_of(chromium, viewport={"width": 1440, "height": height}, device_scale_factor=1)
    visit.page.goto(address)
    return visit


def seen(visit: Visit, condition: str, arg: Any = None) -> None:
    """Wait for a condition; say what stands there instead where it does not come true."""
    try:
        visit.page.wait_for_function(condition, arg=arg, timeout=LOADED_WITHIN_MS)
    except TimeoutError as error:
        shown = visit.page.locator("body").inner_text()
        raise AssertionError(f"panels {visit.ask(STATES)}, complaints {visit.complaints}, page {shown}") from error


def keep(visit: Visit, picture: Path) -> None:
    assert len(visit.page.screenshot(path=picture)) < MOST_BYTES
    assert visit.complaints == []
    visit.page.close()


def seconds(age: str) -> int:
    """``< 1 s ago`` is 0, ``3 s ago`` is 3; minutes and hours are more than anything asked for here."""
    figure, unit, _ = age.removeprefix("< ").split(maxsplit=2)
    return (0 if age.startswith("<") else int(figure)) if unit == "s" else 3_600


def percent(change: str) -> float:
    """``▼ −0.31 %`` is -0.31."""
    return float(change.split()[1].replace("−", "-"))
