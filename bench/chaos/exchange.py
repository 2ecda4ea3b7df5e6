"""The simulated exchange's switchboard: events are ordered there, seen to strike, and asked about afterwards."""

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from bench.chaos.events import A_MINUTE, AT_A_MINUTES_END, AWAITED, THIS_MINUTE, Event
from bench.stack import Stack

MINUTE_S = 60.0
LAST_FRAME_WITHIN_S = 1.5
"""A minute's closing kline comes at most so long after it."""
TRIGGER_AGAIN_S = 4.0


@dataclass(slots=True)
class Exchange:
    """The exchange, and what it said of itself before it was killed."""

    url: str
    events: list[Event] = field(default_factory=list)
    malformed: list[dict[str, Any]] = field(default_factory=list)
    violations: dict[str, int] = field(default_factory=dict)
    broken: list[dict[str, Any]] = field(default_factory=list)

    def get(self, path: str) -> Any:
        """A GET, as JSON."""
        with urllib.request.urlopen(self.url + path, timeout=20) as answer:
            return json.load(answer)

    def order(self, wish: Mapping[str, Any]) -> int:
        """Put a fault in force; its number in the exchange's log. Raises OSError."""
        wish = dict(wish)
        if wish.get("open_times") == [THIS_MINUTE]:
            wish["open_times"] = [self.now_ms() // 60_000 * 60_000]
        request = urllib.request.Request(self.url + "/faults", json.dumps(wish).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=20) as answer:
            return int(json.load(answer)["log"][-1]["number"])

    def clear(self) -> None:
        """Everything works again."""
        urllib.request.urlopen(urllib.request.Request(self.url + "/faults", method="DELETE"), timeout=20).close()

    def now_ms(self) -> int:
        """Our clock, which is its own: its answer to ``/api/v3/time`` may be skewed or spoilt."""
        return time.time_ns() // 1_000_000

    def to_the_end_s(self) -> float:
        """How long the minute still lasts."""
        return MINUTE_S - self.now_ms() / 1_000 % MINUTE_S

    def remember(self) -> None:
        """Keep what it would forget if it were killed."""
        report = self.get("/faults")
        self.malformed += report["malformed"]
        self.broken += report["violated"]
        for rule, count in report["violations"].items():
            self.violations[rule] = self.violations.get(rule, 0) + count

    def strike(self, event: Event, stack: Stack) -> None:
        """Let it happen, or give it its occasion."""
        self.events.append(event)
        if event.kill == "exchange":
            self.remember()
        event.lasts_s = self._lasts_s(event)
        event.began = time.time()
        event.numbers = [self.order(order) for order in event.orders]
        self.trigger(event)
        if event.kill:
            event.began, event.struck = _killed(stack, event.kill)

    def trigger(self, event: Event) -> None:
        """Give what was ordered its occasion."""
        for order in event.triggers:
            self.order(order)

    def look(self, event: Event) -> bool:
        """Whether all that was ordered has struck; noted in the event."""
        if not event.kill and not event.struck:
            struck = {entry["number"]: entry["struck"] for entry in self.get("/faults")["log"]}
            event.struck = all(struck.get(number) for number in event.numbers)
        return event.struck

    def end(self, event: Event) -> None:
        """Note when it was over."""
        event.over = event.began + event.lasts_s
        if event.name in AWAITED:
            event.over = max(event.over, time.time())

    def _lasts_s(self, event: Event) -> float:
        if event.name in A_MINUTE:
            return self.to_the_end_s() + MINUTE_S
        return self.to_the_end_s() + LAST_FRAME_WITHIN_S if event.name in AT_A_MINUTES_END else event.lasts_s


def _killed(stack: Stack, name: str) -> tuple[float, bool]:
    """When the process was killed, and whether there was one."""
    row = next(row for row in stack.processes() if row["name"] == name)
    began, struck = time.time(), False
    with suppress(ProcessLookupError, TypeError):
        os.kill(row["pid"], signal.SIGKILL)
        struck = True
    return began, struck
