"""A market, as the exchange lists it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SymbolInfo:
    """One market: ``tick_size`` and ``step_size`` are the smallest moves of price and quantity, as decimal text."""

    symbol: str
    status: str
    base_asset: str
    quote_asset: str
    tick_size: str
    step_size: str

    @property
    def trading(self) -> bool:
        """Whether the market is open."""
        return self.status == "TRADING"
