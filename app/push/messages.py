"""What travels from the hub to a client: a push, framed once for everybody, or the news that some were missed."""

import re
from dataclasses import dataclass

from app.push.frames import text_frame
from pipeline.domain import jsontext
from pipeline.domain.pushes import UPDATE, Push

JUMP = 100_000
"""A step in sequence numbers this large is a new count (the store was wiped), not messages that got lost."""

_EVENT_TIME = re.compile(rb'"eventTime":(\d+)\}$')


class Message:
    """A push and its frame, made once, when first needed, and shared by all who are sent exactly it."""

    __slots__ = ("_frame", "push", "size")

    def __init__(self, push: Push) -> None:
        self.push = push
        self.size = len(push.body)
        self._frame: bytes | None = None

    @property
    def frame(self) -> bytes:
        """The frame for a client to whom the message stands for what its publisher says."""
        if self._frame is None:
            self._frame = text_frame(self.push.text())
        return self._frame

    @property
    def is_update(self) -> bool:
        """Whether only the newest one counts."""
        return self.push.kind == UPDATE

    def framed(self, from_seq: int) -> bytes:
        """The frame for a client to whom this message stands for ``from_seq`` and all since."""
        return self.frame if from_seq == self.push.from_seq else text_frame(self.push.text(from_seq))


@dataclass(slots=True)
class Missed:
    """Messages a client will not get: how many, the last one's number, and when that one happened."""

    symbol: str
    count: int
    from_seq: int
    seq: int
    event_ms: int | None

    def frame(self) -> bytes:
        """``{"type":"missed","symbol","count","from","seq","eventTime"}``."""
        return text_frame(
            jsontext.dumps(
                {
                    "type": "missed", "symbol": self.symbol, "count": self.count,
                    "from": self.from_seq, "seq": self.seq, "eventTime": self.event_ms,
                }
            )
        )  # fmt: skip


def event_ms(push: Push) -> int | None:
    """The event time at the end of a push's body, UTC epoch milliseconds; None where there is none."""
    found = _EVENT_TIME.search(push.body)
    return int(found[1]) if found else None
