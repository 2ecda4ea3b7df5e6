"""Everything that goes wrong, on purpose: faults of the exchange and kill -9 of every process, then the accounts.

What is shown at the end: that no closed candle is lost, doubled, made up or wrong, in any store or at any length, that
every trade id is covered, that the books are the exchange's, that each malformed frame lies in the dead letters, that
the ledger blames nobody wrongly, and that no rule of the exchange was broken; and for each kind of event how long the
data was stale.
"""

import json
import os
import random
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bench.chaos.accounts import Accounts, settle
from bench.chaos.events import BEFORE_END_S, LATER_S, Happening, next_of, plan
from bench.chaos.exchange import TRIGGER_AGAIN_S, Exchange
from bench.chaos.freshness import Watch
from bench.chaos.table import rows_of, table
from bench.chaos.verdict import verdicts
from bench.machine import machine_now
from bench.stack import Stack, running_stack

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "DOGEUSDT", "LTCUSDT", "ATOMUSDT")
LONG_ROUNDS = 5
LEAST_APART_S = 2.0
FRESH_FOR_S = 1.0
"""Data counts as recovered when it has been fresh for so long."""
GIVEN_UP_AFTER_S = 90.0
STRUCK_WITHIN_S = 60.0
"""A fault that has not struck by then, though it was given its occasion again and again, did not happen."""
LEAVE_S = 16.0
"""So long before the end of a minute's fault nothing else begins any more: recoveries are not to mix."""
HISTORY_WITHIN_S = 60.0
BEFORE_MS = 2 * 3_600_000
"""So much of the history of before is held against the exchange's too."""


Outcome = dict[str, Any]
"""``events`` (rows of the table), ``accounts``, and ``verdicts``: (passed, line) of each target."""


def run() -> dict[str, Any]:
    """The long form: every fault and every kill several times, in the order of a fresh seed; the result as JSON."""
    seed = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(1_000_000))
    rounds = int(os.environ.get("CHAOS_ROUNDS") or LONG_ROUNDS)
    before = machine_now()
    print(f"{before.line()}\nseed {seed}, {rounds} rounds", flush=True)
    outcome = play(seed, rounds=rounds)
    print(table(outcome["events"]))
    print("\n".join(f"{'ok    ' if passed else 'FAILED'} {line}" for passed, line in outcome["verdicts"]))
    passed = all(passed for passed, _ in outcome["verdicts"])
    return {
        "name": "chaos", "machine": before.as_json(), "seed": seed, "rounds": rounds, "passed": passed, **outcome,
    }  # fmt: skip


def play(
    seed: int, *, rounds: int = 1, kinds: Sequence[str] | None = None, kills: Sequence[str] | None = None
) -> Outcome:
    """Start a stack, let it all happen, settle the accounts. Raises SystemExit if the data never gets fresh again."""
    variables = {"SOURCE": "simulator", "SYMBOLS": ",".join(SYMBOLS), "HISTORY_DAYS": "1", "SIMULATOR_SEED": str(seed)}
    with running_stack((), **variables) as stack:
        exchange = Exchange(stack.environment["BINANCE_REST_URL"])
        with Watch.of(stack.environment, SYMBOLS) as watch:
            _settled(watch)
            _until(lambda: _history_is_done(stack), watch, within_s=HISTORY_WITHIN_S)
            began_ms = exchange.now_ms()
            waiting = plan(seed, _names(stack), symbols=SYMBOLS, rounds=rounds, kinds=kinds, kills=kills)
            while waiting:
                _happen(next_of(waiting, to_the_end_s=exchange.to_the_end_s()), stack, exchange, watch)
            _settled(watch)
        accounts = settle(stack.environment, exchange, SYMBOLS, since_ms=began_ms - BEFORE_MS)
        events = rows_of(watch.samples, exchange.events)
    judged = verdicts(exchange.events, watch.samples, accounts)
    return {"events": events, "accounts": _as_json(accounts), "verdicts": judged}


