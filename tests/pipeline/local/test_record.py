"""``./run record`` as a person types it: its one-line errors, and what a kill or a full disk leaves."""

import asyncio
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from pipeline.domain.faults import MisconfiguredError
from pipeline.local.cli import command_line
from pipeline.local.commands.record import destination, exchange_settings, seconds_of
from pipeline.local.state import StackRecord, write_state
from pipeline.simulator.mischief import Kind, Order
from pipeline.simulator.replay.formats import Line, read_recording
from pipeline.simulator.server import Exchange
from tests.pipeline.recordings import environment_of, seeded
from tests.servers.waiting import until

NOON = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
RECORD = (sys.executable, "-m", "pipeline.local", "record")
KINDS = {"kline_1m", "depth@100ms", "trade", "bookTicker"}
READABLE_UP_TO_S = 2.0
"""One second, and as much again for a busy machine."""


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    async with Exchange(seeded()).serving() as one:
        yield one


@pytest.fixture
def environment(exchange: Exchange, tmp_path: Path) -> dict[str, str]:
    return {**os.environ, **environment_of(exchange), "DATA_DIR": str(tmp_path / "data")}


def lines_so_far(path: Path) -> list[Line]:
    """What can be read of a recording that may have just begun."""
    with suppress(MisconfiguredError):
        return read_recording(str(path))
    return []


def kinds_in(path: Path) -> set[str]:
    return {line.stream.partition("@")[2] for line in lines_so_far(path)}


async def start(
    *words: str, environment: dict[str, str], limits: Callable[[], None] | None = None
) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(*words, env=environment, stdout=pipe, stderr=pipe, preexec_fn=limits)


