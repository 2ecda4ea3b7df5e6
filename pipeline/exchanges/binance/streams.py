"""Which streams to open, and over how many connections.

Source: binance-spot-api-docs, web-socket-streams.md: at most 1,024 streams a connection. We stay far below, because
long URLs are cut and one connection's loss should not silence the whole market.
"""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from pipeline.domain import jsontext

KINDS = ("kline_1m", "depth@100ms", "trade", "bookTicker")
"""The streams of a market: what goes into the log, and the exchange's own best prices to judge a book by."""
_SUFFIXES = dict(zip(("kline", "depth", "trade", "ticker"), KINDS, strict=True))
STREAMS_PER_CONNECTION = 192
MOST_NAMES = 200
"""Names in one control message: longer ones were seen to be dropped without a word."""
_COMBINED = re.compile(rb'^\{"stream":"([^"@]+)@([^"]+)"')


def stream_names(symbol: str) -> tuple[str, ...]:
    """The streams that carry one symbol's market."""
    return tuple(f"{symbol.lower()}@{kind}" for kind in KINDS)


def connections(base_url: str, symbols: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
    """(combined-stream URL, its symbols) of the connections that carry ``symbols``, each on one of them."""
    size = STREAMS_PER_CONNECTION // len(KINDS)
    groups = [tuple(symbols[start : start + size]) for start in range(0, len(symbols), size)]
    return [(f"{base_url}/stream?streams={_joined(group)}", group) for group in groups]


def resubscription(silent: Mapping[str, Sequence[str]], *, number: int) -> list[bytes]:
    """UNSUBSCRIBE and SUBSCRIBE of symbols' kinds of stream (kline, depth, trade, ticker), as two messages."""
    names = [f"{symbol.lower()}@{_SUFFIXES[kind]}" for symbol, kinds in silent.items() for kind in kinds]
    return [
        jsontext.dumps({"method": method, "params": names[:MOST_NAMES], "id": number + step})
        for step, method in enumerate(("UNSUBSCRIBE", "SUBSCRIBE"))
    ]


def stream_of(frame: bytes) -> tuple[str, str]:
    """Symbol and kind of a combined-stream frame, its data unread; two empty texts for any other frame."""
    found = _COMBINED.match(frame)
    return (found[1].decode(errors="replace").upper(), found[2].decode(errors="replace")) if found else ("", "")


def _joined(symbols: Sequence[str]) -> str:
    return "/".join(quote(name, safe="@") for symbol in symbols for name in stream_names(symbol))
