"""Trades and books as JSON text, written thousands of times a second: what ``views`` shows, without the detour.

Numbers keep the exchange's digits because its own text is what is written.
"""

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from pipeline.domain import jsontext
from pipeline.domain.book import BookSnapshot, BookState, Level
from pipeline.domain.ladder import LadderBook
from pipeline.domain.trade import Trade


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownBook:
    """The levels of a book that readers see, best first, each as ``[price,quantity]``, and what they are of."""

    symbol: str
    last_update_id: int
    event_ms: int
    received_ms: int
    bids: tuple[str, ...]
    asks: tuple[str, ...]

    @classmethod
    def of(cls, symbol: str, book: LadderBook, levels: int) -> "ShownBook":
        """The best levels of a live book."""
        return cls(
            symbol=symbol, last_update_id=book.last_update_id, event_ms=book.event_ms, received_ms=book.received_ms,
            bids=tuple(book.bids.rows(levels)), asks=tuple(book.asks.rows(levels)),
        )  # fmt: skip

    @classmethod
    def of_snapshot(cls, book: BookSnapshot) -> "ShownBook":
        """A book that was read."""
        return cls(
            symbol=book.symbol, last_update_id=book.last_update_id, event_ms=book.event_ms,
            received_ms=book.received_ms, bids=_rows(book.bids), asks=_rows(book.asks),
        )  # fmt: skip


def book_text(book: ShownBook, state: BookState) -> bytes:
    """``views.book_view`` as JSON."""
    return (
        f'{{"symbol":{quoted(book.symbol)},"lastUpdateId":{book.last_update_id},"state":"{state.value}",'
        f'"timestamp":{book.event_ms},"receivedTime":{book.received_ms},'
        f'"bids":[{",".join(book.bids)}],"asks":[{",".join(book.asks)}]}}'
    ).encode()


def depth_fields(book: ShownBook, state: BookState, levels: int) -> str:
    """The fields of ``views.depth_view``, the symbol aside, as they stand inside a JSON object."""
    return (
        f'"lastUpdateId":{book.last_update_id},"state":"{state.value}","timestamp":{book.event_ms},'
        f'"bids":[{_depth(book.bids[:levels])}],"asks":[{_depth(book.asks[:levels])}]'
    )


def trade_text(trade: Trade) -> bytes:
    """``views.trade_view`` as JSON: byte-identical for the same trade."""
    last = f',"lastTradeId":{trade.last_id}' if trade.last_id != trade.trade_id else ""
    return (
        f'{{"symbol":{quoted(trade.symbol)},"price":{trade.price:f},"quantity":{trade.quantity:f},'
        f'"time":{trade.time_ms},"isBuyerMaker":{"true" if trade.is_buyer_maker else "false"},'
        f'"tradeId":{trade.trade_id}{last}}}'
    ).encode()


@lru_cache(maxsize=10_000)
def quoted(name: str) -> str:
    """A name as a JSON string."""
    return jsontext.dumps(name).decode()


def _rows(levels: tuple[Level, ...]) -> tuple[str, ...]:
    return tuple(f"[{price:f},{quantity:f}]" for price, quantity in levels)


def _depth(rows: tuple[str, ...]) -> str:
    """Each level with the running total of price times quantity from the best on."""
    total, levels = Decimal(0), []
    for row in rows:
        text, amount = _depth_level(row)
        total += amount
        levels.append(f"{text}{total:f}}}")
    return ",".join(levels)


@lru_cache(maxsize=32_768)
def _depth_level(row: str) -> tuple[str, Decimal]:
    """A level's text up to its total, and what it adds to it; most levels of a book are those of the book before."""
    price, _, quantity = row[1:-1].partition(",")
    return f'{{"price":{price},"quantity":{quantity},"total":', Decimal(price) * Decimal(quantity)
