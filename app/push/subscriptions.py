"""What one socket asked for, and the snapshot it begins with."""

from dataclasses import dataclass
from typing import Protocol

from app.push.bars import LongerBar
from app.push.tail import Position
from pipeline.domain.interval import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A stream of a symbol; ``interval`` only for candles; ``since`` is the last sequence number the client has."""

    stream: str
    symbol: str
    interval: Interval | None = None
    limit: int = 50
    since: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The state of a stream at ``seq`` (None: nothing says) as frames to send first.

    ``bar`` is the longer candle in progress; it is shared, so take a copy to go on folding.
    """

    seq: int | None
    frames: tuple[bytes, ...]
    bar: LongerBar | None = None


class Snapshots(Protocol):
    """Who knows the state of a stream."""

    def read(self, wanted: Subscription) -> Snapshot:
        """The state now, read together with its sequence number. Raises TransientError."""


@dataclass(frozen=True, slots=True)
class Opening:
    """A snapshot, and how far the hub had seen the channel before it was read."""

    snapshot: Snapshot
    seen: Position
