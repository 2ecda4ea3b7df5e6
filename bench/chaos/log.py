"""What lies in the log now, read from its beginning."""

from collections.abc import Iterator

from confluent_kafka import Consumer, TopicPartition


def entries_of(bootstrap: str, topic: str) -> Iterator[tuple[str, bytes]]:
    """Every record of a topic that is there now, as (key, value)."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "accounts", "enable.auto.commit": False})
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        ends = {}
        for number in partitions:
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=10)
            if high > low:
                ends[number] = high
        consumer.assign([TopicPartition(topic, number, 0) for number in ends])
        while ends:
            for message in consumer.consume(10_000, timeout=0.2):
                if message.error() is None:
                    yield bytes(message.key() or b"").decode(), bytes(message.value() or b"")
            for place in consumer.position([TopicPartition(topic, number) for number in ends]):
                if place.offset >= ends[place.partition]:
                    del ends[place.partition]
    finally:
        consumer.close()