async def ended(process: asyncio.subprocess.Process) -> tuple[int, str, str]:
    """Exit status, standard output, standard error."""
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_sigterm_ends_it_with_one_line_that_says_how_to_replay_it(
    environment: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "day.gz"
    process = await start(*RECORD, str(path), environment=environment)
    await until(lambda: kinds_in(path) >= KINDS, within_s=30, what="every kind of stream")
    process.send_signal(signal.SIGTERM)
    status, out, _ = await ended(process)
    assert (status, out.count("\n")) == (0, 1)
    assert all(f"{kind} " in out for kind in KINDS)
    assert f"replay it with SOURCE=replay:{path} ./run" in out


async def test_it_stops_by_itself_after_the_time_it_was_given(environment: dict[str, str], tmp_path: Path) -> None:
    status, out, _ = await ended(
        await start(*RECORD, f"{tmp_path}/days/", "--for", "1s", "--symbols", "ETHUSDT", environment=environment)
    )
    (path,) = (tmp_path / "days").iterdir()
    assert (status, f"SOURCE=replay:{path} ./run" in out) == (0, True)
    assert {line.stream.partition("@")[0] for line in read_recording(str(path)) if line.stream} == {"ethusdt"}


@pytest.mark.parametrize("name", ["day.gz", "day.txt"])
async def test_a_kill_at_any_moment_leaves_what_came_up_to_a_second_before(
    environment: dict[str, str], tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    process = await start(*RECORD, str(path), environment=environment)
    await until(lambda: len(lines_so_far(path)) > 60, within_s=30, what="a recording")
    process.kill()
    killed_ns = time.time_ns()
    await process.wait()
    lines = read_recording(str(path))
    assert killed_ns - max(line.received_ns for line in lines) < READABLE_UP_TO_S * 1e9


@pytest.mark.parametrize("name", ["day.gz", "day.txt"])
async def test_a_file_that_may_grow_no_further_ends_it_with_one_line_and_stays_readable(
    environment: dict[str, str], tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    bound = 60_000 if name.endswith(".gz") else 200_000
    process = await start(
        *RECORD,
        str(path),
        environment=environment,
        limits=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (bound, bound)),
    )
    status, out, err = await ended(process)
    assert (status, out) == (1, "")
    line = err.splitlines()[-1]
    kept = len(path.read_bytes().splitlines()) if name.endswith(".txt") else None
    assert line.startswith(f"run: {path} can't be written any further (File too large); its {kept or ''}")
    assert "record on into another file" in line
    assert path.stat().st_size <= bound
    assert len(read_recording(str(path))) > 20


async def test_a_full_disk_ends_it_with_one_line_and_what_came_before_is_kept(
    environment: dict[str, str], tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = f"mount -t tmpfs -o size=64k tmpfs {disk}"
    if not shutil.which("unshare") or subprocess.run(["unshare", "-m", "sh", "-c", mount], check=False).returncode:
        pytest.skip("a mount namespace with a small tmpfs is not permitted here")
    script = f'{mount} && "$@" {disk}/day.gz; status=$?; cp {disk}/day.gz {tmp_path}/kept.gz; exit $status'
    process = await start("unshare", "-m", "sh", "-c", script, "sh", *RECORD, environment=environment)
    status, _, err = await ended(process)
    assert status == 1
    assert "can't be written any further (No space left on device); its " in err.splitlines()[-1]
    assert len(read_recording(str(tmp_path / "kept.gz"))) > 20


def test_a_recording_that_is_there_is_refused_and_untouched(tmp_path: Path) -> None:
    path = tmp_path / "day.gz"
    path.write_bytes(b"mine")
    refused = CliRunner().invoke(command_line, ["record", str(path)])
    assert isinstance(refused.exception, MisconfiguredError)
    assert str(refused.exception).startswith(f"{path} is there already and is not written over; name another file")
    assert path.read_bytes() == b"mine"


async def test_a_place_the_exchange_does_not_serve_is_one_line_and_no_file(
    exchange: Exchange, environment: dict[str, str], tmp_path: Path
) -> None:
    exchange.order(Order(kind=Kind.REST, match="exchangeInfo", status=451))
    status, out, err = await ended(await start(*RECORD, f"{tmp_path}/day.gz", environment=environment))
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("run: the exchange answered 451 to /api/v3/exchangeInfo")
    assert "set BINANCE_REST_URL" in err
    assert not (tmp_path / "day.gz").exists()


async def test_a_rehearsal_says_what_would_be_kept_and_where_and_writes_nothing(
    environment: dict[str, str], tmp_path: Path
) -> None:
    status, out, _ = await ended(await start(*RECORD, f"{tmp_path}/new/", "--dry-run", environment=environment))
    assert status == 0
    assert "BTCUSDT, ETHUSDT" in out
    assert f"{tmp_path}/new/20" in out
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("name", ["record", "keys", "logs"])
def test_the_command_explains_itself(name: str) -> None:
    shown = CliRunner().invoke(command_line, [name, "-h"], prog_name="./run").output
    assert shown.startswith(f"Usage: ./run {name} ")


def test_a_folder_gets_a_file_named_after_the_moment(tmp_path: Path) -> None:
    assert destination(str(tmp_path), NOON) == tmp_path / "20261124T120000Z.gz"
    assert destination(f"{tmp_path}/new/", NOON) == tmp_path / "new" / "20261124T120000Z.gz"
    assert destination(f"{tmp_path}/day.txt", NOON) == tmp_path / "day.txt"


def test_a_name_that_could_not_be_replayed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MisconfiguredError, match="holds a comma"):
        destination(f"{tmp_path}/a,b.gz", NOON)


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("10m", 600), ("2h", 7_200), ("1.5H", 5_400)])
def test_durations_are_understood(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["30", "ten minutes", "-5s", "0s", ""])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(MisconfiguredError, match="expected a duration such as 30s, 10m or 2h"):
        seconds_of(text)


def running_stack(root: Path, **environment: str) -> None:
    (root / "run").mkdir(parents=True)
    me = psutil.Process()
    stack = {"SOURCE": "simulator", "DATA_DIR": str(root / "sim"), **environment}
    write_state(
        root,
        StackRecord(
            pid=me.pid, started_at=me.create_time(), source="simulator", data_dir=str(root / "sim"), environment=stack
        ),
    )


def test_the_exchange_of_the_running_stack_is_recorded_unless_another_is_named(tmp_path: Path) -> None:
    running_stack(tmp_path, BINANCE_WS_URL="ws://127.0.0.1:1", BINANCE_REST_URL="http://127.0.0.1:1", SYMBOLS="A,B")
    ours = {"DATA_DIR": str(tmp_path)}
    settings = exchange_settings(ours, None)
    assert (settings.binance_ws_url, settings.symbols) == ("ws://127.0.0.1:1", ("A", "B"))
    assert exchange_settings({**ours, "BINANCE_WS_URL": "ws://x"}, "c").binance_ws_url == "ws://x"
    assert exchange_settings(ours, "c").symbols == ("C",)


def test_without_a_stack_it_is_binance_and_a_simulator_must_run_to_be_recorded(tmp_path: Path) -> None:
    assert "binance" in exchange_settings({"DATA_DIR": str(tmp_path)}, None).binance_ws_url
    with pytest.raises(
        MisconfiguredError, match=r"no stack runs on this DATA_DIR that offers it; start one with ./run"
    ):
        exchange_settings({"DATA_DIR": str(tmp_path), "SOURCE": "simulator"}, None)
