"""The recorded session of 2024-08-08 as its own judge: its trades, its best prices, the exchange's official candles."""

import gzip
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

SESSION = ("btcusdt_20240808.gz", "btcusdt_20240809.gz")
TRADES = 19_904
COMPLETE_MINUTES = 10
OFFICIAL_5M = {
    1_723_161_300_000: ("61828.00", "61860.80", "61583.22", "61685.99", "199.42863"),
    1_723_161_600_000: ("61686.00", "61744.37", "61556.04", "61607.99", "221.61722"),
}
"""The exchange's own 5m candles of 2024-08-08 23:55 and 2024-08-09 00:00 UTC: open, high, low, close, volume."""

Tops = Mapping[int, tuple[Decimal, Decimal]]
"""(best bid, best ask) by update id."""


def recorded(paths: Sequence[Path], stream: str) -> Iterator[dict[str, Any]]:
    """The payloads of one stream, in the order they were received."""
    wanted = f'"stream":"btcusdt@{stream}"'.encode()
    for path in paths:
        with gzip.open(path) as lines:
            for line in lines:
                if wanted in line:
                    yield orjson.loads(line.partition(b" ")[2])["data"]


def best_prices(paths: Sequence[Path]) -> Tops:
    """The best prices by the update id at which the exchange's own bookTicker told them."""
    return {tick["u"]: (Decimal(tick["b"]), Decimal(tick["a"])) for tick in recorded(paths, "bookTicker")}


def compare(served: Tops, told: Tops) -> tuple[list[int], list[int], int]:
    """Served books whose best prices differ from the exchange's own.

    First those the exchange told at exactly that update id, then those that differ from what it told last, at or before
    it (each change of the best prices is told); then how many were compared at the exact id.
    """
    ids = sorted(told)
    exact = served.keys() & told.keys()
    last = {u: told[ids[bisect_right(ids, u) - 1]] for u in served if u >= ids[0]}
    return [u for u in exact if served[u] != told[u]], [u for u in last if served[u] != last[u]], len(exact)
