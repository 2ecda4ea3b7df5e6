"""The market of the throughput bench: depth and trades in the mix of the session recorded in 2024, or a made one."""

import os
import random
from bisect import insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from bench.recorded import SESSION

DEPTH_FRAMES, TRADE_FRAMES = 6_495, 19_904
"""How many of each the recorded session has."""
MADE_LEVELS = 46
BOOK_LEVELS = 1_000
SYMBOLS_MOST = 1_000

Level = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Depth:
    """A difference: ``body`` is its JSON after the symbol, from ``"U"`` on."""

    first_id: int
    last_id: int
    bids: Sequence[Level]
    asks: Sequence[Level]
    body: bytes


@dataclass(frozen=True, slots=True)
class Traded:
    """A trade without its id and times."""

    price: str
    quantity: str
    is_buyer_maker: bool


Frame = Depth | Traded


@dataclass(frozen=True, slots=True)
class Session:
    """A first full book at ``last_update_id``, and what follows it, in order."""

    last_update_id: int
    bids: Sequence[Level]
    asks: Sequence[Level]
    frames: Sequence[Frame]
    name: str


@dataclass(slots=True)
class Book:
    """The exchange's own book after some frames."""

    last_update_id: int
    bids: dict[str, str]
    asks: dict[str, str]
    _sides: tuple[dict[str, str], dict[str, str]] = field(init=False)

    @classmethod
    def of(cls, session: Session) -> "Book":
        """The book a session begins with."""
        return cls(session.last_update_id, dict(session.bids), dict(session.asks))

    def apply(self, depth: Depth) -> None:
        """Take a difference."""
        self.last_update_id = depth.last_id
        for side, levels in ((self.bids, depth.bids), (self.asks, depth.asks)):
            for price, quantity in levels:
                if float(quantity):
                    side[price] = quantity
                else:
                    side.pop(price, None)

    def best(self) -> tuple[Level, Level]:
        """The best bid and ask."""
        bid, ask = max(self.bids, key=float), min(self.asks, key=float)
        return (bid, self.bids[bid]), (ask, self.asks[ask])

    def body(self, limit: int) -> bytes:
        """The answer of ``/api/v3/depth``."""
        bids = sorted(self.bids.items(), key=lambda level: -float(level[0]))[:limit]
        asks = sorted(self.asks.items(), key=lambda level: float(level[0]))[:limit]
        return orjson.dumps({"lastUpdateId": self.last_update_id, "bids": bids, "asks": asks})


def session() -> Session:
    """The recorded session where ``MARKET_DATA_DIR`` has it, else one made with the same mix."""
    folder = os.environ.get("MARKET_DATA_DIR")
    paths = [Path(folder) / "captures" / name for name in SESSION] if folder else []
    return _recorded(paths) if paths and all(path.exists() for path in paths) else _made()


def _recorded(paths: Sequence[Path]) -> Session:
    rows = [row for path in paths for row in _payloads(path)]
    first = next(row for row in rows if "lastUpdateId" in row)
    events = [row for row in rows if row.get("e") in ("depthUpdate", "trade")]
    start = next(i for i, row in enumerate(events) if row.get("U", 0) <= first["lastUpdateId"] + 1 <= row.get("u", 0))
    frames = [_frame(row) for row in events[start:]]
    return Session(first["lastUpdateId"], first["bids"], first["asks"], frames, "recorded 2024-08-08")


def _payloads(path: Path) -> Iterator[dict[str, Any]]:
    import gzip

    with gzip.open(path) as lines:
        for line in lines:
            if b"@bookTicker" not in line:
                row = orjson.loads(line.partition(b" ")[2])
                yield row.get("data", row)


def _frame(row: dict[str, Any]) -> Frame:
    if row["e"] == "trade":
        return Traded(row["p"], row["q"], row["m"])
    return _depth(row["U"], row["u"], row["b"], row["a"])


def _depth(first_id: int, last_id: int, bids: Sequence[Level], asks: Sequence[Level]) -> Depth:
    body = orjson.dumps({"U": first_id, "u": last_id, "b": bids, "a": asks})[1:-1]
    return Depth(first_id, last_id, [(p, q) for p, q in bids], [(p, q) for p, q in asks], body)


def _made() -> Session:
    """A book that never crosses: bids live below 60,000 and asks above it."""
    dice = random.Random(1)
    bids = [(_number(60_000 - step), _number(dice.random())) for step in range(1, BOOK_LEVELS + 1)]
    asks = [(_number(60_000 + step), _number(dice.random())) for step in range(1, BOOK_LEVELS + 1)]
    kinds = [Depth] * DEPTH_FRAMES + [Traded] * TRADE_FRAMES
    dice.shuffle(kinds)
    frames: list[Frame] = []
    update_id = 1_000
    for kind in kinds:
        if kind is Traded:
            frames.append(Traded(_number(60_000 + dice.choice((-1, 1))), _number(dice.random()), dice.random() < 0.5))
        else:
            last_id = update_id + dice.randint(1, 60)
            frames.append(_depth(update_id + 1, last_id, _moves(dice, -1), _moves(dice, 1)))
            update_id = last_id
    return Session(1_000, bids, asks, frames, "made, in the mix of 2024-08-08")


def _moves(dice: random.Random, side: int) -> list[Level]:
    """Half of the levels go and half are set; the best stays, so that no side empties."""
    steps: list[int] = []
    for step in {min(BOOK_LEVELS, 2 + int(dice.expovariate(1 / 100))) for _ in range(MADE_LEVELS)}:
        insort(steps, step)
    gone = ("0.00000000", _number(0.5))
    return [(_number(60_000 + side * step), dice.choice(gone)) for step in steps[: MADE_LEVELS // 2]]


def _number(value: float) -> str:
    return f"{value:.8f}"
