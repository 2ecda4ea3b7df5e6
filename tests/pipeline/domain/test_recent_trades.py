"""The newest trades: every id once, in whatever order and grain they come."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.jsontext import dumps
from pipeline.domain.names import REALTIME_TRADES
from pipeline.domain.recent_trades import RecentTrades, TradeRow
from pipeline.domain.texts import trade_text
from pipeline.domain.trade import Trade
from pipeline.domain.views import trade_view
from tests.words import NOON_MS, a_trade


def quantity_of(trade_id: int) -> Decimal:
    return Decimal(trade_id) / 8


def single(trade_id: int) -> Trade:
    return a_trade(trade_id, quantity=quantity_of(trade_id))


def aggregate(first_id: int, last_id: int) -> Trade:
    total = sum((quantity_of(i) for i in range(first_id, last_id + 1)), Decimal(0))
    return a_trade(first_id, last_id=last_id, aggregate_id=first_id, quantity=total)


def ids(rows: list[TradeRow]) -> list[int]:
    return [i for row in rows for i in range(row.first_id, row.last_id + 1)]


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[int, list[Trade]]:
    """Some sixty ids cut into aggregates as the exchange cuts them; singles, aggregates, both, twice; shuffled."""
    told: list[Trade] = []
    first_id = 1
    for size in draw(st.lists(st.integers(1, 6), min_size=1, max_size=15)):
        last_id = first_id + size - 1
        some = draw(st.sets(st.integers(first_id, last_id)))
        whole = len(some) < size or draw(st.booleans())
        told += [single(i) for i in sorted(some)] + [aggregate(first_id, last_id)] * whole
        first_id = last_id + 1
    again = draw(st.lists(st.sampled_from(told), max_size=10))
    return first_id - 1, draw(st.permutations(told + again))


@settings(deadline=None)
@given(deliveries(), st.sets(st.integers(0, 60), max_size=3))
def test_every_id_is_there_once_and_nothing_is_traded_twice(told: tuple[int, list[Trade]], restarts: set[int]) -> None:
    count, trades = told
    recent = RecentTrades()
    for number, trade in enumerate(trades):
        if number in restarts:
            recent = RecentTrades(recent.rows)
        recent.take(trade)
    assert ids(recent.rows) == list(range(1, count + 1))
    assert sum(row.quantity for row in recent.rows) == sum(quantity_of(i) for i in range(1, count + 1))
    before = recent.rows
    assert [recent.take(trade) for trade in trades] == [None] * len(trades)
    assert recent.rows == before


def test_of_an_aggregate_at_the_edge_of_a_gap_the_missing_run_is_taken_with_what_is_left() -> None:
    recent = RecentTrades()
    for trade_id in (1, 2, 5):
        recent.take(single(trade_id))
    taken = recent.take(aggregate(2, 4))
    assert taken is not None
    assert (taken.trade.trade_id, taken.trade.last_id) == (3, 4)
    assert taken.trade.quantity == quantity_of(3) + quantity_of(4)


def test_an_aggregate_with_several_missing_runs_takes_the_place_of_what_it_covers() -> None:
    recent = RecentTrades()
    recent.take(single(2))
    taken = recent.take(aggregate(1, 3))
    assert taken is not None
    assert (list(taken.gone), ids(recent.rows)) == ([2], [1, 2, 3])


def test_a_late_trade_enters_among_the_newest_and_an_older_one_does_not() -> None:
    recent = RecentTrades()
    for trade_id in range(10, REALTIME_TRADES + 11):
        if trade_id != 500:
            recent.take(single(trade_id))
    assert len(recent.rows) == REALTIME_TRADES
    assert recent.take(single(9)) is None
    assert recent.take(single(500)) is not None
    assert len(recent.rows) == REALTIME_TRADES
    assert ids(recent.rows) == list(range(11, REALTIME_TRADES + 11))


def test_a_row_is_the_view_of_the_trade() -> None:
    for trade in (single(7), aggregate(3, 9), a_trade(1, symbol='Ü"币', price=Decimal("1E-8"), time_ms=NOON_MS)):
        assert trade_text(trade) == dumps(trade_view(trade))
