"""Which streams to open, and over how many connections.

Source: binance-spot-api-docs, web-socket-streams.md: at most 1,024 streams a connection. We stay far below, because
long URLs are cut and one connection's loss should not silence the whole market.
"""

from collections.abc import Sequence
from urllib.parse import quote

KINDS = ("kline_1m", "depth@100ms", "trade")
STREAMS_PER_CONNECTION = 192


def stream_names(symbol: str) -> tuple[str, ...]:
    """The streams that carry one symbol's market."""
    return tuple(f"{symbol.lower()}@{kind}" for kind in KINDS)


def connection_urls(base_url: str, symbols: Sequence[str]) -> list[str]:
    """The combined-stream URLs that together carry ``symbols``; one symbol never spans two connections."""
    size = STREAMS_PER_CONNECTION // len(KINDS)
    groups = [symbols[start : start + size] for start in range(0, len(symbols), size)]
    return [f"{base_url}/stream?streams={_joined(group)}" for group in groups]


def _joined(symbols: Sequence[str]) -> str:
    return "/".join(quote(name, safe="@") for symbol in symbols for name in stream_names(symbol))
