"""The ``run`` script on a fresh clone: it installs once, goes on after any interruption, or says why not."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from bench.orphans import processes_in
from pipeline.local import downloads
from pipeline.local.packages import UV_PIN
from pipeline.local.plan import cache_folder
from tests.pipeline.local.alone import in_world, one_line, read_only_disk, small_disk
from tests.pipeline.local.index import WHEEL, Index, serving_index
from tests.servers.waiting import wait_for

pytestmark = pytest.mark.starts
ROOT = Path(__file__).parents[3]
TOOLS = "bash sh awk cat cut date dirname env ip ln mkdir mount readlink rm sleep unshare".split()
PYTHON = str(Path(sys.base_prefix, "bin", f"python{sys.version_info[0]}.{sys.version_info[1]}"))


@pytest.fixture
def index() -> Iterator[Index]:
    with serving_index() as running:
        yield running


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A fresh clone whose one package is the index's, with uv among its downloads and a Python on its PATH."""
    return make_clone(tmp_path)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone that was started once."""
    folder = make_clone(tmp_path_factory.mktemp("first"))
    with serving_index() as index:
        done = run(folder, "status", environment=environment_of(folder, index))
    assert done.stdout == "handed over with candle status\n", done.stderr
    return folder


@pytest.fixture
def started(first: Path, tmp_path: Path) -> Path:
    """A copy of the clone that was started once."""
    shutil.copytree(first.parent, tmp_path, symlinks=True, dirs_exist_ok=True)
    return tmp_path / "clone"


def make_clone(place: Path) -> Path:
    """A clone, and beside it a ``bin`` and a ``home``."""
    folder = place / "clone"
    folder.mkdir()
    shutil.copy(ROOT / "run", folder / "run")
    shutil.copytree(ROOT / "pipeline", folder / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "pipeline" / "local" / "__main__.py").write_text(
        "import sys, nothing\nprint('handed over with', nothing.WORD, *sys.argv[1:])\n"
    )
    (folder / "requirements.txt").write_text(Index().requirements)
    (folder / ".cache" / "wheels").mkdir(parents=True)
    os.link(uv_wheel(), folder / ".cache" / "wheels" / uv_wheel().name)
    for name in TOOLS:
        if found := shutil.which(name):
            link(place / "bin" / name, found)
    a_program(place / "bin" / "python3", f'exec {PYTHON} "$@"')
    return folder


def uv_wheel() -> Path:
    """The wheel of uv that the start of this very test run has fetched."""
    wheels = cache_folder() / "wheels"
    for wheel in wheels.glob("uv-*.whl"):
        if downloads.sha256(wheel) in UV_PIN.read_text():
            return wheel
    pytest.skip(f"{wheels} holds no wheel of uv: this environment was not made by ./run")


def link(path: Path, to: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(to)


def a_program(path: Path, script: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def environment_of(clone: Path, index: Index | None = None, **other: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name.startswith(("SSL_", "LANG"))}
    home = clone.parent / "home"
    home.mkdir(exist_ok=True)
    return {
        **kept,
        "PATH": str(clone.parent / "bin"),
        "HOME": str(home),
        **(index.environment if index else {}),
        **other,
    }


def run(
    clone: Path, *words: str, environment: Mapping[str, str], world: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    command = [*world, str(clone / "run"), *words]
    path = [shutil.which(command[0]) or command[0], *command[1:]]
    return subprocess.run(path, env=dict(environment), capture_output=True, text=True, timeout=120, check=False)


def test_a_fresh_clone_installs_its_packages_and_hands_over(clone: Path, index: Index) -> None:
    done = run(clone, "status", "--json", environment=environment_of(clone, index))
    assert done.stdout == "handed over with candle status --json\n", done.stderr
    assert [line for line in done.stderr.splitlines() if "making .venv" in line]
    assert not (clone / ".venv" / ".unfinished").exists()
    assert list((clone.parent / "home").iterdir()) == []


def test_a_second_start_asks_nobody_and_says_nothing(started: Path, index: Index) -> None:
    asked = len(index.asked)
    done = run(started, "down", environment=environment_of(started, index))
    assert (done.stdout, done.stderr) == ("handed over with candle down\n", "")
    assert len(index.asked) == asked


def test_an_environment_that_was_deleted_is_made_again_without_a_network(started: Path, index: Index) -> None:
    shutil.rmtree(started / ".venv")
    done = run(started, "status", environment=environment_of(started), world=in_world(network=False))
    assert done.stdout == "handed over with candle status\n", done.stderr


def test_a_start_killed_in_the_middle_of_a_download_leaves_no_process_and_the_next_goes_on_within_the_file(
    clone: Path, index: Index
) -> None:
    index.stops_after = 100_000
    environment = environment_of(clone, index)
    with subprocess.Popen([str(clone / "run"), "status"], env=environment, stderr=subprocess.DEVNULL) as killed:
        part = clone / ".cache" / "wheels" / f"{WHEEL}.part"
        wait_for(lambda: part.exists() and part.stat().st_size == 65_536, within_s=60, what="half a wheel")
        killed.kill()
    wait_for(lambda: processes_in(clone) == [], within_s=3, what="end of all it had started")
    index.stops_after = None
    done = run(clone, "status", environment=environment)
    assert done.stdout == "handed over with candle status\n", done.stderr
    assert [asked for path, asked in index.asked if path.endswith(".whl")][-1] == "bytes=65536-"


def test_a_start_killed_while_uv_asks_the_index_takes_uv_with_it(clone: Path, index: Index) -> None:
    index.holds_page = True
    environment = environment_of(clone, index)
    with subprocess.Popen([str(clone / "run"), "status"], env=environment, stderr=subprocess.DEVNULL) as killed:
        wait_for(lambda: any("/simple/nothing" in path for path, _ in index.asked), within_s=60, what="a question")
        assert [line for line in processes_in(clone) if "/bin/uv pip compile" in line]
        killed.kill()
    wait_for(lambda: processes_in(clone) == [], within_s=3, what="end of all it had started")
    index.holds_page = False
    index.goes_on.set()
    assert run(clone, "status", environment=environment).stdout == "handed over with candle status\n"


def test_a_start_killed_while_it_makes_the_environment_leaves_no_process_and_the_next_begins_it_anew(
    clone: Path, index: Index
) -> None:
    environment = environment_of(clone, index)
    with subprocess.Popen([str(clone / "run"), "status"], env=environment, stderr=subprocess.DEVNULL) as killed:
        wait_for((clone / ".venv" / "bin" / "python").exists, within_s=30, what="half an environment")
        killed.kill()
    wait_for(lambda: processes_in(clone) == [], within_s=15, what="end of all it had started")
    assert (clone / ".venv" / ".unfinished").exists()
    assert run(clone, "status", environment=environment).stdout == "handed over with candle status\n"
    assert not (clone / ".venv" / ".unfinished").exists()


def test_an_interrupted_start_says_that_it_goes_on(clone: Path, index: Index) -> None:
    index.stops_after = 100_000
    with subprocess.Popen(
        [str(clone / "run"), "status"], env=environment_of(clone, index), stderr=subprocess.PIPE, text=True
    ) as stopped:
        wait_for((clone / ".cache" / "wheels" / f"{WHEEL}.part").exists, within_s=60, what="half a wheel")
        stopped.send_signal(signal.SIGINT)
        index.goes_on.set()
        said = stopped.communicate(timeout=60)[1]
    assert stopped.returncode == 130
    assert said.splitlines()[-1] == "run: interrupted; what has come is kept, and ./run goes on from there"
    wait_for(lambda: processes_in(clone) == [], within_s=3, what="end of all it had started")


def test_a_broken_environment_is_made_again(started: Path, index: Index) -> None:
    (started / ".venv" / "bin" / "python").unlink()
    link(started / ".venv" / "bin" / "python", "/no/such/python")
    assert (
        run(started, "status", environment=environment_of(started, index)).stdout == "handed over with candle status\n"
    )


@pytest.mark.parametrize("text", ["garbage [", "", "[[packages]]\nversion = '1'\n"])
def test_a_garbled_list_of_wheels_is_asked_for_anew(clone: Path, index: Index, text: str) -> None:
    (clone / ".cache" / f"pylock.{hashlib.sha256(index.requirements.encode()).hexdigest()[:12]}.toml").write_text(text)
    done = run(clone, "status", environment=environment_of(clone, index))
    assert done.stdout == "handed over with candle status\n", done.stderr


def test_an_environment_that_lost_a_package_is_filled_again(started: Path, index: Index) -> None:
    (package,) = started.glob(".venv/lib/*/site-packages/nothing.py")
    package.unlink()
    shutil.rmtree(package.parent / "nothing-1.dist-info")
    done = run(started, "status", environment=environment_of(started, index))
    assert done.stdout == "handed over with candle status\n", done.stderr


def test_changed_pins_are_installed_before_anything_runs(started: Path, index: Index) -> None:
    (started / "requirements.txt").write_text(f"# changed\n{index.requirements}")
    done = run(started, "status", environment=environment_of(started, index))
    assert "installing requirements.txt" in done.stderr
    assert done.stdout == "handed over with candle status\n"
    assert run(started, "status", environment=environment_of(started, index)).stderr == ""


def test_help_needs_nothing_installed_and_names_every_command(clone: Path, index: Index) -> None:
    done = run(clone, "--help", environment=environment_of(clone, index))
    assert done.returncode == 0
    for path in (ROOT / "pipeline" / "local" / "commands").glob("[a-z]*.py"):
        assert f"\n  {path.stem} " in done.stdout
    assert not (clone / ".venv").exists()
    assert index.asked == []


def test_doctor_needs_nothing_installed(clone: Path, index: Index) -> None:
    environment = environment_of(clone, index, BINANCE_REST_URL="http://127.0.0.1:1", BINANCE_WS_URL="ws://127.0.0.1:1")
    done = run(clone, "doctor", environment=environment)
    assert "packages        not installed yet" in done.stdout
    assert not (clone / ".venv").exists()


def test_the_env_file_fills_in_what_the_environment_does_not_say(started: Path, index: Index) -> None:
    (started / ".env").write_text("MINE='from .env'\nYOURS='from .env'\n")
    (started / "pipeline" / "local" / "__main__.py").write_text(
        "import os\nprint(os.environ['MINE'], os.environ['YOURS'])\n"
    )
    done = run(started, "status", environment=environment_of(started, index, MINE="from the environment"))
    assert done.stdout == "from the environment from .env\n", done.stderr


@pytest.mark.parametrize("line", ["SYMBOLS=BTC USDT", "SOURCE='simulator", "just words", "export"])
def test_an_env_file_that_cannot_be_read_names_its_line(clone: Path, line: str) -> None:
    (clone / ".env").write_text(f"# mine\n{line}\n")
    said = one_line(run(clone, "status", environment=environment_of(clone)))
    assert said == f".env line 2 is {line!r}; expected NAME=value, the value in quotes if it holds a space"


def test_an_env_file_of_another_system_and_with_variables_is_read(started: Path, index: Index) -> None:
    (started / ".env").write_bytes(b"export MINE=\"$HOME/x\" # a comment\r\nYOURS='$HOME'\r\n\r\n")
    program = "import os\nprint(os.environ['MINE'], os.environ['YOURS'])\n"
    (started / "pipeline" / "local" / "__main__.py").write_text(program)
    done = run(started, "status", environment=environment_of(started, index))
    assert done.stdout == f"{started.parent}/home/x $HOME\n", done.stderr


def test_without_a_suited_python_it_says_which_it_found_and_what_to_install(clone: Path) -> None:
    (clone.parent / "bin" / "python3").unlink()
    step = "install one (Debian, Ubuntu: apt-get install python3 python3-venv)"
    none = run(clone, "status", environment=environment_of(clone))
    assert one_line(none) == f"needs Python 3.11 or 3.12 and found none; {step}"
    a_program(clone.parent / "bin" / "python3", "echo 3.9")
    a_program(clone.parent / "bin" / "python", "echo 2.7")
    old = run(clone, "status", environment=environment_of(clone))
    where = clone.parent / "bin"
    assert one_line(old) == f"needs Python 3.11 or 3.12 and found 3.9 at {where}/python3, 2.7 at {where}/python; {step}"


def test_a_python_without_its_venv_module_says_what_to_install(clone: Path) -> None:
    script = (
        "import sys, runpy; sys.modules['ensurepip'] = None; sys.path.insert(0, ''); "
        "runpy.run_module('pipeline.local.bootstrap', run_name='__main__')"
    )
    a_program(
        clone.parent / "bin" / "python3",
        f'[ "$1" = -m ] && {{ shift 2; exec {PYTHON} -c "{script}" "$@"; }}; exec {PYTHON} "$@"',
    )
    said = one_line(run(clone, "status", environment=environment_of(clone)))
    assert said.endswith(
        "cannot make virtual environments; install its venv module (Debian: apt-get install python3-venv)"
    )
    assert not (clone / ".venv").exists()


def test_no_java_is_said_before_anything_is_fetched(clone: Path, index: Index, tmp_path: Path) -> None:
    world = in_world("[ ! -d /usr/lib/jvm ] || mount -t tmpfs none /usr/lib/jvm")
    assert one_line(run(clone, environment=environment_of(clone, index), world=world)) == (
        "Kafka needs Java 17 or 21 and none was found; install it (Debian, Ubuntu: sudo apt-get install -y "
        "--no-install-recommends openjdk-17-jre-headless)"
    )
    assert index.asked == []
    assert not (clone / ".venv").exists()


def test_a_clone_on_a_read_only_disk_is_one_line(clone: Path, index: Index) -> None:
    done = run(clone, "status", environment=environment_of(clone, index), world=in_world(read_only_disk(clone)))
    assert one_line(done) == f"{clone} can't be written; clone to a directory of yours and start ./run there"


def test_a_disk_too_small_for_the_installation_is_one_line_and_nothing_is_fetched(clone: Path, index: Index) -> None:
    copied = f"cp -a {clone} /mnt/kept && {small_disk(clone, '60m')} && cp -a /mnt/kept/. {clone}/"
    world = in_world("mount -t tmpfs none /mnt", copied)
    link(clone.parent / "bin" / "cp", shutil.which("cp") or "cp")
    said = one_line(run(clone, "status", environment=environment_of(clone, index), world=world))
    assert said.startswith("the installation needs about 5")
    assert said.endswith(" MB left; free some, or clone to a larger disk")
    assert index.asked == []


def test_no_network_is_one_line_with_what_to_check(clone: Path, index: Index) -> None:
    done = run(clone, "status", environment=environment_of(clone, index), world=in_world(network=False))
    said = last_of(done)
    assert said.startswith("run: installing the packages failed: the package index does not answer; check the network")
    assert "HTTPS_PROXY" in said
    assert said.endswith("then start ./run again: what has come is kept")
    assert run(clone, "status", environment=environment_of(clone, index)).stdout == "handed over with candle status\n"


@pytest.mark.parametrize("lies", [False, True], ids=["told-by-its-hash", "under-the-pinned-hash"])
def test_a_package_that_is_not_the_pinned_one_is_never_installed(clone: Path, index: Index, lies: bool) -> None:
    index.wheel, index.lies = index.wheel.replace(b"candle", b"condor"), lies
    done = run(clone, "status", environment=environment_of(clone, index))
    assert done.returncode == 1
    assert "sha256" in last_of(done) if lies else "pinned" in last_of(done)
    assert not list(clone.glob(".venv/lib/*/site-packages/nothing.py"))
    assert not list((clone / ".cache" / "wheels").glob("nothing*"))


def last_of(done: subprocess.CompletedProcess[str]) -> str:
    """The last line of a start that had already said what it was doing."""
    assert done.returncode == 1, (done.returncode, done.stdout, done.stderr)
    lines = done.stderr.splitlines()
    assert [line for line in lines if line.startswith("run: ")] == lines[-1:], done.stderr
    return lines[-1]
