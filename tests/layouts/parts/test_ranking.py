"""A ranking can be read without its colours: marks, signs, digits and ages are words."""

from decimal import Decimal
from typing import Any

from layouts.parts.ranking import Ranked, ranking_table, swing
from tests.layouts.reading import every, rows_of, text_of


def a_row(symbol: str = "BTCUSDT", **other: Any) -> Ranked:
    fields: dict[str, Any] = {
        "symbol": symbol, "base": symbol[:-4], "quote": "USDT", "price": Decimal("64012.30000000"), "digits": 2,
        "change_percent": Decimal("1.2390"), "quote_volume": Decimal("1237000000"),
        "base_volume": Decimal("18234.5"), "age_ms": 3_400,
    }  # fmt: skip
    return Ranked(**(fields | other))


def a_table(*rows: Ranked) -> Any:
    return ranking_table(rows, caption="markets by change", window="24h")


def test_a_row_says_place_market_price_change_volumes_and_age() -> None:
    (words,) = rows_of(a_table(a_row()))
    assert words == "1 BTC /USDT 64,012.30 ▲ +1.24 % 1.24 B  USDT 18.23 K  BTC 3 s ago"


def test_a_fall_has_its_own_mark_and_sign() -> None:
    assert "▼ −0.31 %" in rows_of(a_table(a_row(change_percent=Decimal("-0.3100"))))[0]
    assert "= 0.00 %" in rows_of(a_table(a_row(change_percent=Decimal("0.0000"))))[0]


def test_an_old_price_is_called_stale() -> None:
    old, young = rows_of(a_table(a_row(age_ms=15_000), a_row(age_ms=14_999)))
    assert old.endswith("15 s ago, stale")
    assert young.endswith("14 s ago")


def test_the_table_has_a_caption_and_every_header_a_scope() -> None:
    table = a_table(a_row(), a_row("ETHUSDT"))
    assert text_of(every(table, "Caption")) == "markets by change"
    scopes = [head.scope for head in every(table, "Th")]
    assert scopes == ["col"] * 8 + ["row"] * 2


def test_a_market_leads_to_its_page_whatever_it_is_called() -> None:
    links = [link.href for link in every(a_table(a_row(), a_row("币&安USDT")), "A")]
    assert links == ["/?symbol=BTCUSDT", "/?symbol=%E5%B8%81%26%E5%AE%89USDT"]


def test_the_largest_change_reaches_the_edge_and_others_are_to_scale() -> None:
    bar: Any = swing(Decimal(-2), largest=Decimal(4)).children
    assert bar.style == {"right": "50%", "width": "25.0%"}
    still: Any = swing(Decimal(0), largest=Decimal(0)).children
    assert still.style["width"] == "0.0%"
