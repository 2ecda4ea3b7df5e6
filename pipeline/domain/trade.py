"""A trade, or a run of trades the exchange gives back only as one aggregate."""

from dataclasses import dataclass
from decimal import Decimal

EIGHT_DECIMALS = Decimal("0.00000001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """One trade; ``trade_id`` is consecutive within a symbol.

    An aggregate has an ``aggregate_id`` of the exchange and covers the ids ``trade_id … last_id``; a single trade has
    none, and ``last_id == trade_id``.
    """

    symbol: str
    trade_id: int
    last_id: int
    price: Decimal
    quantity: Decimal
    time_ms: int
    is_buyer_maker: bool
    event_ms: int
    received_ms: int
    source: str
    aggregate_id: int | None = None

    @property
    def quote_quantity(self) -> Decimal:
        """Price times quantity, exact, with the exchange's eight decimals where these hold it."""
        exact = self.price * self.quantity
        rounded = exact.quantize(EIGHT_DECIMALS)
        return rounded if rounded == exact else exact
