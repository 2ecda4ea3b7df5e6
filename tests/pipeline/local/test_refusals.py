"""What can keep ``./run up`` from starting, each provoked: one line that says what to do, and nothing left behind."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from bench.orphans import processes_in
from pipeline.local import capacity
from pipeline.local.kafka import WAY_OUT as KAFKA_WAY_OUT
from pipeline.local.mongod import WAY_OUT as MONGOD_WAY_OUT
from pipeline.local.processes import OWN, SERVERS
from pipeline.local.state import lock_root
from tests.pipeline.local.alone import (
    file_over,
    files_in,
    in_world,
    one_line,
    read_only_disk,
    small_disk,
)
from tests.pipeline.local.environments import simulator_environment
from tests.pipeline.local.test_exchange import answering
from tests.servers.waiting import wait_for

pytestmark = pytest.mark.starts

NOT_DATA = ("run/lock", "run/stack.json", "logs/")


def only(*parts: str) -> tuple[str, str]:
    """The options of a start with no other part than these."""
    return "--without", ",".join(name for name in (*SERVERS, *OWN) if name not in parts)


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[dict[str, str]]:
    """An environment on a data directory that must be left without a process and without a lock."""
    root = tmp_path / "data"
    yield simulator_environment(root)
    assert processes_in(root) == []
    if root.is_dir():
        lock_root(root).close()


def start(*words: str, environment: dict[str, str], world: Sequence[str] = ()) -> "subprocess.CompletedProcess[str]":
    command = [*world, sys.executable, "-m", "pipeline.local", "up", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def written(environment: dict[str, str]) -> list[str]:
    """What a start has written that is not its record, its lock or a log."""
    return [name for name in files_in(Path(environment["DATA_DIR"])) if not name.startswith(NOT_DATA)]


def a_java(folder: Path, version: str) -> Path:
    java = folder / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2024-01-01' >&2\n")
    java.chmod(0o755)
    return java


def test_no_java(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    for name in ("sh", "mount"):
        (tmp_path / "bin" / name).symlink_to(shutil.which(name) or name)
    world = [
        shutil.which("unshare") or "unshare",
        *in_world("[ ! -d /usr/lib/jvm ] || mount -t tmpfs none /usr/lib/jvm")[1:],
    ]
    done = start(environment={**environment, "PATH": str(tmp_path / "bin")}, world=world)
    assert one_line(done) == (
        "Kafka needs Java 17 or 21 and none was found; install it (Debian, Ubuntu: sudo apt-get install -y "
        "--no-install-recommends openjdk-17-jre-headless)"
    )
    assert written(environment) == []


def test_a_wrong_java(environment: dict[str, str], tmp_path: Path) -> None:
    java = a_java(tmp_path / "old", "11.0.2")
    done = start(environment={**environment, "JAVA_HOME": str(tmp_path / "old")})
    assert one_line(done) == (
        f"{java} is Java 11, expected Java 17 or 21; install openjdk-17-jre-headless and point JAVA_HOME at it, "
        "or unset JAVA_HOME"
    )
    assert written(environment) == []


def test_a_set_port_that_is_taken_names_who_holds_it(environment: dict[str, str]) -> None:
    with answering(200) as place:
        port = place.partition(":")[2]
        done = start(environment={**environment, "HTTP_PORT": port})
    said = one_line(done)
    assert said.startswith(f"HTTP_PORT is {port}, and that port is taken by ")
    assert f"(pid {os.getpid()}); free it, or set another or none" in said
    assert written(environment) == []


def test_a_host_that_is_no_address_of_this_machine(environment: dict[str, str]) -> None:
    done = start(environment={**environment, "HTTP_HOST": "192.0.2.1", "ALLOW_ANONYMOUS": "1"})
    assert one_line(done).startswith("HTTP_HOST is 192.0.2.1, where nothing can listen: ")


def test_a_disk_too_full_for_a_new_data_directory(environment: dict[str, str], tmp_path: Path) -> None:
    done = start(
        environment=environment, world=in_world(f"mkdir {tmp_path}/data", small_disk(tmp_path / "data", "50m"))
    )
    said = one_line(done)
    need = f"a stack's data needs about {capacity.DATA_MB} MB of disk"
    assert said.startswith(f"{need} and {tmp_path}/data has ")
    assert said.endswith(" MB left; free some, or set DATA_DIR to a place with more")


def test_a_disk_that_fills_up_while_it_runs_ends_the_stack_in_good_order(
    environment: dict[str, str], tmp_path: Path
) -> None:
    world = in_world(f"mkdir -p {tmp_path}/data", small_disk(tmp_path / "data", "500m"))
    with running(*only("valkey"), environment=environment, world=world) as stack:
        inside = Path(f"/proc/{stack.pid}/root{tmp_path}/data")
        with (inside / "other people's").open("wb") as file:
            file.write(b"x" * (450 << 20))
        said = stack.communicate(timeout=60)
    assert stack.returncode == 1
    assert said[1].startswith(f"run: stopped, because {tmp_path}/data")
    assert said[1].endswith(" MB left; free some, or set DATA_DIR to a place with more, and start again\n")
    assert "valkey stopped" in said[0]


def test_a_disk_that_is_full_at_one_blow_is_named_and_every_server_is_stopped(
    environment: dict[str, str], tmp_path: Path
) -> None:
    world = in_world(f"mkdir -p {tmp_path}/data", small_disk(tmp_path / "data", "500m"))
    with running(*only("mongod", "valkey", "kafka"), environment=environment, world=world) as stack:
        inside = Path(f"/proc/{stack.pid}/root{tmp_path}/data")
        with suppress(OSError), (inside / "other people's").open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * (1 << 20))
        said = stack.communicate(timeout=90)
    assert stack.returncode == 1
    assert re.fullmatch(
        rf"run: stopped, because {tmp_path}/data/sim has only \d+ MB left; free some, or set DATA_DIR to a place with "
        r"more, and start again\n",
        said[1],
    )


def test_a_data_directory_with_any_letters_works(environment: dict[str, str], tmp_path: Path) -> None:
    strange = {**environment, "DATA_DIR": str(tmp_path / 'dữ liệu "của" \\tôi 🕯')}
    with running(*only("valkey", "kafka"), environment=strange) as stack:
        stack.terminate()
        assert stack.wait(30) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [Path(strange["DATA_DIR"]).name]
    assert (Path(strange["DATA_DIR"]) / "sim" / "kafka" / "logs" / "meta.properties").exists()


def test_a_data_directory_with_a_comma(environment: dict[str, str], tmp_path: Path) -> None:
    done = start(*only("kafka"), environment={**environment, "DATA_DIR": str(tmp_path / "a,b")})
    said = done.stderr.removeprefix("run: ")
    assert said.endswith("holds a comma, by which Kafka parts folders; set DATA_DIR to another place\n")
    assert not (tmp_path / "a").exists()


def test_a_read_only_data_directory(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    done = start(environment=environment, world=in_world(read_only_disk(tmp_path / "data")))
    assert one_line(done) == f"{tmp_path}/data can't be written (Read-only file system); set DATA_DIR to another"


def test_logs_that_cannot_be_written(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "logs").write_text("a file where a folder is wanted")
    done = start(*only("valkey"), environment=environment)
    assert done.stderr == f"run: {tmp_path}/data/logs can't be written (File exists); set DATA_DIR to another place\n"


def test_too_little_memory(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 4000000 kB\nMemAvailable: 500000 kB\nSwapFree: 0 kB\n")
    done = start(environment=environment, world=in_world(file_over(tmp_path / "meminfo", Path("/proc/meminfo"))))
    need = sum(capacity.RESIDENT_MB.values())
    assert one_line(done) == (
        f"too little memory: this start needs about {need} MB and 512 MB are free; end other programs, leave parts out "
        "(--without web,push,…), or use servers elsewhere (KAFKA_BOOTSTRAP, MONGO_URI, REDIS_HOST)"
    )
    assert written(environment) == []


def test_no_network_for_kafkas_jars(environment: dict[str, str], tmp_path: Path) -> None:
    alone = {**environment, "CANDLESTREAM_CACHE": str(tmp_path / "cache")}
    said = one_line(start(*only("kafka"), environment=alone, world=in_world(network=False)))
    assert said.startswith("Kafka's jars can't be fetched: ")
    assert said.endswith(
        "; check the network or the proxy (HTTPS_PROXY) and start again: the 0 of 46 that came are kept"
    )


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (451, "", "{place} refuses to serve this place (HTTP 451); set BINANCE_REST_URL and BINANCE_WS_URL to hosts "
         "that serve you, or SOURCE=simulator"),
        (200, "<html>", "{place} is answered by something between, a proxy or a log-in page, and not by the exchange; "
         "log in to this network, or set HTTPS_PROXY, or SOURCE=simulator"),
        (407, "", "the proxy before {place} wants a log-in (HTTP 407); put its user and password into HTTPS_PROXY, or "
         "SOURCE=simulator"),
    ],
)  # fmt: skip
def test_an_exchange_that_will_not_serve_this_place(
    environment: dict[str, str], status: int, body: str, said: str
) -> None:
    with answering(status, body) as place:
        insisted = {**environment, "SOURCE": "binance", "BINANCE_REST_URL": f"http://{place}"}
        assert one_line(start(environment=insisted)) == said.format(place=place)
        assert written(environment) == []
        left_open = {**insisted, "SOURCE": "auto"}
        with running(*only("valkey"), environment=left_open, expect="source: simulator, because ") as stack:
            stack.terminate()
            assert stack.wait(20) == 0


def all_but_the_note(folder: Path) -> None:
    """What a half-restored copy looks like: the server would begin anew without a word."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != "claimed":
            path.unlink()


