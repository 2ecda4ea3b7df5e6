"""Which streams to open, and over how many connections.

Source: binance-spot-api-docs, web-socket-streams.md: at most 1,024 streams a connection. We stay far below, because
long URLs are cut and one connection's loss should not silence the whole market.
"""

import re
from collections.abc import Sequence
from urllib.parse import quote

KINDS = ("kline_1m", "depth@100ms", "trade")
RECORDED_KINDS = (*KINDS, "bookTicker")
"""What a recording keeps: the road's streams, and the exchange's own best prices to judge a book by."""
STREAMS_PER_CONNECTION = 192
_COMBINED = re.compile(rb'^\{"stream":"([^"@]+)@([^"]+)"')


def stream_names(symbol: str, kinds: Sequence[str] = KINDS) -> tuple[str, ...]:
    """The streams that carry one symbol's market."""
    return tuple(f"{symbol.lower()}@{kind}" for kind in kinds)


def connection_urls(base_url: str, symbols: Sequence[str], kinds: Sequence[str] = KINDS) -> list[str]:
    """The combined-stream URLs that together carry ``symbols``; one symbol never spans two connections."""
    size = STREAMS_PER_CONNECTION // len(kinds)
    groups = [symbols[start : start + size] for start in range(0, len(symbols), size)]
    return [f"{base_url}/stream?streams={_joined(group, kinds)}" for group in groups]


def stream_of(frame: bytes) -> tuple[str, str]:
    """Symbol and kind of a combined-stream frame, its data unread; two empty texts for any other frame."""
    found = _COMBINED.match(frame)
    return (found[1].decode(errors="replace").upper(), found[2].decode(errors="replace")) if found else ("", "")


def _joined(symbols: Sequence[str], kinds: Sequence[str]) -> str:
    return "/".join(quote(name, safe="@") for symbol in symbols for name in stream_names(symbol, kinds))
