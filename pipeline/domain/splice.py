"""Log records made of the exchange's own object and our words after it: its bytes are never written anew.

The readers' side is in ``records``; field names are the same.
"""

from collections.abc import Sequence
from functools import cache

from pipeline.domain import jsontext
from pipeline.domain.book import BookState
from pipeline.domain.frames import DepthFrame, TradeFrame
from pipeline.domain.records import SCHEMA_VERSION

_TIMES = b',"eventTime":%d,"receivedTime":%d,'


def trade_record(trade: TradeFrame, *, received_ms: int, source: str) -> bytes:
    """A trade or an aggregate as the exchange wrote it, with where and when it came from."""
    return trade.body[:-1] + _of_source(source) % (trade.event_ms, received_ms)


def depth_record(diff: DepthFrame, *, state: BookState) -> bytes:
    """A difference as the exchange wrote it, with how far the book it belongs to may be believed."""
    return diff.body[:-1] + _OF_STATE[state] % (diff.event_ms, diff.received_ms)


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


@cache
def _of_source(source: str) -> bytes:
    return _TIMES + b'"source":"%b","schema":%d}' % (source.encode(), SCHEMA_VERSION)


_OF_STATE = {
    state: _TIMES + b'"state":"%b","schema":%d}' % (state.value.encode(), SCHEMA_VERSION) for state in BookState
}
