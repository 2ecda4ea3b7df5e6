"""The data quality page's reads over the real stores: what ``/quality`` tells, of every market that is followed."""

from collections.abc import Sequence

from app.reads.market import StoreReads
from pipeline.domain.gap import Gap
from pipeline.domain.quality import Counts, MarketTrust, QualityDay


class StoreQuality:
    """``callbacks.reads.QualityReads`` over the real stores; every method raises TransientError."""

    def __init__(self, reads: StoreReads) -> None:
        self._reads = reads

    def days(self, days: int) -> Sequence[QualityDay]:
        """The newest ``days`` UTC days of every market."""
        return self._reads.quality.days(self._symbols(), days=days).days

    def gaps(self, symbol: str, *, start_ms: int, end_ms: int) -> Sequence[Gap]:
        """One market's gaps in minutes that touch the half-open range, oldest first."""
        return self._reads.quality.gaps(symbol, start_ms=start_ms, end_ms=end_ms)

    def markets(self) -> Sequence[MarketTrust]:
        """Every market's book and trades beside the exchange's."""
        return self._reads.quality.markets(self._symbols(), since_ms=self._reads.quality.day_ago_ms())

    def counts(self) -> Counts:
        """What the processes counted."""
        return self._reads.quality.counts()

    def _symbols(self) -> list[str]:
        return [market.symbol for market in self._reads.symbols()]
