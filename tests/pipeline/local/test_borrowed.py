"""Servers for one command: the user's, the running stack's, or ours, which are gone afterwards."""

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from pymongo import MongoClient

from pipeline.domain.faults import MisconfiguredError
from pipeline.domain.names import META_COLLECTION
from pipeline.local import borrowed as module
from pipeline.local.borrowed import borrowed
from pipeline.local.ports import is_listening
from pipeline.local.state import StackRecord, lock_root, write_state
from pipeline.settings import Settings
from tests.pipeline.local.environments import simulator_environment
from tests.servers.waiting import wait_for

pytestmark = pytest.mark.starts


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return simulator_environment(tmp_path / "data")


def port_of(settings: Settings) -> int:
    return int(settings.mongo_uri.rpartition(":")[2])


def mark_in(settings: Settings) -> str:
    with MongoClient[dict[str, str]](settings.mongo_uri) as mongo:
        found = mongo[settings.mongo_db][META_COLLECTION].find_one({"_id": "source"})
    return found["mark"] if found else ""


def stopped_stack(environment: dict[str, str], **words: str) -> None:
    root = Path(environment["DATA_DIR"])
    (root / "run").mkdir(parents=True)
    write_state(
        root, StackRecord(pid=1, started_at=1.0, source="simulator", data_dir=str(root / "sim"), environment=words)
    )


def test_what_nobody_runs_is_started_on_the_sources_data_claimed_and_gone_afterwards(
    environment: dict[str, str],
) -> None:
    told: list[str] = []
    with borrowed(environment, ("mongod",), tell=told.append) as settings:
        assert mark_in(settings) == "simulator:seed=1"
        assert (Path(environment["DATA_DIR"]) / "sim" / "mongod" / "WiredTiger").exists()
        with MongoClient[dict[str, object]](settings.mongo_uri) as mongo:
            mongo[settings.mongo_db]["words"].insert_one({"_id": 1})
    assert not is_listening("127.0.0.1", port_of(settings))
    assert told == [f"no stack runs on {environment['DATA_DIR']}; starting mongod for the moment"]
    with (
        borrowed(environment, ("mongod",), tell=told.append) as again,
        MongoClient[dict[str, object]](again.mongo_uri) as mongo,
    ):
        assert mongo[again.mongo_db]["words"].find_one() == {"_id": 1}


def test_where_source_is_left_open_the_last_start_decides_with_its_seed(environment: dict[str, str]) -> None:
    stopped_stack(environment, SIMULATOR_SEED="7", MONGO_DB="other", BINANCE_REST_URL="http://127.0.0.1:9")
    with borrowed({**environment, "SOURCE": ""}, ("mongod",), tell=lambda _: None) as settings:
        assert (settings.source, settings.mongo_db, mark_in(settings)) == ("simulator", "other", "simulator:seed=7")
        assert "127.0.0.1" not in settings.binance_rest_url


def test_the_users_server_is_taken_as_it_is_and_nothing_is_started(
    environment: dict[str, str], namespace: Settings
) -> None:
    own = {**environment, "MONGO_URI": namespace.mongo_uri, "MONGO_DB": namespace.mongo_db}
    with borrowed(own, ("mongod",), tell=pytest.fail) as settings:
        assert (settings.mongo_uri, settings.mongo_db) == (namespace.mongo_uri, namespace.mongo_db)
        assert mark_in(settings) == ""
    assert not Path(environment["DATA_DIR"]).exists()


def test_the_running_stacks_server_is_taken(environment: dict[str, str]) -> None:
    root, me = Path(environment["DATA_DIR"]), psutil.Process()
    with lock_root(root):
        words = {"MONGO_URI": "mongodb://127.0.0.1:7", "SOURCE": "simulator", "DATA_DIR": str(root / "sim")}
        stack = StackRecord(
            pid=me.pid, started_at=me.create_time(), source="simulator", data_dir=str(root / "sim"), environment=words
        )
        write_state(root, stack)
        with borrowed(environment, ("mongod",), tell=pytest.fail) as settings:
            assert settings.mongo_uri == "mongodb://127.0.0.1:7"


def test_a_data_directory_that_another_command_holds_is_waited_for_and_then_refused(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOCKED_WITHIN_S", 0.3)
    with (
        lock_root(Path(environment["DATA_DIR"])),
        pytest.raises(MisconfiguredError, match="already runs on"),
        borrowed(environment, ("mongod",), tell=pytest.fail),
    ):
        pytest.fail("it was let in")


def test_a_web_port_that_somebody_holds_is_no_matter(environment: dict[str, str], namespace: Settings) -> None:
    taken = {**environment, "HTTP_PORT": str(port_of(namespace))}
    with borrowed(taken, ("mongod",), tell=lambda _: None) as settings:
        assert mark_in(settings) == "simulator:seed=1"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_command_that_is_ended_leaves_no_server(environment: dict[str, str], number: signal.Signals) -> None:
    script = (
        "import os, signal; from pipeline.local.borrowed import borrowed\n"
        "with borrowed(os.environ, ('mongod',), tell=lambda _: None) as s:\n"
        "    print(s.mongo_uri, flush=True); signal.pause()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        port = int(process.stdout.readline().rpartition(":")[2])
        process.send_signal(number)
        process.wait(30)
    wait_for(lambda: not is_listening("127.0.0.1", port), what="end of the server")
