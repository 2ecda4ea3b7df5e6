"""Kafka records: the exchange's own letters plus our words, to and from the words of the trade.

Every record carries ``schema``, its version; readers ignore what they do not know.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from msgspec import MsgspecError, Struct, field
from msgspec.json import Decoder

from pipeline.domain import jsontext
from pipeline.domain.book import BookDiff, BookSnapshot, BookState, Level
from pipeline.domain.book_texts import Name
from pipeline.domain.candle import Candle, Revision
from pipeline.domain.faults import BadMessageError
from pipeline.domain.interval import Interval
from pipeline.domain.trade import Trade

SCHEMA_VERSION = 1

BookRecord = BookSnapshot | BookDiff


def encode_candle(candle: Candle) -> bytes:
    """A kline record: Binance's ``k`` letters and ours in words."""
    return jsontext.dumps(
        {
            "t": candle.open_ms, "T": candle.close_ms, "s": candle.symbol, "i": candle.interval.value,
            "f": candle.first_trade_id, "L": candle.last_trade_id,
            "o": _text(candle.open), "c": _text(candle.close),
            "h": _text(candle.high), "l": _text(candle.low),
            "v": _text(candle.volume), "n": candle.trades, "x": candle.closed, "q": _text(candle.quote_volume),
            "V": _text(candle.taker_buy_volume), "Q": _text(candle.taker_buy_quote_volume),
            "eventTime": candle.event_ms, "receivedTime": candle.received_ms,
            "source": candle.source, "revision": int(candle.revision), "verifiedTime": candle.verified_ms,
            "schema": SCHEMA_VERSION,
        }
    )  # fmt: skip


def decode_candle(value: bytes) -> Candle:
    """A candle from a kline record. Raises BadMessageError."""
    record = jsontext.loads_object(value)
    try:
        return Candle(
            symbol=_name(record["s"]), interval=Interval(record["i"]), open_ms=jsontext.whole(record["t"]),
            open=Decimal(record["o"]), high=Decimal(record["h"]),
            low=Decimal(record["l"]), close=Decimal(record["c"]),
            volume=Decimal(record["v"]), quote_volume=Decimal(record["q"]), trades=jsontext.whole(record["n"]),
            taker_buy_volume=Decimal(record["V"]), taker_buy_quote_volume=Decimal(record["Q"]),
            first_trade_id=jsontext.whole(record.get("f", -1)), last_trade_id=jsontext.whole(record.get("L", -1)),
            closed=record["x"] is True, revision=Revision(record["revision"]), source=record["source"],
            event_ms=jsontext.whole(record["eventTime"]), received_ms=jsontext.whole(record["receivedTime"]),
            verified_ms=_whole_or_none(record.get("verifiedTime")),
        )  # fmt: skip
    except _MALFORMED as error:
        raise BadMessageError(f"kline record: {error!r}") from error


def encode_trade(trade: Trade) -> bytes:
    """A trade record: Binance's ``trade`` letters, or ``aggTrade`` ones for an aggregate."""
    ids: dict[str, Any] = {"e": "trade", "t": trade.trade_id}
    if trade.aggregate_id is not None:
        ids = {"e": "aggTrade", "a": trade.aggregate_id, "f": trade.trade_id, "l": trade.last_id}
    return jsontext.dumps(
        ids
        | {
            "E": trade.event_ms, "s": trade.symbol, "p": _text(trade.price), "q": _text(trade.quantity),
            "T": trade.time_ms, "m": trade.is_buyer_maker,
            "eventTime": trade.event_ms, "receivedTime": trade.received_ms,
            "source": trade.source, "schema": SCHEMA_VERSION,
        }
    )  # fmt: skip


class _TradeRecord(Struct, gc=False, tag_field="e"):
    symbol: Name = field(name="s")
    price: Decimal = field(name="p")
    quantity: Decimal = field(name="q")
    time_ms: int = field(name="T")
    is_buyer_maker: bool = field(name="m")
    event_ms: int = field(name="eventTime")
    received_ms: int = field(name="receivedTime")
    source: str


class _SingleRecord(_TradeRecord, gc=False, tag="trade"):
    trade_id: int = field(name="t")


