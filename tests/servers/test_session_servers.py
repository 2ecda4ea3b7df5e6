"""The session's servers speak their protocols, and a namespace leaves nothing behind."""

import redis
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from pymongo import MongoClient

from pipeline.settings import Settings
from tests.servers.namespaces import environment_of, fresh_namespace
from tests.servers.waiting import wait_for


def test_a_record_sent_to_kafka_comes_back(namespace: Settings) -> None:
    create_topic(namespace)
    producer = Producer({"bootstrap.servers": namespace.kafka_bootstrap})
    producer.produce(namespace.topics.trades, key=b"BTCUSDT", value=b"a trade")
    assert producer.flush(10) == 0
    assert read_one(namespace) == (b"BTCUSDT", b"a trade")


def test_kafka_makes_no_topic_that_nobody_created(namespace: Settings) -> None:
    admin = AdminClient({"bootstrap.servers": namespace.kafka_bootstrap})
    admin.list_topics(namespace.topics.kline, timeout=10)
    assert namespace.topics.kline not in admin.list_topics(timeout=10).topics


def test_a_document_written_to_mongodb_comes_back(namespace: Settings) -> None:
    with MongoClient[dict[str, object]](namespace.mongo_uri) as mongo:
        mongo[namespace.mongo_db]["words"].insert_one({"_id": 1, "word": "candle"})
        assert mongo[namespace.mongo_db]["words"].find_one() == {"_id": 1, "word": "candle"}


def test_redis_refuses_writes_beyond_its_memory_rather_than_forget(namespace: Settings) -> None:
    with client(namespace) as cache:
        cache.set("word", "candle")
        assert cache.get("word") == b"candle"
        assert cache.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert cache.config_get("maxmemory")["maxmemory"] == str(512 * 2**20)


def test_a_namespace_starts_empty_and_leaves_nothing_behind(servers: Settings) -> None:
    with fresh_namespace(servers) as first:
        create_topic(first)
        with client(first) as cache, MongoClient[dict[str, object]](first.mongo_uri) as mongo:
            cache.set("word", "candle")
            mongo[first.mongo_db]["words"].insert_one({})
    admin = AdminClient({"bootstrap.servers": servers.kafka_bootstrap})
    wait_for(lambda: first.topics.trades not in admin.list_topics(timeout=10).topics, what="deletion of the topic")
    with client(first) as cache, MongoClient[dict[str, object]](first.mongo_uri) as mongo:
        assert cache.dbsize() == 0
        assert first.mongo_db not in mongo.list_database_names()


def test_a_process_of_its_own_reads_the_same_namespace(namespace: Settings) -> None:
    assert Settings.from_environment(environment_of(namespace)) == namespace


def client(settings: Settings) -> redis.Redis:
    return redis.Redis(host=settings.redis_host, port=settings.redis_port, db=settings.redis_db)


def create_topic(settings: Settings) -> None:
    admin = AdminClient({"bootstrap.servers": settings.kafka_bootstrap})
    for creation in admin.create_topics([NewTopic(settings.topics.trades, num_partitions=1)]).values():
        creation.result()


def read_one(settings: Settings) -> tuple[bytes | None, bytes | None]:
    consumer = Consumer(
        {
            "bootstrap.servers": settings.kafka_bootstrap,
            "group.id": f"{settings.consumer_group_prefix}reader",
            "auto.offset.reset": "earliest",
        }
    )
    try:
        consumer.subscribe([settings.topics.trades])
        message = wait_for(lambda: consumer.poll(0.5), within_s=20, what="a record from Kafka")
        assert message is not None
        return message.key(), message.value()
    finally:
        consumer.close()
