"""The best price of a side, however far the market goes from where the side began to look."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.exchanges.binance import live_book
from pipeline.exchanges.binance.live_book import Side
from tests.frames import text_levels

CHANGES = st.lists(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 2)), max_size=6), max_size=30)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CHANGES, st.sampled_from((-1, 1)))
def test_the_best_price_is_the_best_of_all_levels(
    monkeypatch: pytest.MonkeyPatch, runs: list[list[tuple[int, int]]], sign: int
) -> None:
    monkeypatch.setattr(live_book, "NEAR", 3)
    side = Side(text_levels(*((str(price), "1") for price in range(10, 20)[::sign])), sign=sign, whole=True)
    for number, changes in enumerate(runs):
        side.apply(text_levels(*((str(price), str(quantity)) for price, quantity in changes)))
        expected = min(side.levels, key=lambda price: sign * price, default=None)
        assert side.best() == expected
        if number % 10 == 9:
            side.prune(5)
