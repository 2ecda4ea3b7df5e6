"""API keys in MongoDB: one small document a key, never a secret."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pymongo import ASCENDING, MongoClient
from pymongo.errors import PyMongoError

from pipeline.adapters.mongo_documents import Document
from pipeline.domain.api_key import ApiKey
from pipeline.domain.faults import TransientError
from pipeline.domain.names import API_KEYS_COLLECTION

T = TypeVar("T")


class KeyStore:
    """One database's keys: ``{_id, name, secretHash, scopes, createdAt, revokedAt}``, times in UTC epoch ms."""

    def __init__(self, client: MongoClient[Document], database: str) -> None:
        self._keys = client[database][API_KEYS_COLLECTION]

    def add(self, key: ApiKey) -> None:
        """Keep a new key. Raises TransientError."""
        _guarded(lambda: self._keys.insert_one(_document(key)))

    def find(self, key_id: str) -> ApiKey | None:
        """The key of that id, revoked or not. Raises TransientError."""
        found = _guarded(lambda: self._keys.find_one({"_id": key_id}))
        return _key(found) if found else None

    def all(self) -> list[ApiKey]:
        """Every key, oldest first. Raises TransientError."""
        order = [("createdAt", ASCENDING), ("_id", ASCENDING)]
        return _guarded(lambda: [_key(document) for document in self._keys.find().sort(order)])

    def revoke(self, key_id: str, *, now_ms: int) -> ApiKey | None:
        """End a key, once; None for an id nobody knows. Raises TransientError."""
        still_holds = {"_id": key_id, "revokedAt": None}
        _guarded(lambda: self._keys.update_one(still_holds, {"$set": {"revokedAt": now_ms}}))
        return self.find(key_id)


def _document(key: ApiKey) -> Document:
    return {
        "_id": key.key_id, "name": key.name, "secretHash": key.secret_hash, "scopes": list(key.scopes),
        "createdAt": key.created_ms, "revokedAt": key.revoked_ms,
    }  # fmt: skip


def _key(document: Mapping[str, Any]) -> ApiKey:
    revoked = document["revokedAt"]
    return ApiKey(
        key_id=document["_id"], name=document["name"], secret_hash=document["secretHash"],
        scopes=tuple(document["scopes"]), created_ms=int(document["createdAt"]),
        revoked_ms=None if revoked is None else int(revoked),
    )  # fmt: skip


def _guarded(call: Callable[[], T]) -> T:
    try:
        return call()
    except PyMongoError as error:
        said = str(error).partition(",")[0]
        raise TransientError(f"MongoDB does not answer: {said}; see that MONGO_URI names a server that runs") from error
