"""``./run keys``: API keys, created, listed and revoked."""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from pipeline.adapters.mongo_keys import KeyStore
from pipeline.adapters.mongo_writer import connect
from pipeline.domain.api_key import READ, ApiKey, issue
from pipeline.domain.faults import MisconfiguredError
from pipeline.local.borrowed import borrowed
from pipeline.settings import Settings

_say = partial(click.echo, err=True)


@click.group
def command() -> None:
    """API keys: create, list, revoke.

    The routes and sockets do not ask for keys yet: a key is kept and can be checked, and everything still answers
    without one.

    Keys lie in MongoDB: the running stack's, that of MONGO_URI, or the one of this DATA_DIR, which is started for the
    moment.
    """


@command.command
@click.argument("name")
@click.option("--scopes", default=READ, show_default=True, metavar="A,B", help="What the key is to be good for.")
def create(name: str, scopes: str) -> None:
    """Make a key called NAME and print it, this once."""
    token, secret, now_ms = secrets.token_hex(6), secrets.token_urlsafe(32), _now_ms()
    key, text = issue(name, scopes.split(","), key_id=token, secret=secret, now_ms=now_ms)
    with _store() as (store, settings):
        store.add(key)
    click.echo(text)
    _say(f"key {key.key_id} ({key.name}: {', '.join(key.scopes)}) is shown only now; no route asks for keys yet")
    if settings.source_kind == "replay":
        _say("it is kept with a replay, and the next start of a replay begins with an empty store")


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output, nothing else.")
def show(as_json: bool) -> None:
    """Show every key: id, name, scopes, when it was created and revoked; never a secret."""
    with _store() as (store, _):
        keys = store.all()
    if as_json:
        click.echo(json.dumps({"keys": [row(key) for key in keys]}))
    elif not keys:
        click.echo("there are no keys; make one with ./run keys create NAME")
    else:
        Console().print(_table(keys))


@command.command
@click.argument("key_id", metavar="ID")
def revoke(key_id: str) -> None:
    """End the key ID for good; a second time changes nothing."""
    key_id = key_id.removeprefix("cs_").partition("_")[0]  # of a whole key its id, so that no line repeats a secret
    with _store() as (store, _):
        key = store.revoke(key_id, now_ms=_now_ms())
    if key is None:
        raise MisconfiguredError(f"no key has the id {key_id!r}; ./run keys list shows those there are")
    click.echo(f"key {key.key_id} ({key.name}) is revoked since {_moment(key.revoked_ms)}")


def row(key: ApiKey) -> dict[str, Any]:
    """A key as JSON tells it, times in UTC epoch milliseconds."""
    return {
        "id": key.key_id, "name": key.name, "scopes": list(key.scopes),
        "createdAt": key.created_ms, "revokedAt": key.revoked_ms,
    }  # fmt: skip


@contextmanager
def _store() -> Iterator[tuple[KeyStore, Settings]]:
    with borrowed(os.environ, ("mongod",), tell=_say) as settings, connect(settings.mongo_uri) as client:
        yield KeyStore(client, settings.mongo_db), settings


def _table(keys: list[ApiKey]) -> Table:
    table = Table("id", "name", "scopes", "created", "revoked", box=None, pad_edge=False)
    for key in keys:
        table.add_row(key.key_id, key.name, ",".join(key.scopes), _moment(key.created_ms), _moment(key.revoked_ms))
    return table


def _moment(time_ms: int | None) -> str:
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC" if time_ms is not None else ""


def _now_ms() -> int:
    return int(datetime.now(UTC).timestamp() * 1000)
