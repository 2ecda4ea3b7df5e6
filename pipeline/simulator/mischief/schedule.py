"""A seeded schedule of faults: the same seed gives the same script."""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from pipeline.simulator.mischief.kinds import Kind

Wish = dict[str, Any]
GAP_S = 2.0
STREAM_KINDS = ("trade", "depth", "kline_1m")
SERVER_FAULTS = (429, 418, 500, 502, 503)
"""What a client may wait out; 403 and 451 end it, so they are for orders of their own."""


def schedule(
    seed: int,
    faults: Sequence[Kind | Mapping[str, Any]],
    minutes: float,
    *,
    symbols: Sequence[str] = ("BTCUSDT",),
    gap_s: float = GAP_S,
) -> list[Wish]:
    """A script of these faults in a seeded order, at seeded times at least ``gap_s`` apart, within ``minutes``.

    A kind gets seeded parameters that suit ``symbols``; a mapping is an order taken as it is. Raises ValueError where
    so many faults do not fit, or where a kind's parameters depend on the moment (``missing_rows``).
    """
    dice = Random(seed)  # noqa: S311 - for repetition, not for secrets
    width_s = minutes * 60 / max(1, len(faults))
    if width_s < gap_s:
        raise ValueError(f"{len(faults)} faults {gap_s} s apart do not fit into {minutes} minutes")
    shuffled = dice.sample(list(faults), len(faults))
    script: list[Wish] = []
    for place, fault in enumerate(shuffled):
        at_s = round(place * width_s + dice.uniform(0, width_s - gap_s), 3)
        script += _steps(fault, at_s, dice, symbols)
    return sorted(script, key=lambda wish: float(wish["at_s"]))


def _steps(fault: Kind | Mapping[str, Any], at_s: float, dice: Random, symbols: Sequence[str]) -> list[Wish]:
    if isinstance(fault, Mapping):
        return [{"at_s": at_s, **fault}]
    if fault not in SAMPLES:
        raise ValueError(f"{fault.value} depends on the moment; give it as an order")
    symbol = dice.choice(list(symbols)).lower()
    steps = [{"at_s": at_s, "kind": fault.value, **SAMPLES[fault](dice, symbol)}]
    if fault is Kind.LIFECYCLE:
        back_s = round(at_s + dice.uniform(5, 10), 3)
        steps.append({"at_s": back_s, "kind": fault.value, "match": symbol, "becomes": "TRADING"})
    return steps


def _stream(dice: Random, symbol: str) -> str:
    return f"{symbol}@{dice.choice(STREAM_KINDS)}"


def _seconds(dice: Random, least: float, most: float) -> float:
    return round(dice.uniform(least, most), 2)


SAMPLES: dict[Kind, Callable[[Random, str], Wish]] = {
    Kind.DROP: lambda dice, symbol: {"match": dice.choice(["", symbol])},
    Kind.LIFETIME: lambda dice, symbol: {"match": dice.choice(["", symbol])},
    Kind.SHUTDOWN: lambda dice, _: {"seconds": _seconds(dice, 2, 5)},
    Kind.REFUSE: lambda dice, _: {"count": dice.randint(1, 3), "status": dice.choice([503, 429])},
    Kind.STALL: lambda dice, symbol: {"match": symbol, "seconds": _seconds(dice, 1, 8)},
    Kind.SLOW: lambda dice, symbol: {
        "match": symbol, "seconds": _seconds(dice, 3, 8), "delay_s": _seconds(dice, 0.5, 3),
    },
    Kind.DEAF: lambda dice, symbol: {"match": _stream(dice, symbol)},
    Kind.IGNORE_SUBSCRIBE: lambda dice, symbol: {"match": symbol, "answered": dice.random() < 0.5},
    Kind.SILENCE: lambda dice, symbol: {"match": _stream(dice, symbol), "seconds": _seconds(dice, 1, 8)},
    Kind.SILENT_MINUTES: lambda dice, symbol: {"match": symbol, "count": 1},
    Kind.SKIP_TRADES: lambda dice, symbol: {"match": symbol, "count": dice.randint(1, 20)},
    Kind.SKIP_DEPTH: lambda dice, symbol: {"match": symbol, "count": dice.randint(1, 5)},
    Kind.OMIT_CLOSED: lambda _, symbol: {"match": symbol},
    Kind.DUPLICATE: lambda dice, symbol: {"match": symbol, "count": dice.randint(1, 20)},
    Kind.REORDER: lambda dice, symbol: {"match": symbol, "count": dice.randint(1, 5)},
    Kind.MALFORMED: lambda dice, symbol: {"match": _stream(dice, symbol), "count": dice.randint(1, 5), "form": "any"},
    Kind.REST: lambda dice, _: {
        "count": dice.randint(1, 3), "status": dice.choice(SERVER_FAULTS), "retry_after_s": dice.randint(1, 5),
    },
    Kind.LATENCY: lambda dice, _: {"count": dice.randint(1, 5), "seconds": _seconds(dice, 0.5, 3)},
    Kind.HANG: lambda _, symbol: {"match": symbol},
    Kind.CUT_ANSWER: lambda dice, _: {"count": dice.randint(1, 2)},
    Kind.HALF_ANSWER: lambda dice, _: {"count": dice.randint(1, 2)},
    Kind.HTML_ANSWER: lambda dice, _: {"count": dice.randint(1, 2)},
    Kind.STALE_BOOK: lambda _, symbol: {"match": symbol},
    Kind.EMPTY_BOOK: lambda _, symbol: {"match": symbol},
    Kind.CROSSED_BOOK: lambda _, symbol: {"match": symbol},
    Kind.OUTAGE: lambda _, symbol: {"match": symbol, "count": 1},
    Kind.SKEW: lambda dice, _: {"offset_s": dice.choice([-1, 1]) * _seconds(dice, 0.5, 5), "seconds": 10},
    Kind.LIFECYCLE: lambda dice, symbol: {"match": symbol, "becomes": dice.choice(["HALT", "BREAK", "CANCEL_ONLY"])},
}  # fmt: skip
"""Parameters for each kind a schedule can choose them for, from the dice and a symbol in lower case."""
