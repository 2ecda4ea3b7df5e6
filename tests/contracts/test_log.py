"""The log: what is appended is read, in a symbol's order, again until it is committed."""

from functools import partial

import pytest
from confluent_kafka import Producer

from pipeline.adapters.kafka import KafkaPublisher, KafkaReader, Record, Rewind, ensure_topics
from pipeline.domain.faults import TransientError
from pipeline.settings import Settings
from tests.servers.waiting import wait_for


@pytest.fixture
def log(namespace: Settings) -> Settings:
    ensure_topics(namespace.kafka_bootstrap, namespace.topics, partitions=3)
    return namespace


def read(settings: Settings, count: int, *, commit: bool, rewind: Rewind | None = None) -> list[Record]:
    rewinds = [rewind] if rewind else []
    reader = KafkaReader(
        settings.kafka_bootstrap,
        group=settings.consumer_group_prefix,
        topics=[settings.topics.trades],
        rewinds=rewinds,
    )
    found: list[Record] = []
    try:
        wait_for(partial(_filled, reader, found, count), within_s=30, what=f"{count} records")
        if commit:
            reader.commit()
    finally:
        reader.close()
    return found


def _filled(reader: KafkaReader, found: list[Record], count: int) -> bool:
    found += reader.batch(limit=100, wait_s=0.1)
    return len(found) >= count


def append(settings: Settings, numbers: range) -> KafkaPublisher:
    publisher = KafkaPublisher(settings.kafka_bootstrap)
    for number in numbers:
        publisher.append(settings.topics.trades, key=f"S{number % 4}", value=str(number).encode())
    assert publisher.flush() == 0
    return publisher


def test_every_record_is_delivered_counted_and_read_in_its_symbols_order(log: Settings) -> None:
    publisher = append(log, range(200))
    assert (publisher.deliveries.sent, publisher.deliveries.delivered, publisher.deliveries.failed) == (200, 200, 0)
    found = read(log, 200, commit=False)
    for key in ("S0", "S1", "S2", "S3"):
        numbers = [int(record.value) for record in found if record.key == key]
        assert numbers == sorted(numbers)
    assert sorted(int(record.value) for record in found) == list(range(200))


def test_what_was_not_committed_is_read_again_and_what_was_is_not(log: Settings) -> None:
    append(log, range(10))
    read(log, 10, commit=False)
    assert len(read(log, 10, commit=True)) == 10
    append(log, range(10, 15))
    assert sorted(int(record.value) for record in read(log, 5, commit=True)) == list(range(10, 15))


def test_a_rewound_reader_marks_what_it_had_handled(log: Settings) -> None:
    append(log, range(12))
    read(log, 12, commit=True)
    append(log, range(12, 15))
    found = read(log, 15, commit=False, rewind=Rewind(topic=log.topics.trades, records=1_000))
    assert {int(record.value) for record in found if record.replayed} == set(range(12))
    assert {int(record.value) for record in found if not record.replayed} == {12, 13, 14}


def test_a_reader_rewound_by_time_begins_where_that_time_began_and_not_further_back_than_it_may(log: Settings) -> None:
    topic = log.topics.trades
    append(log, range(12))
    read(log, 12, commit=True)
    recent = read(log, 12, commit=False, rewind=Rewind(topic=topic, records=1_000, age_ms=600_000))
    assert all(record.replayed for record in recent)
    append(log, range(12, 13))
    bounded = read(log, 1, commit=False, rewind=Rewind(topic=topic, records=1, age_ms=600_000))
    assert len(bounded) <= log.kafka_partitions + 1
    nothing = read(log, 1, commit=False, rewind=Rewind(topic=topic, records=1_000, age_ms=0))
    assert [int(record.value) for record in nothing] == [12]


def test_a_reader_that_died_has_its_partitions_back_before_its_session_is_over(log: Settings) -> None:
    append(log, range(8))
    member = partial(KafkaReader, group=log.consumer_group_prefix, topics=[log.topics.trades], instance="the-cache")
    died = member(log.kafka_bootstrap)
    found: list[Record] = []
    wait_for(partial(_filled, died, found, 8), within_s=30, what="8 records")
    again = member(log.kafka_bootstrap)
    try:
        wait_for(partial(_filled, again, [], 8), within_s=4, what="8 records within a session of 6 s")
        with pytest.raises(TransientError):
            wait_for(lambda: died.batch(limit=1, wait_s=0.1) is None, within_s=20, what="the other is told to go")
    finally:
        again.close()
        died.close()


def test_a_record_with_a_key_that_is_no_text_is_handed_out_like_any_other(log: Settings) -> None:
    producer = Producer({"bootstrap.servers": log.kafka_bootstrap})
    producer.produce(log.topics.trades, b"poison", b"\xff\xfe")
    assert producer.flush(10) == 0
    (found,) = read(log, 1, commit=False)
    assert found.value == b"poison"


def test_a_broker_that_is_away_is_a_transient_fault() -> None:
    from pipeline.adapters.kafka import wait_for_broker

    with pytest.raises(TransientError, match="does not answer"):
        wait_for_broker("127.0.0.1:1", timeout_s=0.1)
