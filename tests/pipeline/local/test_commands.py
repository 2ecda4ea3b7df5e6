"""The commands as a person types them: up, status, down, stage and their one-line errors, in processes of their own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
from click import Context
from click.testing import CliRunner

from pipeline.local.child import CRASH_LIMIT
from pipeline.local.cli import command_line
from pipeline.local.commands.stage import stage_environment
from pipeline.local.commands.status import report
from pipeline.local.ports import PortBook
from pipeline.local.processes import OWN, SERVERS
from pipeline.local.state import ProcessRecord, StackRecord, end_orphans, read_state, write_state
from pipeline.local.stores import claim_stores
from pipeline.settings import Settings
from tests.pipeline.local.environments import simulator_environment
from tests.pipeline.local.test_supervisor import is_gone
from tests.servers.namespaces import environment_of
from tests.servers.waiting import wait_for

pytestmark = pytest.mark.starts

STORE_VARIABLES = ("KAFKA_BOOTSTRAP", "TOPIC_PREFIX", "MONGO_URI", "MONGO_DB", "REDIS_HOST", "REDIS_PORT", "REDIS_DB")
NOTHING_BUT_VALKEY = ",".join(name for name in (*SERVERS, *OWN) if name != "valkey")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return simulator_environment(tmp_path / "data")


def run(*words: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline.local", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def status(environment: dict[str, str]) -> dict[str, Any]:
    return report(read_state(Path(environment["DATA_DIR"])), now=time.time())


@contextmanager
def up(environment: dict[str, str], *, expect: str = "") -> Iterator[subprocess.Popen[str]]:
    """A stack of Valkey alone that said ``expect`` and then is ready; killed at the end if it still runs."""
    command = [sys.executable, "-m", "pipeline.local", "--without", NOTHING_BUT_VALKEY]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as stack:
        try:
            assert stack.stdout
            said = list(takewhile(lambda line: "ready, without a page" not in line, stack.stdout))
            assert any(expect in line for line in said), said
            assert stack.poll() is None
            yield stack
        finally:
            stack.kill()


def test_a_stack_is_seen_by_status_and_ended_by_down(environment: dict[str, str]) -> None:
    with up(environment) as stack:
        seen = json.loads(run("status", "--json", environment=environment).stdout)
        assert seen["running"]
        assert seen["pid"] == stack.pid
        (valkey,) = seen["processes"]
        assert set(valkey) == {"name", "pid", "state", "restarts", "port", "rss_bytes", "uptime_s"}
        assert (valkey["name"], valkey["state"], valkey["restarts"]) == ("valkey", "running", 0)
        assert valkey["rss_bytes"] > 1_000_000
        assert run("down", environment=environment).stdout == "stopped\n"
        assert stack.wait(10) == 0
    assert is_gone(valkey["pid"])
    assert not status(environment)["running"]


def test_a_second_stack_on_one_data_directory_is_refused_in_one_line(environment: dict[str, str]) -> None:
    with up(environment) as stack:
        second = run("up", "--without", NOTHING_BUT_VALKEY, environment=environment)
        assert second.returncode == 1
        assert second.stderr == (
            f"run: a stack already runs on {environment['DATA_DIR']} (pid {stack.pid}); "
            "stop it with ./run down, or set DATA_DIR and start another\n"
        )


def test_two_stacks_side_by_side_move_to_ports_of_their_own(environment: dict[str, str], tmp_path: Path) -> None:
    other = {**environment, "DATA_DIR": str(tmp_path / "other")}
    with up(environment), up(other):
        ports = [status(each)["processes"][0]["port"] for each in (environment, other)]
        assert ports[0] != ports[1]


def test_a_dead_server_comes_back_while_the_stack_runs(environment: dict[str, str]) -> None:
    with up(environment):
        os.kill(status(environment)["processes"][0]["pid"], signal.SIGKILL)
        wait_for(lambda: (row := status(environment)["processes"][0])["restarts"] == 1 and row["state"] == "running")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_stack_and_leaves_no_process(environment: dict[str, str], number: signal.Signals) -> None:
    with up(environment) as stack:
        child = status(environment)["processes"][0]["pid"]
        stack.send_signal(number)
        assert stack.wait(10) == 0
        assert is_gone(child)


def test_a_killed_stack_leaves_no_child_and_the_next_start_is_clean(environment: dict[str, str]) -> None:
    with up(environment) as stack:
        child = status(environment)["processes"][0]["pid"]
        stack.kill()
        stack.wait()
        wait_for(lambda: is_gone(child), within_s=3, what="end of the child")
    seen = status(environment)
    assert (seen["running"], seen["processes"][0]["state"], seen["processes"][0]["pid"]) == (False, "stopped", None)
    with up(environment):
        assert status(environment)["running"]


def test_each_run_of_a_replay_has_a_store_of_its_own(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "day.gz").write_text("")
    replay = {**environment, "SOURCE": f"replay:{tmp_path / 'day.gz'}"}
    with up(replay):
        (store,) = (tmp_path / "data" / "replay").iterdir()
        run("down", environment=replay)
    (store / "kept").write_text("ids of the first run")
    with up(replay, expect=f"replay: emptied {store}, where an earlier run of it was kept"):
        assert not (store / "kept").exists()
        assert (store / "valkey").exists()


def test_a_port_that_was_set_and_is_taken_is_one_line(environment: dict[str, str], tmp_path: Path) -> None:
    with up(environment):
        valkey = status(environment)["processes"][0]
        port, holder = valkey["port"], f"valkey-server (pid {valkey['pid']})"
        other = {**environment, "DATA_DIR": str(tmp_path / "other"), "REDIS_PORT": str(port)}
        refused = run("up", "--without", NOTHING_BUT_VALKEY, environment=other)
    assert refused.returncode == 1
    assert refused.stderr == (
        f"run: REDIS_PORT is {port}, and that port is taken by {holder}; free it, or set another or none\n"
    )


def test_wipe_deletes_what_the_stack_wrote_and_nothing_else(environment: dict[str, str]) -> None:
    root = Path(environment["DATA_DIR"])
    with up(environment):
        run("down", environment=environment)
    (root / "a letter.txt").write_text("mine")
    refused = run("down", "--wipe", environment=environment)
    assert refused.returncode == 1
    assert (root / "sim" / "valkey").exists()
    assert run("down", "--wipe", "--yes", environment=environment).returncode == 0
    assert not (root / "sim" / "valkey").exists()
    assert not (root / "logs").exists()
    assert (root / "a letter.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("left_out", "foreign", "variable"),
    [("valkey", "mongod", "MONGO_DB"), ("mongod", "valkey", "REDIS_DB"), ("mongod,valkey", "kafka", "KAFKA_BOOTSTRAP")],
)
def test_a_foreign_store_is_refused_before_any_stage_starts_whatever_else_is_left_out(
    environment: dict[str, str], namespace: Settings, left_out: str, foreign: str, variable: str
) -> None:
    claim_stores(namespace, mark="binance", stores={foreign})
    servers = {name: value for name, value in environment_of(namespace).items() if name in STORE_VARIABLES}
    parts = f"{left_out},exchange,web,push"
    refused = run("up", "--without", parts, environment={**environment, **servers})
    assert refused.returncode == 1
    assert f"holds data of binance, and this start reads simulator:seed=1; nothing was touched: set {variable}" in (
        refused.stderr
    )
    assert not (Path(environment["DATA_DIR"]) / "logs" / "ingest.log").exists()


def test_a_copied_record_is_nobodys_stack_and_a_start_beside_it_harms_no_other(
    environment: dict[str, str], tmp_path: Path
) -> None:
    copy = {**environment, "DATA_DIR": str(tmp_path / "copy")}
    with up(environment) as stack:
        shutil.copytree(environment["DATA_DIR"], copy["DATA_DIR"])
        pid = status(environment)["processes"][0]["pid"]
        assert not status(copy)["running"]
        assert run("down", environment=copy).stdout == f"no stack runs on {copy['DATA_DIR']}\n"
        with up(copy):
            assert status(copy)["processes"][0]["pid"] != pid
        assert not is_gone(pid)
        assert stack.poll() is None
    assert run("down", "--wipe", "--yes", environment=copy).returncode == 0
    assert (Path(environment["DATA_DIR"]) / "sim" / "valkey").exists()
    assert not (Path(copy["DATA_DIR"]) / "sim" / "valkey").exists()


def test_wipe_finds_the_data_of_every_source_where_no_record_says_which(environment: dict[str, str]) -> None:
    root = Path(environment["DATA_DIR"])
    for folder in ("mongod", "sim/mongod", "replay/a-day/kafka", "letters"):
        (root / folder).mkdir(parents=True)
    assert run("down", "--wipe", "--yes", environment=environment).returncode == 0
    assert [(root / name).exists() for name in ("mongod", "sim/mongod", "replay/a-day/kafka", "letters")] == [
        False, False, False, True
    ]  # fmt: skip


def test_a_record_that_is_deleted_under_a_stack_comes_back_and_keeps_others_out(environment: dict[str, str]) -> None:
    with up(environment) as stack:
        valkey = status(environment)["processes"][0]["pid"]
        shutil.rmtree(Path(environment["DATA_DIR"]) / "run")
        os.kill(valkey, signal.SIGKILL)
        wait_for(lambda: row_in(environment, "running"), within_s=20, what="the record of another life")
        second = run("up", "--without", NOTHING_BUT_VALKEY, environment=environment)
        assert second.stderr.startswith(f"run: a stack already runs on {environment['DATA_DIR']} (pid {stack.pid})")


@pytest.mark.parametrize("folder", ["~nobody-of-that-name/x", "n" * 300])
@pytest.mark.parametrize("name", ["up", "status", "down"])
def test_a_data_directory_that_is_no_folder_is_one_line(environment: dict[str, str], folder: str, name: str) -> None:
    refused = run(name, environment={**environment, "DATA_DIR": folder})
    assert refused.stderr.startswith(f"run: DATA_DIR is {folder!r}, which is no folder (")
    assert refused.stderr.count("\n") == 1


def test_two_ports_of_one_stack_that_are_the_same_are_called_so(environment: dict[str, str]) -> None:
    with closing(PortBook()) as ports:
        port = str(ports.any())
    refused = run("up", environment={**environment, "HTTP_PORT": port, "PUSH_PORT": port})
    assert refused.stderr == (
        f"run: PUSH_PORT is {port}, and that port is another one of this stack; free it, or set another or none\n"
    )


def test_a_part_nobody_knows_is_one_line_with_those_there_are(environment: dict[str, str]) -> None:
    refused = run("up", "--without", "kafak", environment=environment)
    assert refused.stderr.startswith("run: --without kafak: no such process; there are mongod, valkey, kafka")
    assert refused.returncode == 1


def test_a_setting_that_is_off_is_one_line_that_names_it(environment: dict[str, str]) -> None:
    refused = run("up", environment={**environment, "HISTORY_DAYS": "a week"})
    assert refused.stderr == "run: HISTORY_DAYS is 'a week'; expected a whole number from 0\n"


def test_a_data_directory_that_cannot_be_made_is_one_line(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused = run("up", environment={**environment, "DATA_DIR": str(tmp_path / "file")})
    assert refused.stderr.startswith(f"run: {tmp_path / 'file'} can't be written (")
    assert refused.stderr.count("\n") == 1


def test_a_process_in_a_crash_loop_is_given_up_and_status_shows_its_last_lines(environment: dict[str, str]) -> None:
    with up(environment) as stack:
        killed: set[int] = set()
        while len(killed) < CRASH_LIMIT:
            row = wait_for(lambda: running_row(environment, but=killed), within_s=30, what="another life")
            os.kill(row["pid"], signal.SIGKILL)
            killed.add(row["pid"])
        failed = wait_for(lambda: row_in(environment, "failed"), within_s=30, what="the end of trying")
        shown = run("status", environment=environment).stdout
        assert (failed["pid"], failed["restarts"]) == (None, CRASH_LIMIT - 1)
        assert failed["cause"] == "ended by SIGKILL"
        assert "valkey failed: ended by SIGKILL" in shown
        assert f"    {failed['last_lines'][-1]}" in shown
        assert f"logs in {environment['DATA_DIR']}/logs" in shown
        assert stack.poll() is None


def row_in(environment: dict[str, str], state: str) -> dict[str, Any] | None:
    return next((row for row in status(environment)["processes"] if row["state"] == state), None)


def running_row(environment: dict[str, str], *, but: set[int]) -> dict[str, Any] | None:
    row = row_in(environment, "running")
    return row if row and row["pid"] not in but else None


def test_an_open_door_ends_the_start_in_one_line(environment: dict[str, str], namespace: Settings) -> None:
    servers = {name: value for name, value in environment_of(namespace).items() if name in STORE_VARIABLES}
    parts = "exchange,ingest,cache,archive,push"
    refused = run("up", "--without", parts, environment={**environment, **servers, "HTTP_HOST": "0.0.0.0"})
    assert refused.returncode == 1
    assert refused.stderr == (
        "run: web does not start: HTTP_HOST is 0.0.0.0, which others can reach, and there are no credentials: "
        "set ALLOW_ANONYMOUS=1 to serve everybody, or HTTP_HOST=127.0.0.1\n"
    )


def test_status_where_nothing_runs_says_how_to_start(environment: dict[str, str]) -> None:
    assert "start one with ./run" in run("status", environment=environment).stdout
    assert status(environment) == {"running": False, "processes": []}


def test_every_command_explains_itself() -> None:
    group = command_line
    words = [[], *([name] for name in group.list_commands(Context(group)))]
    words += [["keys", name] for name in ("create", "list", "revoke")]
    for each in words:
        for option in ("-h", "--help"):
            said = CliRunner().invoke(command_line, [*each, option], prog_name="./run").output
            assert said.startswith(f"Usage: {' '.join(['./run', *each])} "), each


def test_a_stage_takes_the_servers_of_the_running_stack(environment: dict[str, str]) -> None:
    with up(environment):
        port = status(environment)["processes"][0]["port"]
        completed = stage_environment({**environment, "SOURCE": "auto", "KAFKA_TOPIC": "mine"})
    assert completed["REDIS_PORT"] == str(port)
    assert completed["SOURCE"] == "simulator"
    assert completed["KAFKA_TOPIC"] == "mine"


def test_a_pid_that_now_belongs_to_another_process_is_not_ours_to_end(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    me = ProcessRecord(name="kafka", pid=os.getpid(), state="running", restarts=0, port=1, started_at=1.0)
    write_state(tmp_path, StackRecord(pid=os.getpid(), started_at=1.0, source="binance", data_dir="", processes=(me,)))
    stack = read_state(tmp_path)
    assert stack
    assert not stack.is_running
    assert end_orphans(stack.processes) == []


@pytest.mark.parametrize(
    "text",
    ['{"pid": 1, "proc', '"x"', "[]", '{"processes": 1}', '{"processes": [], "pid": "a", "started_at": 1}',
     '{"processes": [], "pid": -5, "started_at": 1, "source": "", "data_dir": ""}', "\0"],
)  # fmt: skip
def test_a_record_that_is_torn_or_garbled_is_no_record(tmp_path: Path, text: str) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "stack.json").write_text(text)
    assert read_state(tmp_path) is None


def test_a_folder_in_the_records_place_is_no_record(tmp_path: Path) -> None:
    (tmp_path / "run" / "stack.json").mkdir(parents=True)
    assert read_state(tmp_path) is None
