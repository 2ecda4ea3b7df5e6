"""What an exchange's stream said, checked but not rewritten: its own bytes and the few words needed to judge them.

The log keeps the exchange's object as it came, so a frame carries it as ``body``: one JSON object of the exchange's.
Times are UTC epoch milliseconds.
"""

from typing import NamedTuple

TextLevel = tuple[tuple[float, float], tuple[str, str]]
"""((price, quantity), the exchange's own texts of both): numbers to sort and compare by, texts to keep."""


class TradeFrame(NamedTuple):
    """Trades ``first_id … last_id`` of a symbol; more than one id only in an aggregate."""

    symbol: str
    first_id: int
    last_id: int
    time_ms: int
    event_ms: int
    body: bytes


class DepthFrame(NamedTuple):
    """A difference over the update ids ``first_id … last_id``; quantities are absolute, 0 deletes."""

    symbol: str
    first_id: int
    last_id: int
    bids: list[TextLevel]
    asks: list[TextLevel]
    event_ms: int
    received_ms: int
    body: bytes


class BookFrame(NamedTuple):
    """A full book at ``last_update_id``, best first. ``whole``: it ends because there is no more, not at a limit."""

    symbol: str
    last_update_id: int
    bids: list[TextLevel]
    asks: list[TextLevel]
    received_ms: int
    whole: tuple[bool, bool] = (True, True)


class TickerFrame(NamedTuple):
    """The best bid and ask, each (price, quantity), as of ``update_id``."""

    symbol: str
    update_id: int
    bid: tuple[str, str]
    ask: tuple[str, str]
