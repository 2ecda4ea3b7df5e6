"""A pushed message between its publisher and the hub: one header line, then the JSON body.

The header holds what the hub needs without reading the body: ``<kind> <seq> <from>``. The body is a JSON object that
lacks only ``seq`` and ``from``, so a message conflated for one slow client is finished by joining bytes.
"""

from dataclasses import dataclass
from typing import Any

from pipeline.domain import jsontext

UPDATE = "update"
"""Only the newest counts: may be conflated."""
REALTIME = "realtime"
"""Each one counts: a closed candle, a trade."""


@dataclass(frozen=True, slots=True)
class Push:
    """One message of a (stream, symbol): ``from_seq … seq`` are the sequence numbers it stands for."""

    kind: str
    seq: int
    from_seq: int
    body: bytes

    def text(self, from_seq: int | None = None) -> bytes:
        """The JSON text a client gets; ``from`` is there only if the message stands for several."""
        first = self.from_seq if from_seq is None else from_seq
        since = b"" if first == self.seq else b',"from":%d' % first
        return b'%b,"seq":%d%b}' % (self.body[:-1], self.seq, since)


def encode_push(push: Push) -> bytes:
    """A pub/sub payload."""
    return b"%b %d %d\n%b" % (push.kind.encode(), push.seq, push.from_seq, push.body)


def decode_push(payload: bytes) -> Push:
    """The push of a pub/sub payload. Raises ValueError on anything else."""
    header, _, body = payload.partition(b"\n")
    kind, seq, from_seq = header.split(b" ")
    return Push(kind.decode(), int(seq), int(from_seq), body)


def push_body(kind: str, *, symbol: str, event_ms: int, **fields: Any) -> bytes:
    """The body of a message: ``{"type", "symbol", …fields, "eventTime"}``."""
    return jsontext.dumps({"type": kind, "symbol": symbol, **fields, "eventTime": event_ms})
