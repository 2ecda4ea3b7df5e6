"""The page holds every part a callback or the glue reaches for."""

from typing import Any

from layouts import ids
from layouts.pages.market import market_page
from layouts.parts import ladder, trades

PAGE: Any = market_page(options=[{"label": "BTC/USDT", "value": "BTCUSDT"}], symbol="BTCUSDT", push_port=8051)


def test_every_id_is_on_the_page_once() -> None:
    on_page = [part.id for part in PAGE._traverse() if getattr(part, "id", None)]
    wanted = {value for name, value in vars(ids).items() if name.isupper()}
    assert wanted <= set(on_page)
    assert len(on_page) == len(set(on_page))


def test_tables_are_pools_of_rows_made_in_advance() -> None:
    classes = [getattr(part, "className", "") or "" for part in PAGE._traverse()]
    assert sum("cs-level" in name for name in classes) == 2 * ladder.LEVELS
    assert sum("cs-trade" in name.split() for name in classes) == trades.ROWS


def test_every_panel_has_a_name_and_says_its_state() -> None:
    panels = [part for part in PAGE._traverse() if "cs-panel" in (getattr(part, "className", "") or "").split()]
    assert len(panels) == 4
    for panel in panels:
        assert getattr(panel, "aria-labelledby") == f"{panel.id}-title"
        assert getattr(panel, "data-state") == "loading"


def test_the_page_tells_the_glue_where_push_is() -> None:
    assert getattr(PAGE, "data-push-port") == "8051"