@pytest.mark.parametrize(
    ("damaged", "cause"),
    [
        ("WiredTiger", lambda folder: [path.write_bytes(b"?" * 100) for path in folder.glob("collection-*")]),
        ("what it held is gone", all_but_the_note),
    ],
    ids=["tables-truncated", "files-lost"],
)
def test_a_damaged_mongodb(environment: dict[str, str], damaged: str, cause: Callable[[Path], object]) -> None:
    folder = Path(environment["DATA_DIR"]) / "sim" / "mongod"
    said = said_of_damaged("mongod", folder, cause, environment)
    assert said.startswith(f"mongod does not start: its data in {folder} is damaged")
    assert MONGOD_WAY_OUT in said
    assert damaged in said


@pytest.mark.parametrize(
    ("damaged", "cause"),
    [
        ("node ID not found", lambda folder: (folder / "logs" / "meta.properties").write_text("garbage")),
        (
            "what it held is gone",
            lambda folder: [log.write_bytes(b"?" * 4096) for log in folder.glob("logs/__cluster_metadata-0/*.log")],
        ),
    ],
    ids=["properties-garbled", "metadata-garbled"],
)
def test_a_damaged_kafka(environment: dict[str, str], damaged: str, cause: Callable[[Path], object]) -> None:
    folder = Path(environment["DATA_DIR"]) / "sim" / "kafka"
    said = said_of_damaged("kafka", folder, cause, environment)
    assert said.startswith(f"kafka does not start: its data in {folder} is damaged")
    assert KAFKA_WAY_OUT in said
    assert damaged in said


