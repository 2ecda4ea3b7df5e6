"""``./run keys``: a key is shown once, listed without its secret, revoked for good."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.domain.faults import MisconfiguredError, TransientError
from pipeline.local.cli import command_line
from pipeline.settings import Settings
from tests.pipeline.local.environments import simulator_environment


@pytest.fixture
def environment(tmp_path: Path, namespace: Settings) -> dict[str, str]:
    servers = {"MONGO_URI": namespace.mongo_uri, "MONGO_DB": namespace.mongo_db}
    return {**simulator_environment(tmp_path / "data"), **servers}


def keys(*words: str, environment: dict[str, str]) -> Result:
    return CliRunner().invoke(command_line, ["keys", *words], env=environment)


def test_a_key_is_printed_once_listed_without_its_secret_and_revoked_once(environment: dict[str, str]) -> None:
    created = keys("create", "a reader", "--scopes", "read,push", environment=environment)
    text = created.stdout.removesuffix("\n")
    key_id, secret = text.split("_", 2)[1:]
    assert "no route asks for keys yet" in created.stderr
    assert secret not in created.stderr
    listed = keys("list", "--json", environment=environment)
    (key,) = json.loads(listed.stdout)["keys"]
    assert (key["id"], key["name"], key["scopes"], key["revokedAt"]) == (key_id, "a reader", ["read", "push"], None)
    assert secret not in listed.stdout
    assert "a reader" in keys("list", environment=environment).stdout
    first, second = (keys("revoke", word, environment=environment) for word in (key_id, text))
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert first.stdout == second.stdout
    assert json.loads(keys("list", "--json", environment=environment).stdout)["keys"][0]["revokedAt"]


def test_an_unknown_id_is_one_line_that_repeats_no_secret(environment: dict[str, str]) -> None:
    refused = keys("revoke", "cs_nobody_secret", environment=environment).exception
    assert isinstance(refused, MisconfiguredError)
    assert str(refused) == "no key has the id 'nobody'; ./run keys list shows those there are"


def test_a_server_that_is_away_is_one_line(environment: dict[str, str]) -> None:
    refused = keys("list", environment={**environment, "MONGO_URI": "mongodb://127.0.0.1:9"}).exception
    assert isinstance(refused, TransientError)
    assert "see that MONGO_URI names a server that runs" in str(refused)
    assert "\n" not in str(refused)


def test_help_says_that_no_route_asks_for_keys_yet() -> None:
    assert "do not ask for keys yet" in keys("--help", environment={}).stdout


@pytest.mark.servers
def test_without_a_stack_a_key_is_kept_on_the_data_directory(tmp_path: Path) -> None:
    environment = simulator_environment(tmp_path / "data")
    command = [sys.executable, "-m", "pipeline.local", "keys"]
    made, seen = (
        subprocess.run([*command, *words], env=environment, capture_output=True, text=True, timeout=60, check=False)
        for words in (("create", "mine"), ("list", "--json"))
    )
    assert made.stdout.startswith("cs_")
    assert [key["name"] for key in json.loads(seen.stdout)["keys"]] == ["mine"]
