"""API keys: MongoDB and its memory twin keep the same promises."""

import secrets
from collections.abc import Iterator

import pytest

from pipeline.adapters.memory import MemoryKeys
from pipeline.adapters.mongo_keys import KeyStore
from pipeline.adapters.mongo_writer import connect
from pipeline.domain.api_key import ApiKey, Keys, issue, verify
from pipeline.domain.faults import TransientError
from pipeline.domain.names import API_KEYS_COLLECTION
from pipeline.settings import Settings
from tests.words import NOON_MS


@pytest.fixture(params=["memory", pytest.param("mongo", marks=pytest.mark.servers)])
def keys(request: pytest.FixtureRequest) -> Iterator[Keys]:
    if request.param == "memory":
        yield MemoryKeys()
        return
    settings: Settings = request.getfixturevalue("namespace")
    with connect(settings.mongo_uri) as client:
        yield KeyStore(client, settings.mongo_db)


def issued(*, now_ms: int = NOON_MS) -> tuple[ApiKey, str]:
    token, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    return issue("a reader", ["read", "push"], key_id=token, secret=secret, now_ms=now_ms)


def test_a_key_that_was_added_is_found_and_verified(keys: Keys) -> None:
    key, text = issued()
    keys.add(key)
    assert keys.find(key.key_id) == key
    assert verify(text, keys.find) == key


def test_an_unknown_id_is_no_key(keys: Keys) -> None:
    assert keys.find("0123456789ab") is None
    assert keys.revoke("0123456789ab", now_ms=NOON_MS) is None
    assert keys.all() == []


def test_keys_come_oldest_first(keys: Keys) -> None:
    made = [issued(now_ms=NOON_MS + later)[0] for later in (3, 1, 2)]
    for key in made:
        keys.add(key)
    assert [key.created_ms - NOON_MS for key in keys.all()] == [1, 2, 3]


def test_revoking_again_keeps_the_first_moment(keys: Keys) -> None:
    (key, text), (other, _) = issued(), issued()
    keys.add(key)
    keys.add(other)
    first, second = (keys.revoke(key.key_id, now_ms=NOON_MS + later) for later in (1, 2))
    assert first == second
    assert first
    assert first.revoked_ms == NOON_MS + 1
    assert verify(text, keys.find) is None
    assert keys.find(other.key_id) == other


def test_an_id_is_given_once(keys: Keys) -> None:
    key, _ = issued()
    keys.add(key)
    with pytest.raises(TransientError):
        keys.add(key)


def test_mongodb_never_holds_a_secret(namespace: Settings) -> None:
    key, text = issued()
    with connect(namespace.mongo_uri) as client:
        KeyStore(client, namespace.mongo_db).add(key)
        (document,) = client[namespace.mongo_db][API_KEYS_COLLECTION].find()
    assert set(document) == {"_id", "name", "secretHash", "scopes", "createdAt", "revokedAt"}
    assert text.split("_", 2)[2] not in repr(document)
