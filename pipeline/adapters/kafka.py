"""Kafka: an idempotent producer that counts its delivery reports, a consumer that commits after the writes."""

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from pipeline.domain.faults import MisconfiguredError, TransientError, UndeliveredError
from pipeline.domain.names import Topics

log = logging.getLogger(__name__)

HOUR_MS = 3_600_000
GB = 1_000_000_000
QUEUE_MESSAGES = 100_000
RECONNECT_MS = 500
"""A broker that comes back is found within this; librdkafka's own ten seconds are most of an outage."""
LINGER_MS = 10
"""A record waits so long for others to share its batch."""
HEAR_EVERY = 32
"""After so many records failures are heard of."""
PRESSED_ABOVE = 20_000
"""Records waiting in the producer above which the sender should stop reading its socket."""


def retention(topics: Topics) -> dict[str, dict[str, str]]:
    """Each topic's retention by time and bytes (a partition's share of the topic's bytes is set at creation)."""
    limits = {
        topics.kline: (30 * 24 * HOUR_MS, 4 * GB),
        topics.orderbook: (HOUR_MS, 2 * GB),
        topics.trades: (24 * HOUR_MS, 2 * GB),
        topics.dead_letter: (30 * 24 * HOUR_MS, GB),
    }
    return {
        topic: {"retention.ms": str(age_ms), "retention.bytes": str(size), "compression.type": "zstd"}
        for topic, (age_ms, size) in limits.items()
    }


