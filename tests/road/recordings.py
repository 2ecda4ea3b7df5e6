"""The recorded session a test replays: the whole one where it is at hand, else the excerpt in the fixtures."""

import gzip
import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest

DAYS = ("btcusdt_20240808.gz", "btcusdt_20240809.gz")
EXCERPT = Path(__file__).parents[1] / "fixtures" / "recordings" / "btcusdt_20240808_excerpt.gz"


def whole_session() -> tuple[Path, ...]:
    """The two files of the 650 s session, or a skip that says where they are looked for."""
    folder = os.environ.get("MARKET_DATA_DIR")
    if not folder:
        pytest.skip("MARKET_DATA_DIR is not set: the whole recorded session is not replayed")
    return tuple(Path(folder) / "captures" / day for day in DAYS)


def recorded(paths: tuple[Path, ...], stream: str) -> Iterator[dict[str, Any]]:
    """The payloads of one stream, in the order they were received."""
    wanted = f'"stream":"btcusdt@{stream}"'.encode()
    for path in paths:
        with gzip.open(path) as lines:
            for line in lines:
                if wanted in line:
                    yield orjson.loads(line.partition(b" ")[2])["data"]


def best_prices(paths: tuple[Path, ...]) -> dict[int, tuple[Decimal, Decimal]]:
    """(best bid, best ask) by the update id at which the exchange's own bookTicker told them."""
    return {tick["u"]: (Decimal(tick["b"]), Decimal(tick["a"])) for tick in recorded(paths, "bookTicker")}
