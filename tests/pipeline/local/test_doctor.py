"""Doctor: each thing a start depends on, found well or not, with what to do about it."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.local import doctor
from pipeline.local.cli import command_line
from pipeline.local.doctor import PORTS, Finding, State, examine, report
from tests.pipeline.local.test_exchange import answering

AWAY = {"BINANCE_REST_URL": "http://127.0.0.1:1", "BINANCE_WS_URL": "ws://127.0.0.1:1"}


@contextmanager
def listening() -> Iterator[str]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield str(listener.getsockname()[1])


def found(check: str, tmp_path: Path, **environment: str) -> Finding:
    """What doctor says of one thing, on a data directory of its own."""
    whole = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path / "data"), **AWAY, **environment}
    return next(finding for finding in examine(whole) if finding.check == check)


def test_everything_a_start_depends_on_is_looked_at_once(tmp_path: Path) -> None:
    checks = [finding.check for finding in examine({"DATA_DIR": str(tmp_path), **AWAY})]
    assert len(checks) == len(set(checks))
    wanted = {"settings", "system", "Python", "Java", "packages", "data directory", "downloads", "memory"}
    assert wanted | set(PORTS) | {"exchange REST", "exchange stream"} == set(checks)


def test_a_wrong_java_home_is_a_problem_unless_kafka_runs_elsewhere(tmp_path: Path) -> None:
    wrong = found("Java", tmp_path, JAVA_HOME=str(tmp_path))
    assert wrong.state is State.PROBLEM
    assert "openjdk-17-jre-headless" in wrong.advice
    elsewhere = found("Java", tmp_path, JAVA_HOME=str(tmp_path), KAFKA_BOOTSTRAP="127.0.0.1:1")
    assert elsewhere.state is State.NOTE


def test_a_taken_port_is_a_note_where_it_is_the_default_and_a_problem_where_it_was_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listening() as port:
        was_set = found("HTTP_PORT", tmp_path, HTTP_PORT=port)
        monkeypatch.setitem(PORTS, "HTTP_PORT", int(port))
        default = found("HTTP_PORT", tmp_path)
    assert was_set.state is State.PROBLEM
    assert was_set.found.startswith(f"{port} is taken by ")
    assert (default.state, default.found) == (State.NOTE, was_set.found)
    assert default.advice == "a start takes the next free port and says which"


def test_addresses_that_cannot_be_read_are_findings_and_no_tracebacks(tmp_path: Path) -> None:
    kafka = found("KAFKA_BOOTSTRAP", tmp_path, KAFKA_BOOTSTRAP="localhost:abc")
    assert (kafka.state, kafka.advice) == (State.PROBLEM, "write it as host:port")
    assert found("settings", tmp_path, HTTP_PORT="99999").state is State.PROBLEM
    assert found("data directory", tmp_path, DATA_DIR="~nobody-of-that-name/x").state is State.PROBLEM
    checks = [finding.check for finding in examine({"MONGO_URI": "mongodb+srv://u:p@cluster.example/x", **AWAY})]
    assert "MONGO_URI" not in checks


def test_a_setting_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    setting = found("settings", tmp_path, HISTORY_DAYS="a week")
    assert (setting.state, setting.found) == (
        State.PROBLEM, "HISTORY_DAYS is 'a week'; expected a whole number from 0"
    )  # fmt: skip


def test_a_data_directory_that_cannot_be_written_names_its_variable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    folder = found("data directory", tmp_path, DATA_DIR=str(tmp_path / "file" / "data"))
    assert folder.state is State.PROBLEM
    assert folder.advice == "set DATA_DIR to a folder of yours"


def test_a_server_of_the_user_is_asked_for_where_it_was_named(tmp_path: Path) -> None:
    with listening() as port:
        there = found("MONGO_URI", tmp_path, MONGO_URI=f"mongodb://me:secret@127.0.0.1:{port}/x")
    away = found("KAFKA_BOOTSTRAP", tmp_path, KAFKA_BOOTSTRAP="127.0.0.1:1")
    assert (there.state, there.found) == (State.OK, f"127.0.0.1:{port} accepts connections")
    assert (away.state, away.found) == (State.PROBLEM, "127.0.0.1:1 accepts no connection")


def test_an_exchange_that_refuses_this_place_is_a_problem_only_for_who_insists_on_it(tmp_path: Path) -> None:
    with answering(451) as place:
        left_open = found("exchange REST", tmp_path, BINANCE_REST_URL=f"http://{place}")
        insisted = found("exchange REST", tmp_path, BINANCE_REST_URL=f"http://{place}", SOURCE="binance")
    assert left_open.state is State.NOTE
    assert insisted.state is State.PROBLEM
    assert "refuses to serve this place (HTTP 451)" in insisted.found
    assert "SOURCE=simulator" in insisted.advice


def test_the_report_has_a_line_a_finding_its_advice_below_and_the_verdict_last() -> None:
    lines = report([Finding("disk", State.OK, "plenty"), Finding("Java", State.PROBLEM, "none", "install one")])
    assert lines == [
        "ok       disk            plenty",
        "PROBLEM  Java            none",
        "                         → install one",
        "1 to mend before ./run can work",
    ]
    assert report([Finding("disk", State.OK, "plenty")])[-1] == "nothing stands in the way of ./run"


@pytest.mark.parametrize(("state", "status"), [(State.OK, 0), (State.NOTE, 0), (State.PROBLEM, 1)])
def test_json_is_one_object_and_the_status_says_whether_a_start_would_work(
    state: State, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "examine", lambda *_, **__: iter([Finding("disk", state, "some", "free some")]))
    done = CliRunner().invoke(command_line, ["doctor", "--json"], prog_name="./run")
    assert done.exit_code == status
    assert json.loads(done.stdout) == {
        "ok": not status,
        "findings": [{"check": "disk", "state": state.value, "found": "some", "advice": "free some"}],
    }
