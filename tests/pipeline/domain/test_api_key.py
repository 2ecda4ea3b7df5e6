"""API keys: what is kept can't be turned back into a key, and only the key itself is taken for it."""

import secrets
from dataclasses import replace

import pytest

from pipeline.adapters.memory import MemoryKeys
from pipeline.domain.api_key import ApiKey, issue, verify
from pipeline.domain.faults import MisconfiguredError
from tests.words import NOON_MS


def issued(name: str = "a reader", scopes: str = "read") -> tuple[ApiKey, str]:
    token, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    return issue(name, scopes.split(","), key_id=token, secret=secret, now_ms=NOON_MS)


def test_a_key_is_its_id_and_256_bits_of_which_only_a_hash_is_kept() -> None:
    key, text = issued()
    word, key_id, secret = text.split("_", 2)
    assert (word, key_id, len(secret)) == ("cs", key.key_id, 43)
    assert secret not in repr(key)
    assert len(key.secret_hash) == 64


def test_the_key_itself_is_verified() -> None:
    (key, text), keys = issued(scopes="read,push"), MemoryKeys()
    keys.add(key)
    assert verify(text, keys.find) == key
    assert key.scopes == ("read", "push")


def test_anything_else_is_not() -> None:
    (key, text), (_, stranger), keys = issued(), issued(), MemoryKeys()
    keys.add(key)
    swapped = text[:-1] + ("A" if text[-1] != "A" else "B")
    mixed = f"cs_{key.key_id}_{stranger.split('_', 2)[2]}"
    for wrong in (swapped, mixed, stranger, text[3:], text + "x", f" {text}", f"{text}\n", "", "cs__", text.upper()):
        assert verify(wrong, keys.find) is None, wrong


def test_a_revoked_key_is_not_verified() -> None:
    key, text = issued()
    assert verify(text, lambda _: replace(key, revoked_ms=NOON_MS)) is None


def test_every_secret_is_compared_in_constant_time_for_an_unknown_id_too(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[str, str]] = []

    def compare(one: str, other: str) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr("hmac.compare_digest", compare)
    key, text = issued()
    assert verify(text, lambda _: key)
    assert verify(text, lambda _: None) is None
    assert [len(one) + len(other) for one, other in compared] == [128, 128]


def test_an_empty_secret_is_nobodys_even_where_the_id_is_unknown() -> None:
    assert verify("cs_0123456789ab_", lambda _: None) is None


def test_scopes_are_named_once_and_read_where_none_is_named() -> None:
    assert issued(scopes="read, push,read")[0].scopes == ("read", "push")
    assert issued(scopes=" ")[0].scopes == ("read",)


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "two\nlines"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(MisconfiguredError, match="the name is"):
        issued(name)


@pytest.mark.parametrize("scope", ["Read", "re ad", "1", "x" * 33])
def test_a_scope_that_is_none_is_refused(scope: str) -> None:
    with pytest.raises(MisconfiguredError, match="the scope"):
        issued(scopes=scope)
