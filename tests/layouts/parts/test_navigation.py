"""Every page names the three pages in the same order and says which one it is."""

import pytest

from layouts.pages.market import market_page
from layouts.pages.markets import markets_page
from layouts.pages.quality import quality_page
from layouts.pages.system import system_page
from layouts.parts.navigation import navigation
from tests.layouts.reading import every, text_of

LINKS = [("Market", "/"), ("Markets", "/markets"), ("Data quality", "/data-quality"), ("System", "/system")]


@pytest.mark.parametrize(("name", "path"), LINKS)
def test_the_current_page_and_no_other_is_said_to_be_current(name: str, path: str) -> None:
    links = every(navigation(current=path), "A")
    assert [(link.children, link.href) for link in links] == LINKS
    assert [link.children for link in links if getattr(link, "aria-current", None) == "page"] == [name]


def test_every_page_has_the_navigation_and_one_heading_and_one_main() -> None:
    pages = [
        market_page(options=[{"label": "BTC/USDT", "value": "BTCUSDT"}], symbol="BTCUSDT", push_port=1),
        markets_page(source="simulator"),
        quality_page(source="simulator"),
        system_page(source="simulator"),
    ]
    assert [text_of(every(page, "Nav")) for page in pages] == ["Market Markets Data quality System"] * 4
    assert [len(every(page, "H1")) for page in pages] == [1] * 4
    assert [len(every(page, "Main")) for page in pages] == [1] * 4
