"""What may happen: a fault of the exchange, or the end of a process; in a seeded order."""

import json
import os
import random
import signal
import time
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from bench.chaos.freshness import Sample, stale_until
from bench.stack import Stack
from pipeline.simulator.mischief.kinds import Kind
from pipeline.simulator.mischief.schedule import schedule

LASTING = ("silence", "stall", "slow", "skew", "refuse")
"""Faults during which the data can't be fresh: their recovery counts from their end."""


TRIGGERS = {
    **dict.fromkeys(("refuse", "ignore_subscribe"), "drop"),
    **dict.fromkeys(
        (
            "rest", "latency", "hang", "cut_answer", "half_answer", "html_answer", "stale_book", "empty_book",
            "crossed_book",
        ),
        "skip_depth",
    ),
}  # fmt: skip
"""A fault that waits for us to ask gets its occasion: a connection to be made anew, a book to be fetched."""


@dataclass(slots=True, kw_only=True)
class Event:
    """One thing that happens: ``orders`` go to the exchange, or process ``kill`` is killed."""

    name: str
    orders: tuple[Mapping[str, Any], ...] = ()
    kill: str = ""
    lasts_s: float = 0.0
    began: float = 0.0
    over: float = 0.0


@dataclass(slots=True)
class Exchange:
    """The simulated exchange's switchboard, and what it said of itself before it was killed."""

    url: str
    events: list[Event] = field(default_factory=list)
    malformed: list[dict[str, Any]] = field(default_factory=list)
    violations: dict[str, int] = field(default_factory=dict)
    broken: list[dict[str, Any]] = field(default_factory=list)

    def get(self, path: str) -> Any:
        """A GET, as JSON."""
        with urllib.request.urlopen(self.url + path, timeout=20) as answer:
            return json.load(answer)

    def order(self, wish: Mapping[str, Any]) -> None:
        """Put a fault in force."""
        request = urllib.request.Request(self.url + "/faults", json.dumps(wish).encode(), method="POST")
        urllib.request.urlopen(request, timeout=20).close()

    def clear(self) -> None:
        """Everything works again."""
        urllib.request.urlopen(urllib.request.Request(self.url + "/faults", method="DELETE"), timeout=20).close()

    def now_ms(self) -> int:
        """Its clock."""
        return int(self.get("/api/v3/time")["serverTime"])

    def remember(self) -> None:
        """Keep what it would forget if it were killed."""
        report = self.get("/faults")
        self.malformed += report["malformed"]
        self.broken += report["violated"]
        for rule, count in report["violations"].items():
            self.violations[rule] = self.violations.get(rule, 0) + count

    def recovery_s(self, event: Event, samples: Sequence[Sample]) -> float:
        """How long after ``event`` the data was last stale."""
        return max(0.0, stale_until(samples, event.began) - (event.over if event.lasts_s else event.began))


def plan(
    seed: int,
    processes: Sequence[str],
    *,
    symbols: Sequence[str],
    rounds: int,
    kinds: Sequence[str] | None = None,
    kills: Sequence[str] | None = None,
) -> list[Event]:
    """Every kind of fault and every process, ``rounds`` times, shuffled; parameters by the dice of ``seed``."""
    dice = random.Random(seed)
    chosen = [kind for kind in Kind if kind.value in (kinds if kinds is not None else FAULTS)]
    events: list[Event] = []
    for number in range(rounds):
        for wish in schedule(seed + number, chosen, 60.0, symbols=symbols):
            order = {name: value for name, value in wish.items() if name != "at_s"}
            events.append(Event(name=order["kind"], orders=_with_trigger(order), lasts_s=_lasts_s(order)))
        events += [Event(name=f"kill {name}", kill=name) for name in (kills if kills is not None else processes)]
    dice.shuffle(events)
    return events


def strike(event: Event, stack: Stack, exchange: Exchange) -> None:
    """Let it happen."""
    exchange.events.append(event)
    if event.kill == "exchange":
        exchange.remember()
    event.began = time.time()
    for order in event.orders:
        exchange.order(order)
    if event.kill:
        row = next(row for row in stack.processes() if row["name"] == event.kill)
        event.began = time.time()
        with suppress(ProcessLookupError):
            os.kill(row["pid"], signal.SIGKILL)


def ended(event: Event) -> None:
    """Note when it was over."""
    event.over = event.began + event.lasts_s


def _with_trigger(order: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    trigger = TRIGGERS.get(order["kind"])
    if trigger is None:
        return (order,)
    return order, {"match": order.get("match", ""), "kind": trigger}


def _lasts_s(order: Mapping[str, Any]) -> float:
    return float(order.get("seconds", 0)) if order["kind"] in LASTING else 0.0


FAULTS = (
    "drop", "lifetime", "shutdown", "refuse", "stall", "slow", "deaf", "ignore_subscribe", "silence", "silent_minutes",
    "skip_trades", "skip_depth", "omit_closed", "duplicate", "reorder", "malformed", "rest", "latency", "hang",
    "cut_answer", "half_answer", "html_answer", "stale_book", "empty_book", "crossed_book", "skew",
)  # fmt: skip
"""Every kind of fault that leaves the market itself open."""
