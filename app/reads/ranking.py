"""The markets page's read over the real stores: the fold behind the rankings, with each market as it is listed."""

from app.reads.market import StoreReads
from app.reads.windows import Movement
from callbacks.reads import Market, Mover, Ranking


class StoreRanking:
    """``callbacks.reads.RankingReads`` over the real stores."""

    def __init__(self, reads: StoreReads) -> None:
        self._reads = reads

    def ranking(self, window: str) -> Ranking:
        """What every market that trades did over ``window``. Raises TransientError while a store is away."""
        listed = {market.symbol: market for market in self._reads.symbols()}
        movements = self._reads.windows.movements(self._reads.trading(), window)
        movers = [mover(moved, listed[symbol]) for symbol, moved in movements.moved.items() if symbol in listed]
        return Ranking(movers=movers, pending=tuple(movements.pending))


def mover(moved: Movement, market: Market) -> Mover:
    """One market's movement as the page takes it."""
    return Mover(
        market=market,
        price=moved.price,
        change_percent=moved.change_percent,
        quote_volume=moved.quote_volume,
        base_volume=moved.base_volume,
        received_ms=moved.received_ms,
    )
