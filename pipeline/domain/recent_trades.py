"""The newest trades of a symbol, every id once, in whatever order and grain they come."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

from pipeline.domain import jsontext
from pipeline.domain.names import REALTIME_TRADES
from pipeline.domain.texts import trade_text
from pipeline.domain.trade import Trade


class TradeRow(NamedTuple):
    """A trade as it lies on the shelf: ``text`` covers the ids ``first_id … last_id``."""

    first_id: int
    last_id: int
    text: bytes

    @property
    def quantity(self) -> Decimal:
        """How much was traded, exactly."""
        return Decimal(jsontext.loads_exact(self.text)["quantity"])


def row_of(trade: Trade) -> TradeRow:
    """The row of a trade."""
    return TradeRow(trade.trade_id, trade.last_id, trade_text(trade))


@dataclass(frozen=True, slots=True)
class Taken:
    """What a trade changed: the trade that is new, its row, and the first ids of the rows it stands in for."""

    trade: Trade
    row: TradeRow
    gone: Sequence[int] = ()


class RecentTrades:
    """The newest ``REALTIME_TRADES`` rows by id.

    What the exchange gives back late it gives as aggregates, and those at the edges of a gap hold ids that are here
    already. Of such an aggregate only the run of ids that was missing is taken, with the quantity that is left: all of
    one aggregate has one price, so that is exact. Where the missing ids are several runs nobody can say how much was
    traded in which; there the aggregate takes the place of the rows it covers. One that is wholly here changes nothing.
    """

    __slots__ = ("_firsts", "_rows")

    def __init__(self, rows: Iterable[TradeRow] = ()) -> None:
        newest = sorted(rows)[-REALTIME_TRADES:]
        self._rows = {row.first_id: row for row in newest}
        self._firsts = sorted(self._rows)

    @property
    def rows(self) -> list[TradeRow]:
        """All of them, oldest first."""
        return [self._rows[first] for first in self._firsts]

    def take(self, trade: Trade) -> Taken | None:
        """Take a trade; None if nothing of it is new, or it is older than all that are kept."""
        firsts = self._firsts
        if not firsts or trade.trade_id > self._rows[firsts[-1]].last_id:
            return self._added(trade)
        if len(firsts) >= REALTIME_TRADES and trade.last_id < firsts[0]:
            return None
        held = self._within(trade)
        return self._joined(trade, held) if held else self._added(trade)

    def _added(self, trade: Trade, gone: Sequence[int] = ()) -> Taken:
        row = row_of(trade)
        self._rows[row.first_id] = row
        insort(self._firsts, row.first_id)
        if len(self._firsts) > REALTIME_TRADES:
            del self._rows[self._firsts.pop(0)]
        return Taken(trade, row, gone)

    def _within(self, trade: Trade) -> list[TradeRow]:
        """The rows that share an id with ``trade``, in order."""
        at = bisect_right(self._firsts, trade.trade_id)
        if at and self._rows[self._firsts[at - 1]].last_id >= trade.trade_id:
            at -= 1
        return [self._rows[first] for first in self._firsts[at : bisect_right(self._firsts, trade.last_id)]]

    def _joined(self, trade: Trade, held: Sequence[TradeRow]) -> Taken | None:
        runs = _missing(trade, held)
        if not runs or held[0].first_id < trade.trade_id or held[-1].last_id > trade.last_id:
            return None
        left = trade.quantity - sum((row.quantity for row in held), Decimal(0))
        if len(runs) == 1 and left > 0:
            first_id, last_id = runs[0]
            return self._added(replace(trade, trade_id=first_id, last_id=last_id, quantity=left))
        for row in held:
            del self._rows[row.first_id]
            del self._firsts[bisect_left(self._firsts, row.first_id)]
        return self._added(trade, [row.first_id for row in held])


def _missing(trade: Trade, held: Sequence[TradeRow]) -> list[tuple[int, int]]:
    """The runs of ids of ``trade`` that no row of ``held`` covers."""
    runs, expected = [], trade.trade_id
    for row in held:
        if row.first_id > expected:
            runs.append((expected, row.first_id - 1))
        expected = max(expected, row.last_id + 1)
    return [*runs, (expected, trade.last_id)] if expected <= trade.last_id else runs
