"""What could not be read is kept as it came, with where it came from, why, and when."""

from pipeline.domain.faults import UndeliveredError
from pipeline.stages.ports import Publisher, Record

FLUSH_WITHIN_S = 30.0

Headers = tuple[tuple[str, bytes], ...]


def dead_letter_headers(*, source: str, reason: str, received_ms: int) -> Headers:
    """The headers of a dead letter; its value is the original bytes."""
    return (
        ("source", source.encode()), ("reason", reason.encode()), ("receivedTime", str(received_ms).encode()),
    )  # fmt: skip


def keep_record(publisher: Publisher, topic: str, record: Record, *, reason: str, received_ms: int) -> None:
    """Keep a record of the log that can't be read, for sure: only then may its offset be committed.

    Raises UndeliveredError if the log does not take it.
    """
    headers = dead_letter_headers(source=record.topic, reason=reason, received_ms=received_ms)
    publisher.append(topic, key=record.key, value=record.value, headers=headers)
    if publisher.flush(FLUSH_WITHIN_S):
        raise UndeliveredError(f"a dead letter was not taken within {FLUSH_WITHIN_S:.0f} s")