def _happen(happening: Happening, stack: Stack, exchange: Exchange, watch: Watch) -> None:
    if happening.before_end_s:
        watch.wait_s((exchange.to_the_end_s() - BEFORE_END_S) % 60)
    watch.excused = happening.symbols
    for event in happening.events:
        exchange.strike(event, stack)
    ends = time.monotonic() + max(LEAST_APART_S, *(event.lasts_s for event in happening.events))
    left = _meanwhile(happening, stack, exchange, watch, ends=ends)
    _until_struck(happening, exchange, watch)
    watch.wait_s(max(0.0, ends - time.monotonic()))
    for event in happening.events:
        exchange.end(event)
    watch.excused = frozenset()
    _settled(watch)
    exchange.clear()
    for event in happening.events:
        event.until = time.time()
        print(f"  {event.name}: {_told(event.recovery_s(watch.samples), struck=event.struck)}", flush=True)
    for other in left:
        _happen(other, stack, exchange, watch)


def _meanwhile(happening: Happening, stack: Stack, exchange: Exchange, watch: Watch, *, ends: float) -> list[Happening]:
    """Let happen what may while it lasts, and end in time what it began; what found no time."""
    waiting, later = list(happening.meanwhile), [order for event in happening.events for order in event.later]
    later_at = time.monotonic() + LATER_S
    while later or (waiting and ends - time.monotonic() > LEAVE_S):
        if later and (not waiting or time.monotonic() > later_at):
            watch.wait_s(max(0.0, later_at - time.monotonic()))
            for order in later:
                exchange.order(order)
            later = []
        else:
            _happen_beside(waiting.pop(0), stack, exchange, watch)
    return waiting


def _happen_beside(other: Happening, stack: Stack, exchange: Exchange, watch: Watch) -> None:
    """One kill while something else lasts."""
    (event,) = other.events
    exchange.strike(event, stack)
    watch.wait_s(LEAST_APART_S)
    exchange.end(event)
    _settled(watch)
    event.until = time.time()
    print(f"  ({event.name}: {_told(event.recovery_s(watch.samples), struck=event.struck)})", flush=True)


def _told(recovery_s: float, *, struck: bool) -> str:
    return f"fresh again {recovery_s:.1f} s after it" if struck else "DID NOT STRIKE"


def _until_struck(happening: Happening, exchange: Exchange, watch: Watch) -> None:
    """Wait for all of it to have happened, giving it its occasion again where that came to nothing."""
    within_s = max(STRUCK_WITHIN_S, *(event.lasts_s for event in happening.events))
    deadline, again = time.monotonic() + within_s, time.monotonic() + TRIGGER_AGAIN_S
    while time.monotonic() < deadline:
        waiting = [event for event in happening.events if not exchange.look(event)]
        if not waiting:
            return
        if time.monotonic() > again:
            again += TRIGGER_AGAIN_S
            for event in waiting:
                exchange.trigger(event)
        watch.wait_s(0.2)


def _settled(watch: Watch) -> None:
    if not watch.fresh_for(FRESH_FOR_S, within_s=GIVEN_UP_AFTER_S):
        raise SystemExit(f"\nthe data did not get fresh again within {GIVEN_UP_AFTER_S:g} s: {watch.why}")


def _until(condition: Callable[[], bool], watch: Watch, *, within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"the history of before did not come within {within_s:g} s")
        watch.wait_s(0.5)


def _history_is_done(stack: Stack) -> bool:
    with urllib.request.urlopen(f"http://127.0.0.1:{stack.environment['HTTP_PORT']}/health", timeout=10) as answer:
        return bool(json.load(answer)["history"]["state"] == "done")


def _names(stack: Stack) -> list[str]:
    return [row["name"] for row in stack.processes()]


def _as_json(accounts: Accounts) -> Mapping[str, Any]:
    return asdict(accounts) | {"lines": [line for _, line in accounts.lines()], "clean": accounts.clean}