def said_of_damaged(part: str, folder: Path, cause: Callable[[Path], object], environment: dict[str, str]) -> str:
    """What a start says after ``part`` ran once and its data was damaged; the way out must work."""
    started(part, environment)
    cause(folder)
    said = one_line(start(*only(part), environment=environment))
    folder.rename(folder.with_name("moved away"))
    started(part, environment)
    return said


def started(part: str, environment: dict[str, str]) -> None:
    """One start and one stop of a part alone."""
    with running(*only(part), environment=environment) as stack:
        stack.terminate()
        assert stack.wait(30) == 0


@contextmanager
def running(
    *words: str, environment: dict[str, str], world: Sequence[str] = (), expect: str = ""
) -> Iterator["subprocess.Popen[str]"]:
    """A start that is ready, having said ``expect``; killed at the end if it still runs."""
    command = [*world, sys.executable, "-m", "pipeline.local", "up", *words]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True) as stack:
        try:
            assert stack.stdout
            said = list[str]()
            while "ready, without a page" not in (line := stack.stdout.readline()):
                assert line, (said, stack.stderr.read() if stack.stderr else "")
                said.append(line)
            assert any(expect in line for line in said), said
            yield stack
        finally:
            if stack.poll() is None:
                stack.send_signal(signal.SIGKILL)
    wait_for(lambda: processes_in(Path(environment["DATA_DIR"])) == [], within_s=5, what="the end of its children")
