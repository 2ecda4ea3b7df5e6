"""The end of a topic, read once without a group: what a process that starts must know of what was written before."""

import logging
import time
from collections.abc import Iterator

from confluent_kafka import Consumer, KafkaException, TopicPartition

from pipeline.domain.faults import TransientError

log = logging.getLogger(__name__)

CALL_S = 10.0
BATCH = 10_000


class Tail:
    """What each partition holds since ``since_ms``, at least ``least`` records, at most ``most``: (key, value) pairs.

    In order within a key, up to where the topic ended when the reading began. ``whole`` says, once it has begun,
    whether that is all the topic holds. Reading raises TransientError.
    """

    def __init__(
        self, bootstrap: str, topic: str, *, since_ms: int, least: int, most: int, within_s: float = 20.0
    ) -> None:  # fmt: skip
        self.whole = False
        self._bootstrap, self._topic, self._within_s = bootstrap, topic, within_s
        self._since_ms, self._least, self._most = since_ms, least, most

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        consumer = Consumer(
            {
                "bootstrap.servers": self._bootstrap, "group.id": "candlestream-tail", "enable.auto.commit": False,
                "enable.auto.offset.store": False, "auto.offset.reset": "earliest", "fetch.wait.max.ms": 50,
            }
        )  # fmt: skip
        try:
            begins, self.whole = _begins(consumer, self._topic, self._since_ms, self._least, self._most)
            yield from _read(consumer, begins, time.monotonic() + self._within_s)
        except KafkaException as error:
            raise TransientError(f"Kafka, reading the end of {self._topic}: {error.args[0].str()}") from error
        finally:
            consumer.close()


def _begins(
    consumer: Consumer, topic: str, since_ms: int, least: int, most: int
) -> tuple[dict[int, tuple[TopicPartition, int]], bool]:
    """Where to begin in each partition that holds something, where it ends, and whether that is from the beginning."""
    partitions = consumer.list_topics(topic, timeout=CALL_S).topics[topic].partitions
    asked = [TopicPartition(topic, number, since_ms) for number in partitions]
    found, whole = {}, True
    for place in consumer.offsets_for_times(asked, timeout=CALL_S):
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, place.partition), timeout=CALL_S)
        since = place.offset if place.offset >= 0 else high
        begin = max(low, high - most, min(since, high - least))
        whole = whole and begin <= low
        if begin < high:
            found[place.partition] = (TopicPartition(topic, place.partition, begin), high)
    return found, whole


def _read(
    consumer: Consumer, begins: dict[int, tuple[TopicPartition, int]], deadline: float
) -> Iterator[tuple[str, bytes]]:
    ends = {number: high for number, (_, high) in begins.items()}
    consumer.assign([place for place, _ in begins.values()])
    while ends:
        for message in consumer.consume(BATCH, timeout=0.2):
            number, offset = int(message.partition() or 0), int(message.offset() or 0)
            if message.error() is None and number in ends and offset < ends[number]:
                yield bytes(message.key() or b"").decode(errors="replace"), bytes(message.value() or b"")
        for place in consumer.position([TopicPartition(begins[number][0].topic, number) for number in ends]):
            if place.offset >= ends[place.partition]:
                del ends[place.partition]
        if time.monotonic() > deadline:
            raise TransientError(f"Kafka did not give the end of its topic in time: {len(ends)} partitions are left")
