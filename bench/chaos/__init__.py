"""Everything that goes wrong, on purpose: faults of the exchange and kill -9 of every process, then the accounts.

What is shown at the end: that no closed candle is lost, doubled or wrong, that every trade id is covered, that the
books are the exchange's, that each malformed frame lies in the dead letters, and that no rule of the exchange was
broken; and for each kind of event how long the data was stale.
"""

import os
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bench.chaos.accounts import Accounts, settle
from bench.chaos.events import Event, Exchange, ended, plan, strike
from bench.chaos.freshness import Watch
from bench.chaos.table import rows_of, table
from bench.machine import machine_now
from bench.stack import Stack, running_stack

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "DOGEUSDT", "LTCUSDT", "ATOMUSDT")
LONG_ROUNDS = 5
LEAST_APART_S = 2.0
FRESH_FOR_S = 1.0
"""Data counts as recovered when it has been fresh for so long."""
GIVEN_UP_AFTER_S = 90.0


Outcome = dict[str, Any]
"""``events`` (rows of the table) and ``accounts``."""


def run() -> dict[str, Any]:
    """The long form: every fault and every kill several times, in the order of a fresh seed; the result as JSON."""
    seed = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(1_000_000))
    rounds = int(os.environ.get("CHAOS_ROUNDS") or LONG_ROUNDS)
    before = machine_now()
    print(f"{before.line()}\nseed {seed}, {rounds} rounds", flush=True)
    outcome = play(seed, rounds=rounds)
    print(table(outcome["events"]))
    print("\n".join(outcome["accounts"]["lines"]))
    return {"name": "chaos", "machine": before.as_json(), "seed": seed, "rounds": rounds, **outcome}


def play(
    seed: int, *, rounds: int = 1, kinds: Sequence[str] | None = None, kills: Sequence[str] | None = None
) -> Outcome:
    """Start a stack, let it all happen, settle the accounts. Raises SystemExit if the data never gets fresh again."""
    variables = {"SOURCE": "simulator", "SYMBOLS": ",".join(SYMBOLS), "HISTORY_DAYS": "0", "SIMULATOR_SEED": str(seed)}
    with running_stack((), **variables) as stack:
        exchange = Exchange(stack.environment["BINANCE_REST_URL"])
        with Watch.of(stack.environment, SYMBOLS) as watch:
            _settled(watch)
            began_ms = exchange.now_ms()
            for event in plan(seed, _names(stack), symbols=SYMBOLS, rounds=rounds, kinds=kinds, kills=kills):
                _happen(event, stack, exchange, watch)
            _settled(watch)
        accounts = settle(stack.environment, exchange, SYMBOLS, since_ms=began_ms)
        events = rows_of(watch.samples, exchange.events)
    return {"events": events, "accounts": _as_json(accounts)}


def _happen(event: Event, stack: Stack, exchange: Exchange, watch: Watch) -> None:
    print(f"  {event.name}", end="", flush=True)
    strike(event, stack, exchange)
    watch.wait_s(max(LEAST_APART_S, event.lasts_s))
    ended(event)
    _settled(watch)
    exchange.clear()
    print(f": fresh again {exchange.recovery_s(event, watch.samples):.1f} s after it", flush=True)


def _settled(watch: Watch) -> None:
    if not watch.fresh_for(FRESH_FOR_S, within_s=GIVEN_UP_AFTER_S):
        raise SystemExit(f"\nthe data did not get fresh again within {GIVEN_UP_AFTER_S:g} s: {watch.why}")


def _names(stack: Stack) -> list[str]:
    return [row["name"] for row in stack.processes()]


def _as_json(accounts: Accounts) -> Mapping[str, Any]:
    return asdict(accounts) | {"lines": accounts.lines(), "clean": accounts.clean}
