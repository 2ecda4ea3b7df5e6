"""On a small screen the page is one column that scrolls."""

from itertools import pairwise

import pytest

from tests.browser.conftest import Visit
from tests.browser.market_server import MarketServer

pytestmark = pytest.mark.browser


@pytest.fixture
def page(phone: Visit, server: MarketServer) -> Visit:
    return phone.open(server)


def test_nothing_is_wider_than_the_screen(page: Visit) -> None:
    assert page.ask("() => document.documentElement.scrollWidth") <= 390
    assert page.ask("() => document.documentElement.scrollHeight > innerHeight")


def test_panels_stand_below_one_another(page: Visit) -> None:
    boxes = page.ask(
        "() => [...document.querySelectorAll('.cs-panel')].map((panel) => panel.getBoundingClientRect())"
        ".map((box) => [box.top, box.bottom, box.width])"
    )
    ordered = sorted(boxes)
    assert all(above[1] <= below[0] for above, below in pairwise(ordered))
    assert {round(box[2]) for box in boxes} == {382}


def test_a_finger_on_the_chart_scrolls_the_page(page: Visit) -> None:
    assert page.ask("() => candlestream.chart.gd._fullLayout.dragmode") is False
    assert page.complaints == []


def test_pickers_are_large_enough_for_a_finger(page: Visit) -> None:
    heights = page.ask(
        "() => [...document.querySelectorAll('.cs-interval, #symbol')]"
        ".map((node) => node.getBoundingClientRect().height)"
    )
    assert min(heights) >= 44
