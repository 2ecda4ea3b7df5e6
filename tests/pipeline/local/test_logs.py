"""``./run logs``: the last lines, by process, and what is added to them across the file that moves aside."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner, Result

from pipeline.domain.faults import MisconfiguredError
from pipeline.local.cli import command_line
from pipeline.local.logs import BoundedLog
from pipeline.local.tails import Tail, last_lines
from tests.servers.waiting import wait_for


def logs_of(tmp_path: Path, **texts: str) -> Path:
    folder = tmp_path / "logs"
    folder.mkdir()
    for name, text in texts.items():
        (folder / f"{name}.log").write_text(text)
    return folder


def shown(tmp_path: Path, *words: str) -> Result:
    return CliRunner().invoke(command_line, ["logs", *words], env={"DATA_DIR": str(tmp_path)})


def test_one_log_is_shown_as_it_is(tmp_path: Path) -> None:
    logs_of(tmp_path, web="one\ntwo\nthree\n", push="other\n")
    assert shown(tmp_path, "web", "--lines", "2").output == "two\nthree\n"


def test_several_begin_with_the_name_of_their_process(tmp_path: Path) -> None:
    logs_of(tmp_path, web="a\n", ingest="b\nc\n")
    assert shown(tmp_path).output == "ingest | b\ningest | c\nweb    | a\n"
    assert shown(tmp_path, "web", "ingest", "-n", "1").output == "web    | a\ningest | c\n"


def test_the_file_that_was_moved_aside_fills_up_what_the_new_one_lacks(tmp_path: Path) -> None:
    folder = logs_of(tmp_path, web="four\n")
    (folder / "web.log.1").write_text("one\ntwo\nthree\n")
    assert last_lines(folder / "web.log", 3) == ["two", "three", "four"]
    assert last_lines(folder / "web.log", 1) == ["four"]
    assert last_lines(folder / "web.log", 0) == []


def test_an_unknown_name_is_one_line_with_those_there_are(tmp_path: Path) -> None:
    folder = logs_of(tmp_path, web="", ingest="")
    refused = shown(tmp_path, "wbe").exception
    assert isinstance(refused, MisconfiguredError)
    assert str(refused) == f"wbe has no log in {folder}; there are ingest, web"


def test_where_no_stack_ever_ran_it_says_how_to_start_one(tmp_path: Path) -> None:
    refused = shown(tmp_path).exception
    assert isinstance(refused, MisconfiguredError)
    assert "holds no log; start a stack with ./run" in str(refused)


def test_following_loses_no_line_when_the_log_moves_aside(tmp_path: Path) -> None:
    log = BoundedLog(tmp_path / "web.log", limit=200)
    tail, seen = Tail(log.path), list[str]()
    for number in range(100):
        log.write(b"line %d\n" % number)
        if number % 7 == 0:
            seen += tail.lines()
    seen += tail.lines()
    tail.close()
    assert (tmp_path / "web.log.1").exists()
    assert seen == [f"line {number}" for number in range(100)]


def test_a_line_comes_when_it_is_whole(tmp_path: Path) -> None:
    log = BoundedLog(tmp_path / "web.log")
    tail = Tail(log.path)
    log.write(b"half a li")
    assert tail.lines() == []
    log.write(b"ne\nand")
    assert tail.lines() == ["half a line"]


def test_a_log_that_is_not_there_yet_is_followed_from_its_first_line(tmp_path: Path) -> None:
    tail = Tail(tmp_path / "web.log")
    assert tail.lines() == []
    BoundedLog(tmp_path / "web.log").write(b"first\n")
    assert tail.lines() == ["first"]


def test_following_shows_what_comes_new_processes_too_and_ends_without_complaint(tmp_path: Path) -> None:
    folder, out = logs_of(tmp_path, web="before\n"), tmp_path / "out"
    command = [sys.executable, "-m", "pipeline.local", "logs", "--follow"]
    environment = {**os.environ, "DATA_DIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    with out.open("wb") as file, subprocess.Popen(command, env=environment, stdout=file, stderr=file) as process:
        wait_for(lambda: out.read_text() == "before\n", what="the last line")
        BoundedLog(folder / "web.log").write(b"after\n")
        wait_for(lambda: out.read_text() == "before\nafter\n", what="the line that was added")
        BoundedLog(folder / "push.log").write(b"new\n")
        wait_for(lambda: out.read_text().endswith("\npush | new\n"), what="the line of a new process")
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    assert out.read_text() == "before\nafter\npush | new\n"
