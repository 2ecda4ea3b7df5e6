"""What one socket asked for, and the snapshot it begins with."""

from dataclasses import dataclass
from typing import Protocol

from app.push.tail import Position
from pipeline.domain.candle import Candle
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

    ``minutes`` are the minutes, forming one included, from which a longer candle goes on being folded.
    """

    seq: int | None
    frames: tuple[bytes, ...]
    minutes: tuple[Candle, ...] = ()


class Snapshots(Protocol):
    """Who knows the state of a stream."""

    def read(self, wanted: Subscription) -> Snapshot:
        """The state now, read together with its sequence number. Raises TransientError."""


@dataclass(frozen=True, slots=True)
class Opening:
    """A snapshot, and how far the hub had seen the channel before it was read."""

    snapshot: Snapshot
    seen: Position
