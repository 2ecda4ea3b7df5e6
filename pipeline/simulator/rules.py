"""The exchange's limits as plain objects that are told the time."""

from collections import Counter, deque
from dataclasses import dataclass, field

from pipeline.simulator.violations import Rule

MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the venue documents; shorter ones are for tests (WebSocket streams, REST API, limits)."""

    ping_every_ms: int = 20_000
    pong_within_ms: int = 60_000
    lifetime_ms: int = 24 * 3_600_000
    messages_per_s: int = 5
    streams: int = 1_024
    connections: int = 300
    connections_within_ms: int = 300_000
    weight_per_minute: int = 6_000
    refusals_before_ban: int = 10
    first_ban_ms: int = 2 * MINUTE_MS
    longest_ban_ms: int = 3 * 24 * 3_600_000
    in_flight_ms: int = 500
    url_characters: int = 8_000


class SlidingWindow:
    """At most ``limit`` events in any ``within_ms``."""

    __slots__ = ("_limit", "_times", "_within_ms")

    def __init__(self, limit: int, *, within_ms: int) -> None:
        self._limit, self._within_ms = limit, within_ms
        self._times: deque[int] = deque()

    def take(self, now_ms: int) -> bool:
        """Count one event; False if it is one too many."""
        while self._times and self._times[0] <= now_ms - self._within_ms:
            self._times.popleft()
        self._times.append(now_ms)
        return len(self._times) <= self._limit


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the meter says to a request: 200 go on, 429 back off, 418 banned; ``broken`` is the rule it broke."""

    status: int
    used: int
    retry_after_s: int = 0
    banned_until_ms: int = 0
    broken: Rule | None = None


@dataclass(slots=True)
class WeightMeter:
    """One IP's request weight: 6,000 a minute, then 429, and a ban for who goes on asking."""

    limits: Limits
    minute: int = -1
    used: int = 0
    refused: int = 0
    bans: int = 0
    banned_until_ms: int = 0
    blocked_until_ms: int = 0
    blocked_since_ms: int = 0

    def spend(self, weight: int, *, now_ms: int) -> Verdict:
        """Count ``weight``; refused requests weigh nothing but are remembered."""
        if now_ms < self.banned_until_ms:
            return self._banned(now_ms, broken=self._broken(now_ms))
        if now_ms // MINUTE_MS != self.minute:
            self.minute, self.used, self.refused = now_ms // MINUTE_MS, 0, 0
        if now_ms < self.blocked_until_ms:
            return self._refuse(now_ms, broken=self._broken(now_ms))
        if self.used + weight <= self.limits.weight_per_minute:
            self.used += weight
            return Verdict(200, self.used)
        self.block(now_ms, seconds=_seconds(MINUTE_MS - now_ms % MINUTE_MS))
        return self._refuse(now_ms, broken=Rule.WEIGHT)

    def block(self, now_ms: int, *, seconds: int) -> None:
        """A 429 went out: nothing more is answered for ``seconds``."""
        self.blocked_since_ms, self.blocked_until_ms = now_ms, now_ms + seconds * 1_000

    def ban(self, now_ms: int, *, seconds: int) -> None:
        """A 418 went out: a ban for ``seconds``."""
        self.blocked_since_ms, self.banned_until_ms = now_ms, now_ms + seconds * 1_000

    def lift(self) -> None:
        """No block and no ban is in force; the weight used stays used."""
        self.blocked_until_ms = self.banned_until_ms = 0

    def _broken(self, now_ms: int) -> Rule | None:
        """A request that was on its way when the block began breaks no rule."""
        return Rule.BLOCKED if now_ms - self.blocked_since_ms > self.limits.in_flight_ms else None

    def _refuse(self, now_ms: int, *, broken: Rule | None) -> Verdict:
        self.refused += 1
        if self.refused > self.limits.refusals_before_ban:
            ban_ms = min(self.limits.first_ban_ms * 4**self.bans, self.limits.longest_ban_ms)
            self.bans, self.banned_until_ms = self.bans + 1, now_ms + ban_ms
            return self._banned(now_ms, broken=broken)
        return Verdict(429, self.used, _seconds(self.blocked_until_ms - now_ms), broken=broken)

    def _banned(self, now_ms: int, *, broken: Rule | None) -> Verdict:
        return Verdict(418, self.used, _seconds(self.banned_until_ms - now_ms), self.banned_until_ms, broken)


@dataclass(slots=True)
class Pulse:
    """One connection's ping and pong, and its age."""

    limits: Limits
    opened_ms: int
    pinged_ms: int
    waiting: dict[bytes, int] = field(default_factory=dict)

    def ping_due(self, now_ms: int) -> bytes | None:
        """The payload of the ping to send now, if one is due."""
        if now_ms - self.pinged_ms < self.limits.ping_every_ms:
            return None
        self.pinged_ms = now_ms
        payload = str(now_ms).encode()
        self.waiting[payload] = now_ms
        return payload

    def pong(self, payload: bytes) -> None:
        """A pong answers its ping and those before; an unsolicited one answers nothing."""
        sent_ms = self.waiting.get(payload)
        if sent_ms is not None:
            self.waiting = {text: ms for text, ms in self.waiting.items() if ms > sent_ms}

    def ended(self, now_ms: int) -> str:
        """Why the connection must be closed now, or nothing."""
        if now_ms - self.opened_ms >= self.limits.lifetime_ms:
            return "lifetime"
        oldest = min(self.waiting.values(), default=now_ms)
        return "no_pong" if now_ms - oldest >= self.limits.pong_within_ms else ""


@dataclass(slots=True)
class Counts:
    """How often what happened: connections, closes by reason, requests by status, frames sent."""

    events: Counter[str] = field(default_factory=Counter)

    def add(self, event: str, *, number: int = 1) -> None:
        """Count an event."""
        self.events[event] += number


def _seconds(ms: int) -> int:
    return -(-ms // 1_000)
