"""API keys: a name, what it may do, and the hash of a secret that only its owner has."""

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from pipeline.domain.faults import MisconfiguredError

READ = "read"
LONGEST_NAME = 60
_KEY = re.compile(r"cs_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_SCOPE = re.compile(r"[a-z][a-z0-9:-]{0,31}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key as it is kept; times are UTC epoch milliseconds, ``revoked_ms`` None while it holds.

    ``secret_hash`` is plain SHA-256 in hex: a slow hash with a salt protects what people choose and others can guess,
    and 256 random bits are neither.
    """

    key_id: str
    name: str
    secret_hash: str
    scopes: tuple[str, ...]
    created_ms: int
    revoked_ms: int | None = None


class Keys(Protocol):
    """Where keys are kept. Every method raises TransientError when it can't be reached."""

    def add(self, key: ApiKey) -> None:
        """Keep a new key."""
        ...

    def find(self, key_id: str) -> ApiKey | None:
        """The key of that id, revoked or not."""
        ...

    def all(self) -> list[ApiKey]:
        """Every key, oldest first."""
        ...

    def revoke(self, key_id: str, *, now_ms: int) -> ApiKey | None:
        """End a key, once: it keeps the moment it was first revoked. None for an id nobody knows."""
        ...


def issue(name: str, scopes: Iterable[str], *, key_id: str, secret: str, now_ms: int) -> tuple[ApiKey, str]:
    """A new key and the text its owner keeps, ``cs_<id>_<secret>``; ``key_id`` is 12 hex digits, ``secret`` 256 bits.

    Raises MisconfiguredError on a name or a scope that is none.
    """
    text = f"cs_{key_id}_{secret}"
    if _KEY.fullmatch(text) is None:
        raise ValueError("expected an id of 12 hex digits and a secret of 43 URL-safe characters")
    key = ApiKey(
        key_id=key_id, name=_named(name), secret_hash=hash_of(secret), scopes=_scopes(scopes), created_ms=now_ms
    )
    return key, text


def verify(text: str, find: Callable[[str], ApiKey | None]) -> ApiKey | None:
    """The key that ``text`` is, or None where it is malformed, unknown, wrong or revoked.

    The comparison takes as long for a secret that is wrong in its first letter as for one wrong in its last, and
    happens for an unknown id too.
    """
    found = _KEY.fullmatch(text)
    if found is None:
        return None
    key = find(found[1])
    is_right = hmac.compare_digest(hash_of(found[2]), key.secret_hash if key else _NOBODYS)
    return key if key and is_right and key.revoked_ms is None else None


def hash_of(secret: str) -> str:
    """SHA-256 of a secret, in hex."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _named(name: str) -> str:
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise MisconfiguredError(f"the name is {name[:80]!r}; expected 1 to {LONGEST_NAME} printable characters")
    return name.strip()


def _scopes(scopes: Iterable[str]) -> tuple[str, ...]:
    wanted = tuple(dict.fromkeys(scope.strip() for scope in scopes if scope.strip()))
    for scope in wanted:
        if _SCOPE.fullmatch(scope) is None:
            raise MisconfiguredError(
                f"the scope {scope!r} is none; expected small letters, digits, - and :, as in read"
            )
    return wanted or (READ,)


_NOBODYS = hash_of("")