class _AggregateRecord(_TradeRecord, gc=False, tag="aggTrade"):
    aggregate_id: int = field(name="a")
    trade_id: int = field(name="f")
    last_id: int = field(name="l")


_TRADES = Decoder(_SingleRecord | _AggregateRecord)


def decode_trade(value: bytes) -> Trade:
    """A trade from a trade record. Raises BadMessageError."""
    try:
        record = _TRADES.decode(value)
    except (MsgspecError, ValueError) as error:
        raise BadMessageError(f"trade record: {error}") from error
    if not (record.price.is_finite() and record.quantity.is_finite()):
        raise BadMessageError(f"trade record: price {record.price}, quantity {record.quantity}: expected numbers")
    aggregate = isinstance(record, _AggregateRecord)
    last_id = record.last_id if aggregate else record.trade_id
    if last_id < record.trade_id:
        raise BadMessageError(f"trade record: its ids end at {last_id} and begin at {record.trade_id}")
    return Trade(
        symbol=record.symbol, trade_id=record.trade_id, last_id=last_id,
        aggregate_id=record.aggregate_id if aggregate else None,
        price=record.price, quantity=record.quantity, time_ms=record.time_ms, is_buyer_maker=record.is_buyer_maker,
        event_ms=record.event_ms, received_ms=record.received_ms, source=record.source,
    )  # fmt: skip


def encode_book(record: BookRecord) -> bytes:
    """An order-book record: Binance's diff letters, or a full book."""
    ours = {
        "b" if isinstance(record, BookDiff) else "bids": _levels(record.bids),
        "a" if isinstance(record, BookDiff) else "asks": _levels(record.asks),
        "s": record.symbol, "E": record.event_ms, "eventTime": record.event_ms,
        "receivedTime": record.received_ms, "state": record.state.value, "schema": SCHEMA_VERSION,
    }  # fmt: skip
    if isinstance(record, BookDiff):
        return jsontext.dumps({"e": "depthUpdate", "U": record.first_id, "u": record.last_id} | ours)
    return jsontext.dumps({"e": "book", "lastUpdateId": record.last_update_id} | ours)


def decode_book(value: bytes) -> BookRecord:
    """A full book or a difference from an order-book record. Raises BadMessageError."""
    record = jsontext.loads_object(value)
    try:
        return _diff(record) if record["e"] == "depthUpdate" else _snapshot(record)
    except _MALFORMED as error:
        raise BadMessageError(f"order-book record: {error!r}") from error


def _diff(record: Mapping[str, Any]) -> BookDiff:
    return BookDiff(
        symbol=_name(record["s"]), first_id=jsontext.whole(record["U"]), last_id=jsontext.whole(record["u"]),
        bids=_parse_levels(record["b"]), asks=_parse_levels(record["a"]),
        event_ms=jsontext.whole(record["eventTime"]), received_ms=jsontext.whole(record["receivedTime"]),
        state=BookState(record["state"]),
    )  # fmt: skip


def _snapshot(record: Mapping[str, Any]) -> BookSnapshot:
    return BookSnapshot(
        symbol=_name(record["s"]), last_update_id=jsontext.whole(record["lastUpdateId"]),
        bids=_parse_levels(record["bids"]), asks=_parse_levels(record["asks"]),
        event_ms=jsontext.whole(record["eventTime"]), received_ms=jsontext.whole(record["receivedTime"]),
        state=BookState(record["state"]),
    )  # fmt: skip


def _levels(levels: Iterable[Level]) -> list[tuple[str, str]]:
    return [(_text(price), _text(quantity)) for price, quantity in levels]


def _parse_levels(rows: Iterable[tuple[str, str]]) -> tuple[Level, ...]:
    return tuple((Decimal(price), Decimal(quantity)) for price, quantity in rows)


def _whole_or_none(value: object) -> int | None:
    return None if value is None else jsontext.whole(value)


def _name(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{value!r} is not a symbol")
    return value


def _text(value: Decimal) -> str:
    return format(value, "f")


_MALFORMED = (KeyError, TypeError, ValueError, InvalidOperation)
