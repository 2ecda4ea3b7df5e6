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


def read(settings: Settings, count: int, *, commit: bool, rewind: int = 0) -> list[Record]:
    rewinds = [Rewind(settings.topics.trades, rewind)] if rewind else []
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
    found = read(log, 15, commit=False, rewind=1_000)
    assert {int(record.value) for record in found if record.replayed} == set(range(12))
    assert {int(record.value) for record in found if not record.replayed} == {12, 13, 14}


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
