"""The exchange's rules a client broke: which, how often, and the latest with what it did."""

from collections import deque
from collections.abc import Callable
from enum import Enum
from typing import Any

MOST_KEPT = 200


class Rule(Enum):
    """A rule of the venue, by the name ``GET /faults`` counts it under; ``says`` is what breaks it."""

    says: str

    def __new__(cls, name: str, says: str) -> "Rule":
        """A member whose value is its name."""
        rule = object.__new__(cls)
        rule._value_, rule.says = name, says
        return rule

    MESSAGES = "messages_per_s", "more than 5 incoming messages a second on a connection"
    STREAMS = "streams", "more than 1,024 streams on a connection"
    CONNECTS = "connections", "more than 300 connection attempts in five minutes"
    NO_PONG = "no_pong", "a ping not answered within a minute"
    WEIGHT = "weight", "more request weight than a minute allows"
    BLOCKED = "request_while_blocked", "a request during the Retry-After of a 429 or 418"
    URL = "url_length", "a URL of more than 8,000 characters"
    PARAMETER = "unknown_parameter", "a REST parameter the endpoint does not read"


class Violations:
    """Counts by rule; every rule is named, so that nothing broken reads as zeros."""

    def __init__(self, clock_ms: Callable[[], int]) -> None:
        self.counts = {rule.value: 0 for rule in Rule}
        self.latest: deque[dict[str, Any]] = deque(maxlen=MOST_KEPT)
        self._clock_ms = clock_ms

    def note(self, rule: Rule, what: str = "") -> None:
        """Count one, with what was done."""
        self.counts[rule.value] += 1
        self.latest.append({"rule": rule.value, "at_ms": self._clock_ms(), "what": what[:200]})