def ensure_topics(bootstrap: str, topics: Topics, *, partitions: int, replication: int = -1) -> None:
    """Create the topics that are missing; existing ones are left as they are. Raises TransientError."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    wanted = []
    for topic, config in retention(topics).items():
        share = int(config["retention.bytes"]) // partitions
        own = config | {
            "retention.bytes": str(share),
            "segment.bytes": str(min(64_000_000, max(share // 4, 1_048_576))),
        }
        wanted.append(NewTopic(topic, num_partitions=partitions, replication_factor=replication, config=own))
    for topic, outcome in admin.create_topics(wanted, operation_timeout=15, request_timeout=15).items():
        _created(topic, outcome)


def _created(topic: str, outcome: Any) -> None:
    try:
        outcome.result(timeout=20)
        log.info("created topic %s", topic)
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise TransientError(f"Kafka did not create topic {topic}: {error.args[0].str()}") from error


@dataclass(slots=True)
class Deliveries:
    """What became of the records handed to the producer."""

    sent: int = 0
    waiting: int = 0
    failed: int = 0
    last_error: str = ""

    @property
    def delivered(self) -> int:
        """What neither waits nor failed; Kafka has acknowledged it."""
        return self.sent - self.waiting - self.failed


@dataclass(slots=True)
class KafkaPublisher:
    """Appends records; what waits and what failed is counted, and one that failed stops the process soon after.

    Librdkafka retries for ``delivery.timeout.ms``; what fails after that is lost to the log, so the process ends and
    its restart repairs the hole from the exchange. Only failures are reported one by one: a report of each success
    would cost as much as the rest of an append.
    """

    bootstrap: str
    delivery_timeout_ms: int = 120_000
    deliveries: Deliveries = field(default_factory=Deliveries)
    _producer: Producer = field(init=False)

    def __post_init__(self) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": self.bootstrap,
                "enable.idempotence": True,
                "reconnect.backoff.max.ms": RECONNECT_MS,
                "acks": "all",
                "linger.ms": LINGER_MS,
                "compression.type": "zstd",
                "compression.level": 1,
                "delivery.report.only.error": True,
                "on_delivery": self._reported,
                "queue.buffering.max.messages": QUEUE_MESSAGES,
                "queue.buffering.max.kbytes": 262_144,
                "delivery.timeout.ms": self.delivery_timeout_ms,
                "message.max.bytes": 2_000_000,
            }
        )

    def append(self, topic: str, *, key: str, value: bytes, headers: Sequence[tuple[str, bytes]] = ()) -> None:
        """Hand over one record. Raises UndeliveredError if a former one was not taken, or the queue is full."""
        deliveries = self.deliveries
        if deliveries.failed:
            raise UndeliveredError(f"Kafka did not take a record: {deliveries.last_error}")
        try:
            if headers:
                self._producer.produce(topic, value, key, headers=list(headers))
            else:
                self._producer.produce(topic, value, key)
        except BufferError as error:
            raise UndeliveredError("the Kafka producer's queue is full") from error
        deliveries.sent += 1
        if not deliveries.sent % HEAR_EVERY:
            self._producer.poll(0)

    @property
    def pressed(self) -> bool:
        """Whether so much waits to be delivered that no more should be read."""
        self._producer.poll(0)
        waiting = self.deliveries.waiting = len(self._producer)
        return waiting > PRESSED_ABOVE

    def flush(self, timeout_s: float = 10) -> int:
        """Wait for every delivery report; how many are still out after ``timeout_s``."""
        left = self.deliveries.waiting = int(self._producer.flush(timeout_s))
        if left:
            log.error("%d records were not delivered within %.0f s", left, timeout_s)
        return left

    def _reported(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self.deliveries.failed += 1
            self.deliveries.last_error = error.str()
            log.error("Kafka did not take a record: %s", error.str())


class Record(NamedTuple):
    """One record of the log; ``replayed`` if this group had already committed past it when it was assigned."""

    topic: str
    key: str
    value: bytes
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewind:
    """How far back of its committed offset a reader starts, to fold recent state anew.

    By ``records`` of a partition, or, where ``age_ms`` is given, by what came in that time, at most so many records.
    """

    topic: str
    records: int
    age_ms: int | None = None


class KafkaReader:
    """A consumer-group member that hands out batches and commits only when told the batch is written.

    ``rewinds`` names topics that are read again from before the committed offset; those records come marked
    ``replayed``. A reader with an ``instance`` of its own takes its partitions back at once after it died; without one
    they are given back when the session of the dead one is over.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        group: str,
        topics: Sequence[str],
        rewinds: Iterable[Rewind] = (),
        instance: str | None = None,
    ) -> None:
        self._rewinds = {rewind.topic: rewind for rewind in rewinds}
        self._committed: dict[tuple[str, int], int] = {}
        self._handed_out: dict[tuple[str, int], int] = {}
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": group,
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "earliest",
                "session.timeout.ms": 6_000,
                "reconnect.backoff.max.ms": RECONNECT_MS,
                "heartbeat.interval.ms": 1_500,
                "max.poll.interval.ms": 120_000,
                "fetch.wait.max.ms": 100,
                "fetch.queue.backoff.ms": 20,
                "queued.max.messages.kbytes": 4_096,  # of each partition: a reader that is behind stays small
                "topic.metadata.refresh.interval.ms": 10_000,
            }
            | ({"group.instance.id": instance} if instance else {})
        )
        self._consumer.subscribe(list(topics), on_assign=self._assigned, on_revoke=self._revoked)

    def batch(self, *, limit: int, wait_s: float) -> list[Record]:
        """What has come, at most ``limit``, after waiting at most ``wait_s`` for the first. Raises TransientError."""
        first = self._consumer.poll(wait_s)
        if first is None:
            return []
        rest = self._consumer.consume(limit - 1, timeout=0) if limit > 1 else []
        return [record for message in (first, *rest) if (record := self._record(message)) is not None]

    def commit(self) -> None:
        """Everything handed out so far is written: never hand it out again."""
        offsets = [TopicPartition(topic, number, offset + 1) for (topic, number), offset in self._handed_out.items()]
        if not offsets:
            return
        try:
            self._consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException as error:
            raise TransientError(f"Kafka did not commit: {error.args[0].str()}") from error
        self._handed_out.clear()

    def close(self) -> None:
        """Leave the group; a broker that is away does not hold us."""
        try:
            self._consumer.close()
        except KafkaException as error:
            log.warning("Kafka, on leaving: %s", error.args[0].str())

    def _record(self, message: Message) -> Record | None:
        error = message.error()
        if error is not None:
            return self._refused(error)
        topic, partition, offset = message.topic() or "", message.partition() or 0, message.offset() or 0
        place = (topic, partition)
        self._handed_out[place] = offset
        key = (message.key() or b"").decode(errors="replace")
        return Record(topic, key, message.value() or b"", offset < self._committed.get(place, 0))

    @staticmethod
    def _refused(error: KafkaError) -> None:
        if error.code() == KafkaError._PARTITION_EOF or error.retriable():
            return
        if error.code() in (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED):
            raise MisconfiguredError(f"Kafka refuses us: {error.str()}")
        if error.code() == KafkaError._FATAL or error.fatal():
            raise TransientError(f"Kafka: {error.str()}")
        log.warning("Kafka: %s", error.str())

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        try:
            self._rewind(consumer, partitions)
        except KafkaException as error:
            log.warning("Kafka, on assignment: %s", error.args[0].str())
        consumer.assign(partitions)

    def _revoked(self, _consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """What is another's now is not ours to commit."""
        for partition in partitions:
            self._handed_out.pop((partition.topic, partition.partition), None)

    def _rewind(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for known in consumer.committed(partitions, timeout=15):
            self._committed[(known.topic, known.partition)] = max(known.offset, 0)
        for partition in partitions:
            back = self._rewinds.get(partition.topic)
            committed = self._committed[(partition.topic, partition.partition)]
            if back is not None and committed:
                partition.offset = _begin(consumer, partition, committed, back)


def _begin(consumer: Consumer, partition: TopicPartition, committed: int, back: Rewind) -> int:
    """Where a rewound partition begins: never after what is committed, never before what the log still has."""
    low, _high = consumer.get_watermark_offsets(partition, timeout=15)
    begin = max(low, committed - back.records)
    if back.age_ms is None:
        return begin
    since = TopicPartition(partition.topic, partition.partition, int(time.time() * 1000) - back.age_ms)
    (found,) = consumer.offsets_for_times([since], timeout=15)
    return min(committed, max(begin, found.offset)) if found.offset >= 0 else committed


def wait_for_broker(bootstrap: str, *, timeout_s: float) -> None:
    """Return when the broker answers. Raises TransientError after ``timeout_s``."""
    deadline = time.monotonic() + timeout_s
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    while True:
        try:
            admin.list_topics(timeout=2)
            return
        except KafkaException as error:
            if time.monotonic() > deadline:
                raise TransientError(f"Kafka at {bootstrap} does not answer: {error.args[0].str()}") from error
