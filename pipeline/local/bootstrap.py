"""What the ``run`` script starts: makes ``.venv`` ready, once or when the pinned packages changed, and hands over.

Standard library only, any suited Python. It may be killed at any line: ``.venv/.unfinished`` makes the next start begin
the environment anew, from downloads that are kept.
"""

import ast
import fcntl
import hashlib
import os
import platform
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import NoReturn

from pipeline.domain.faults import Fault, MisconfiguredError
from pipeline.lifeline import status_of
from pipeline.local import capacity, doctor, java
from pipeline.local.packages import Venv
from pipeline.local.places import cache_of

ROOT = Path(__file__).parents[2]
COMMANDS = Path(__file__).with_name("commands")
INSTALL_MB, TEST_INSTALL_MB = 550, 500
"""Disk the first start takes for .venv and downloads, and what the packages of the tests take beside them."""
_HELP = ("-h", "--help")
_INTERRUPTED = 130


def main(arguments: Sequence[str]) -> NoReturn:
    """Run ``./run ARGUMENTS``; a fault is one line on standard error and exit status 1."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        os.environ.update(settings_of(ROOT / ".env", os.environ))
        came = make_ready(arguments)
    except Fault as fault:
        sys.exit(f"run: {fault}")
    except KeyboardInterrupt:
        print("run: interrupted; what has come is kept, and ./run goes on from there", file=sys.stderr)
        sys.exit(_INTERRUPTED)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    python = str(_venv().python)
    words = [python, "-m", "pipeline.local", *arguments]
    os.execve(python, words, os.environ | {"CANDLESTREAM_SETUP_BYTES": str(came)})  # noqa: S606 (we become it)


def settings_of(path: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """What the ``.env`` file at ``path`` says that ``environment`` does not; ``$NAME`` stands for a variable.

    Raises MisconfiguredError with the line that is no NAME=value. Nothing in the file is executed.
    """
    lines = path.read_text().splitlines() if path.is_file() else []
    said = (_setting(number, line.strip(), path) for number, line in enumerate(lines, 1))
    return {name: value for name, value in filter(None, said) if name not in environment}


def _setting(number: int, line: str, path: Path) -> tuple[str, str] | None:
    if not line or line.startswith("#"):
        return None
    name, equals, text = line.removeprefix("export ").partition("=")
    try:
        words = shlex.split(text, comments=True)
    except ValueError:  # a quote that does not end
        words = ["", ""]
    if not equals or not name.strip().isidentifier() or len(words) > 1:
        wanted = "expected NAME=value, the value in quotes if it holds a space"
        raise MisconfiguredError(f"{path.name} line {number} is {line!r}; {wanted}")
    value = "".join(words)
    return name.strip(), value if text.strip().startswith("'") else os.path.expandvars(value)


def make_ready(arguments: Sequence[str]) -> int:
    """Install what these arguments need, if it is not there; how many bytes were fetched. Raises Fault."""
    os.environ["CANDLESTREAM_BEGAN"] = str(int(time.time()))
    wanted = [path for path in _requirements(arguments) if not _is_installed(path)]
    if not wanted:
        return 0
    if set(arguments) & set(_HELP):
        sys.exit(print(usage(), end=""))
    if arguments[:1] == ["doctor"]:
        sys.exit(doctor.main(arguments[1:]))
    if (system := (platform.system(), platform.machine())) != ("Linux", "x86_64"):
        raise MisconfiguredError(f"runs on Linux x86-64; this is {' '.join(system)}")
    return _install(wanted, arguments)


def usage() -> str:
    """The commands, each with the first sentence of its help, read without running any of them."""
    rows = ((path.stem, _help_of(path)) for path in sorted(COMMANDS.glob("[a-z]*.py")))
    lines = "".join(f"  {name:<9}  {words}\n" for name, words in rows)
    return (
        "Usage: ./run [COMMAND] [OPTIONS]\n\nCandlestream on this machine: a crypto market from the exchange to the "
        "screen. Without a command it does what `up`\ndoes. Settings come from the environment; .env.example lists "
        f"them.\n\nCommands (the options of each are shown once ./run has installed its packages):\n{lines}"
    )


def _help_of(path: Path) -> str:
    tree = ast.parse(path.read_text())
    function = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "command")
    return (ast.get_docstring(function) or "").split("\n\n")[0].replace("\n", " ")


def _requirements(arguments: Sequence[str]) -> list[Path]:
    names = ["requirements.txt", *(["requirements-dev.txt"] if arguments[:1] == ["test"] else [])]
    return [ROOT / name for name in names]


def _venv() -> Venv:
    return Venv(ROOT / ".venv", cache_of(os.environ))


def _stamp(requirements: Path) -> Path:
    return _venv().folder / (".test-packages" if "dev" in requirements.stem else ".packages")


def _is_installed(requirements: Path) -> bool:
    stamp, venv = _stamp(requirements), _venv()
    if (venv.folder / ".unfinished").exists() or not os.access(venv.python, os.X_OK) or not stamp.exists():
        return False
    digest, _, held = stamp.read_text().strip().partition(" ")
    return digest == _digest(requirements) and venv.held() >= int(held or 0)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _install(wanted: Sequence[Path], arguments: Sequence[str]) -> int:
    _require_room(wanted, arguments)
    with _alone():
        venv, came = _venv(), 0
        unfinished = venv.folder / ".unfinished"
        for requirements in wanted:
            if _is_installed(requirements):  # by the one we waited for
                continue
            _make(venv)
            _say(f"installing {requirements.name}")
            came += venv.install(requirements)
            _stamp(requirements).write_text(f"{_digest(requirements)} {venv.held()}\n")
            unfinished.unlink()
    return came


def _require_room(wanted: Sequence[Path], arguments: Sequence[str]) -> None:
    """Say what is missing before anything is fetched. Raises MisconfiguredError."""
    if not capacity.is_writable(ROOT):
        raise MisconfiguredError(f"{ROOT} can't be written; clone to a directory of yours and start ./run there")
    if find_spec("venv") is None or find_spec("ensurepip") is None:
        raise MisconfiguredError(
            f"{sys.executable} cannot make virtual environments; install its venv module (Debian: apt-get install "
            "python3-venv)"
        )
    if _starts_kafka(arguments):
        java.require_java(os.environ)
    need = sum(TEST_INSTALL_MB if "dev" in path.stem else INSTALL_MB for path in wanted)
    fetched = capacity.size_mb(_venv().cache) if len(wanted) == len(_requirements(arguments)) else 0
    way_out = "free some, or clone to a larger disk"
    capacity.require_disk(ROOT, max(50, need - fetched), what="the installation", way_out=way_out)


def _starts_kafka(arguments: Sequence[str]) -> bool:
    starts = not arguments or arguments[0] == "up" or arguments[0].startswith("-")
    elsewhere = os.environ.get("KAFKA_BOOTSTRAP") or os.environ.get("KAFKA_BROKER")
    return starts and not elsewhere and not any("kafka" in word for word in arguments)


def _make(venv: Venv) -> None:
    """An environment to install into: the one there is, or a new one where that is broken or none."""
    unfinished = venv.folder / ".unfinished"
    if unfinished.exists() or not os.access(venv.python, os.X_OK):
        if venv.folder.exists():
            shutil.rmtree(venv.folder)
        venv.folder.mkdir()
        unfinished.touch()
        _say(f"making .venv with {sys.executable}")
        if status_of([sys.executable, "-m", "venv", str(venv.folder)]):
            raise MisconfiguredError(f"{sys.executable} could not make {venv.folder}; see the lines above")
    unfinished.touch()


@contextmanager
def _alone() -> Iterator[None]:
    """Hold the installation against another start of this clone."""
    folder = ROOT / ".cache"
    folder.mkdir(exist_ok=True)
    with (folder / "venv.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            _say("another ./run is installing; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main(sys.argv[1:])
