"""Stream names as the venue writes them, e.g. ``btcusdt@kline_1m``."""

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from pipeline.domain.interval import Interval


class Kind(Enum):
    """What a stream carries; the value is the name's part after the first ``@``."""

    TRADE = "trade"
    AGGREGATE = "aggTrade"
    TICKER = "bookTicker"
    DEPTH = "depth"
    FAST_DEPTH = "depth@100ms"
    KLINE = "kline"


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream of one symbol; ``interval`` only for klines."""

    name: str
    symbol: str
    kind: Kind
    interval: Interval = Interval.M1


@lru_cache(maxsize=8192)
def parse_stream(name: str) -> Stream | None:
    """The stream of that name, or None for one this exchange doesn't serve: like the venue, it then stays silent."""
    symbol, _, rest = name.partition("@")
    if not symbol or symbol != symbol.lower():
        return None
    try:
        if rest.startswith("kline_"):
            return Stream(name, symbol.upper(), Kind.KLINE, Interval(rest.removeprefix("kline_")))
        return Stream(name, symbol.upper(), Kind(rest))
    except ValueError:
        return None


def stream_name(symbol: str, kind: Kind, *, interval: Interval = Interval.M1) -> str:
    """The venue's name of a stream."""
    suffix = f"kline_{interval.value}" if kind is Kind.KLINE else kind.value
    return f"{symbol.lower()}@{suffix}"
