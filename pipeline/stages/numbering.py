"""The numbers of what is published of one symbol: contiguous in each stream, and where a conflated message began."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.domain.pushes import Push
from pipeline.domain.shelf import Published


@dataclass(slots=True)
class Numbering:
    """Goes on from the ``known`` last numbers; a stream that has none begins after ``start``."""

    symbol: str
    known: Mapping[str, int]
    start: int
    _last: dict[str, int] = field(default_factory=dict)

    def published(self, stream: str, kind: str, body: bytes, *, covers: int = 1) -> Published:
        """The next message of ``stream``; it stands for ``covers`` numbers."""
        before = self._last.get(stream)
        if before is None:
            before = self.known.get(stream, self.start)
        self._last[stream] = before + covers
        return Published(stream, self.symbol, Push(kind, before + covers, before + 1, body))
