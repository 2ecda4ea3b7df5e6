"""A store belongs to one source: claimed once, kept, and refused to another with nothing touched."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import redis
from confluent_kafka.admin import AdminClient
from pymongo import MongoClient

from pipeline.domain.faults import MisconfiguredError
from pipeline.domain.names import META_COLLECTION, SOURCE_KEY
from pipeline.local.stores import claim_stores
from pipeline.settings import Settings


def written_in(settings: Settings) -> tuple[str | None, bytes | str | None]:
    with MongoClient[dict[str, str]](settings.mongo_uri) as mongo:
        found = mongo[settings.mongo_db][META_COLLECTION].find_one({"_id": "source"})
    return (found["source"] if found else None), redis_of(settings).get(SOURCE_KEY)


def redis_of(settings: Settings) -> redis.Redis:
    return redis.Redis(host=settings.redis_host, port=settings.redis_port, db=settings.redis_db)


def owner_topics(settings: Settings) -> list[str]:
    admin = AdminClient({"bootstrap.servers": settings.kafka_bootstrap})
    beginning = f"{settings.consumer_group_prefix}crypto_source_"
    return [name.removeprefix(beginning) for name in admin.list_topics(timeout=10).topics if name.startswith(beginning)]


def test_a_new_store_is_claimed_and_stays_claimed(namespace: Settings) -> None:
    claim_stores(namespace, mark="simulator:seed=1")
    claim_stores(namespace, mark="simulator:seed=1")
    assert written_in(namespace) == ("simulator", b"simulator:seed=1")
    assert owner_topics(namespace) == ["simulator-seed-1"]


def test_a_database_of_another_source_is_refused_and_redis_stays_untouched(namespace: Settings) -> None:
    claim_stores(namespace, mark="binance")
    redis_of(namespace).flushdb()
    with pytest.raises(
        MisconfiguredError, match=r"holds data of binance, and this start reads simulator:seed=1.*MONGO_DB"
    ):
        claim_stores(namespace, mark="simulator:seed=1")
    assert written_in(namespace) == ("binance", None)


def test_a_redis_of_another_source_is_refused_and_mongodb_stays_untouched(namespace: Settings) -> None:
    redis_of(namespace).set(SOURCE_KEY, "binance")
    with pytest.raises(MisconfiguredError, match=r"Redis database \d+ holds data of binance.*REDIS_DB"):
        claim_stores(namespace, mark="replay:a-day")
    assert written_in(namespace) == (None, b"binance")


def test_candles_that_nobody_claimed_are_taken_for_real_ones(namespace: Settings) -> None:
    with MongoClient[dict[str, str]](namespace.mongo_uri) as mongo:
        mongo[namespace.mongo_db]["1m_kline"].insert_one({"symbol": "BTCUSDT"})
    with pytest.raises(MisconfiguredError, match="holds data of binance"):
        claim_stores(namespace, mark="simulator:seed=1")
    claim_stores(namespace, mark="binance")
    assert written_in(namespace) == ("binance", b"binance")


def test_a_redis_that_does_not_answer_names_its_variables(namespace: Settings) -> None:
    with pytest.raises(MisconfiguredError, match=r"Redis at 127\.0\.0\.1:1 .*check REDIS_HOST, REDIS_PORT"):
        claim_stores(replace(namespace, redis_port=1), mark="binance")


def test_a_broker_of_another_source_is_refused_and_nothing_is_touched(namespace: Settings) -> None:
    claim_stores(namespace, mark="simulator:seed=2", stores={"kafka"})
    with pytest.raises(MisconfiguredError) as refused:
        claim_stores(namespace, mark="simulator:seed=1")
    assert str(refused.value) == (
        f"Kafka at {namespace.kafka_bootstrap} holds data of simulator-seed-2, and this start reads simulator:seed=1; "
        "nothing was touched: set KAFKA_BOOTSTRAP or TOPIC_PREFIX or DATA_DIR to another one, "
        "or SOURCE (and SIMULATOR_SEED) to what it holds"
    )
    assert written_in(namespace) == (None, None)
    assert owner_topics(namespace) == ["simulator-seed-2"]


def test_a_refused_database_leaves_the_broker_untouched(namespace: Settings) -> None:
    redis_of(namespace).set(SOURCE_KEY, "binance")
    with pytest.raises(MisconfiguredError, match="Redis database"):
        claim_stores(namespace, mark="simulator:seed=1")
    assert owner_topics(namespace) == []


def test_two_prefixes_on_one_broker_may_belong_to_two_sources(namespace: Settings) -> None:
    other = replace(namespace, consumer_group_prefix=f"{namespace.consumer_group_prefix}other_")
    claim_stores(namespace, mark="binance", stores={"kafka"})
    claim_stores(other, mark="simulator:seed=1", stores={"kafka"})
    assert (owner_topics(namespace), owner_topics(other)) == (["binance"], ["simulator-seed-1"])


def test_only_the_stores_in_use_are_claimed(namespace: Settings) -> None:
    claim_stores(replace(namespace, redis_port=1), mark="binance", stores={"mongod", "kafka"})
    assert written_in(namespace) == ("binance", None)
    assert owner_topics(namespace) == ["binance"]


def test_a_broker_that_does_not_answer_names_its_variable(namespace: Settings) -> None:
    with pytest.raises(MisconfiguredError, match=r"Kafka at 127\.0\.0\.1:1 does not let us in: .*KAFKA_BOOTSTRAP"):
        claim_stores(replace(namespace, kafka_bootstrap="127.0.0.1:1"), mark="binance")
    assert written_in(namespace) == (None, None)


@dataclass(frozen=True)
class OurServer:
    name: str
    folder: Path


def test_a_server_of_ours_that_forgot_whose_it_is_has_lost_its_data(namespace: Settings, tmp_path: Path) -> None:
    ours = [OurServer("mongod", tmp_path)]
    claim_stores(namespace, mark="binance", stores={"mongod"}, ours=ours)
    claim_stores(namespace, mark="binance", stores={"mongod"}, ours=ours)
    with MongoClient[dict[str, str]](namespace.mongo_uri) as mongo:
        mongo.drop_database(namespace.mongo_db)
    with pytest.raises(MisconfiguredError, match=f"its data in {tmp_path} is damaged, what it held is gone; put back"):
        claim_stores(namespace, mark="binance", stores={"mongod"}, ours=ours)
    assert written_in(namespace)[0] is None


def test_another_database_or_prefix_on_a_server_of_ours_is_new_and_not_damaged(
    namespace: Settings, tmp_path: Path
) -> None:
    other = replace(namespace, mongo_db=f"{namespace.mongo_db}b", consumer_group_prefix=f"{namespace.mongo_db}_b_")
    ours = [OurServer("mongod", tmp_path / "mongod"), OurServer("kafka", tmp_path / "kafka")]
    for server in ours:
        server.folder.mkdir()
    try:
        for settings in (namespace, other, namespace, other):
            claim_stores(settings, mark="binance", stores={"mongod", "kafka"}, ours=ours)
        assert (owner_topics(namespace), owner_topics(other)) == (["binance"], ["binance"])
    finally:
        with MongoClient[dict[str, str]](namespace.mongo_uri) as mongo:
            mongo.drop_database(other.mongo_db)
