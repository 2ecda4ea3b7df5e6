"""Clocks, markets and recordings the simulator's tests share."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson

from pipeline.domain.interval import Interval
from pipeline.domain.trade import Trade
from pipeline.simulator.market import Frame
from pipeline.simulator.replay.market import ReplayMarket
from pipeline.simulator.seeded.market import SeededMarket

RECORDINGS = Path(__file__).parents[2] / "fixtures" / "recordings"
BTC = RECORDINGS / "btcusdt_20240808_excerpt.gz"
DOT = RECORDINGS / "dotusdt_20210404_excerpt.txt.gz"
NOON_MS = 1_752_580_800_000
"""2025-07-15 12:00 UTC."""


@dataclass
class Clock:
    """A clock that stands until told otherwise."""

    now_ms: int = NOON_MS

    def __call__(self) -> int:
        return self.now_ms


def seeded(clock: Clock, *, symbols: tuple[str, ...] = ("BTCUSDT", "ATOMUSDT"), seed: int = 7) -> SeededMarket:
    return SeededMarket(symbols, seed=seed, rate=1.0, clock_ms=clock)


def run(market: SeededMarket, clock: Clock, *, streams: Collection[str], ms: int, step_ms: int = 500) -> list[Frame]:
    """Every frame of the next ``ms``."""
    market.due(streams)
    frames: list[Frame] = []
    for _ in range(0, ms, step_ms):
        clock.now_ms += step_ms
        frames += market.due(streams)
    return frames


def replay(source: object, clock: Callable[[], int], *, shift: bool = False, speed: float = 1.0) -> ReplayMarket:
    return ReplayMarket.of_files(str(source), speed=speed, shift=shift, clock_ms=clock)


def play(market: ReplayMarket, clock: Clock, *, streams: Collection[str], until_ms: int | None = None) -> list[Frame]:
    """Every frame from the start to ``until_ms`` (exchange time) or the end."""
    market.start()
    frames: list[Frame] = []
    while not market.status()["done"] and (until_ms is None or market.now_ms() < until_ms):
        clock.now_ms += 500
        while some := market.due(streams):
            frames += some
    return frames


def events(frames: list[Frame], suffix: str) -> list[dict[str, Any]]:
    """The events of the streams whose names end so."""
    return [orjson.loads(frame.data) for frame in frames if frame.stream.endswith(suffix)]


def trade_of(event: dict[str, Any]) -> Trade:
    return Trade(
        symbol=event["s"],
        trade_id=event["t"],
        last_id=event["t"],
        price=Decimal(event["p"]),
        quantity=Decimal(event["q"]),
        time_ms=event["T"],
        is_buyer_maker=event["m"],
        event_ms=event["E"],
        received_ms=event["E"],
        source="ws",
    )


def rows_of(texts: list[str]) -> list[Any]:
    return [orjson.loads(text) for text in texts]


def by_minute(trades: list[Trade]) -> dict[int, list[Trade]]:
    minutes: dict[int, list[Trade]] = {}
    for trade in trades:
        minutes.setdefault(Interval.M1.open_ms(trade.time_ms), []).append(trade)
    return minutes


def row_digits(row: list[Any]) -> tuple[Any, ...]:
    """A REST row's open, high, low, close, volume, quote volume, trades, taker volumes."""
    return (*row[1:6], row[7], row[8], row[9], row[10])


def frame_digits(k: dict[str, Any]) -> tuple[Any, ...]:
    """The same of a kline frame."""
    return tuple(k[letter] for letter in "ohlcvqnVQ")
