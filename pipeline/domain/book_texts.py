"""Order-book records of the log decoded by type, their numbers left as the exchange's own texts.

For who folds thousands of them a second; ``records.decode_book`` gives the same records as words of exact numbers.
"""

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Annotated

from msgspec import Meta, MsgspecError, Struct, field
from msgspec.json import Decoder
from msgspec.structs import replace

from pipeline.domain.book import BookState
from pipeline.domain.faults import BadMessageError

TextLevel = tuple[str, str]
"""(price, quantity), both plain decimal numbers from zero, as JSON writes them."""
Name = Annotated[str, Meta(min_length=1)]


class TextDiff(Struct, frozen=True, gc=False, tag_field="e", tag="depthUpdate"):
    """A difference, as ``book.BookDiff``."""

    symbol: Name = field(name="s")
    first_id: int = field(name="U")
    last_id: int = field(name="u")
    bids: list[TextLevel] = field(name="b")
    asks: list[TextLevel] = field(name="a")
    event_ms: int = field(name="eventTime")
    received_ms: int = field(name="receivedTime")
    state: BookState


class TextSnapshot(Struct, frozen=True, gc=False, tag_field="e", tag="book"):
    """A full book, as ``book.BookSnapshot``."""

    symbol: Name = field(name="s")
    last_update_id: int = field(name="lastUpdateId")
    bids: list[TextLevel]
    asks: list[TextLevel]
    event_ms: int = field(name="eventTime")
    received_ms: int = field(name="receivedTime")
    state: BookState


TextRecord = TextDiff | TextSnapshot
_DECODER: Decoder[TextRecord] = Decoder(TextRecord)
_PLAIN = re.compile(r"(?:(?:0|[1-9][0-9]*)(?:\.[0-9]+)?,)*").fullmatch


def decode_book_texts(value: bytes) -> TextRecord:
    """A full book or a difference from an order-book record. Raises BadMessageError."""
    try:
        record = _DECODER.decode(value)
        if _are_plain(record.bids) and _are_plain(record.asks):
            return record
        return replace(record, bids=_plain(record.bids), asks=_plain(record.asks))
    except (MsgspecError, ValueError, InvalidOperation) as error:
        raise BadMessageError(f"order-book record: {error!r}") from error


def _are_plain(levels: Sequence[TextLevel]) -> bool:
    """Whether every text is a number as it may stand in JSON; one search over all of them is the cheapest way."""
    joined = "".join([f"{price},{quantity}," for price, quantity in levels])
    return _PLAIN(joined) is not None and joined.count(",") == 2 * len(levels)


def _plain(levels: Sequence[TextLevel]) -> list[TextLevel]:
    return [(_number(price), _number(quantity)) for price, quantity in levels]


def _number(text: str) -> str:
    value = Decimal(text)
    if not value.is_finite() or value.is_signed():
        raise ValueError(f"{text[:40]!r} is not a number from zero")
    return format(value, "f")
