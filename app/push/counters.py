"""What the hub did since it started, as plain numbers for ``/metrics`` and the logs."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Counters:
    """Counts since start, except ``clients``, which is how many sockets are open now.

    ``closed`` counts sockets by why they went: ``peer``, ``going away``, ``slow``, ``silent``, ``flood``, …
    """

    clients: int = 0
    opened: int = 0
    received: int = 0
    sends: int = 0
    messages: int = 0
    sent_bytes: int = 0
    conflated: int = 0
    missed: int = 0
    gaps: int = 0
    overflowed: int = 0
    malformed: int = 0
    reconnects: int = 0
    closed: dict[str, int] = field(default_factory=dict)

    def count_closed(self, why: str) -> None:
        """One more socket closed; the table is replaced, never changed, because other threads read it."""
        self.closed = {**self.closed, why: self.closed.get(why, 0) + 1}

    @property
    def kicked(self) -> int:
        """Sockets this side gave up on: slow, silent, flooding or broken peers."""
        return sum(count for reason, count in self.closed.items() if reason not in ("peer", "going away"))
