"""Log records made of the exchange's own object and our words after it: its bytes are never written anew.

The readers' side is in ``records``; field names are the same.
"""

from collections.abc import Sequence

from pipeline.domain import jsontext
from pipeline.domain.book import BookState
from pipeline.domain.frames import DepthFrame, TradeFrame
from pipeline.domain.records import SCHEMA_VERSION

_OURS = b',"eventTime":%d,"receivedTime":%d,"source":"%b","schema":%d}'
_DEPTH = b',"eventTime":%d,"receivedTime":%d,"state":"%b","schema":%d}'
_STATES = {state: state.value.encode() for state in BookState}


def trade_record(trade: TradeFrame, *, received_ms: int, source: str) -> bytes:
    """A trade or an aggregate as the exchange wrote it, with where and when it came from."""
    return trade.body[:-1] + _OURS % (trade.event_ms, received_ms, source.encode(), SCHEMA_VERSION)


def depth_record(diff: DepthFrame, *, state: BookState) -> bytes:
    """A difference as the exchange wrote it, with how far the book it belongs to may be believed."""
    return diff.body[:-1] + _DEPTH % (diff.event_ms, diff.received_ms, _STATES[state], SCHEMA_VERSION)


def book_record(
    symbol: str,
    *,
    last_update_id: int,
    bids: Sequence[tuple[str, str]],
    asks: Sequence[tuple[str, str]],
    event_ms: int,
    received_ms: int,
) -> bytes:
    """A full, synced book: levels best first."""
    return jsontext.dumps(
        {
            "e": "book", "s": symbol, "lastUpdateId": last_update_id, "bids": bids, "asks": asks, "E": event_ms,
            "eventTime": event_ms, "receivedTime": received_ms, "state": BookState.SYNCED.value,
            "schema": SCHEMA_VERSION,
        }
    )  # fmt: skip
