"""The first ten minutes of a stranger: a clean clone, an empty home, only the README's commands, under hard conditions.

Each case clones the repository into a place of its own and starts ``./run`` there. Everything is downloaded from the
package registries, so it needs a network; the small disks are mounted, which needs root.
"""

import os
import re
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.machine import machine_now
from bench.orphans import processes_in

ROOT = Path(__file__).parents[1]
ENDS_WITHIN_S = 600.0
GONE_WITHIN_S = 15.0
_LOOK_EVERY_S = 0.01
_KEPT = re.compile(
    r"^(PATH|LANG|LC_.*|TERM|.*_CERT.*|.*CA_BUNDLE.*|SSL_.*|.*_(PROXY|proxy)|PIP_.*|UV_.*|JGO_.*|MAVEN_.*)$"
)
"""What a stranger's environment says: where programs are, the language, and the proxy if there is one."""
_READY = re.compile(r"  ready: (?P<url>\S+) \((?P<source>\w+), (?P<seconds>-?\d+) s, (?P<came>.*)\)")
PARTS: dict[str, Callable[[Path], bool]] = {
    "making .venv": lambda clone: (clone / ".venv" / "bin" / "python").exists(),
    "uv": lambda clone: any((clone / ".cache" / "wheels").glob("uv-*.part")),
    "packages": lambda clone: any(path for path in _parts(clone / ".cache" / "wheels") if "uv-" not in path.name),
    "installing": lambda clone: (clone / ".venv" / "bin" / "flask").exists() and not _stamp(clone).exists(),
    "Kafka's jars": lambda clone: any(_parts(clone / ".cache" / "jars")),
    "first data": lambda clone: any((clone / ".data").glob("**/mongod/WiredTiger*")),
}
"""The stretches of a first start, each with the sign that it is in the middle of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a case ended: with ``ready``, or with the one line that says why not."""

    case: str
    ended: str
    seconds: float
    used_mb: int


def run() -> dict[str, Any]:
    """Play every case; the result as JSON. Raises SystemExit on a start that ends without saying why."""
    before = machine_now()
    print(before.line(), flush=True)
    cases = (
        ("clean clone, empty home", _plain),
        ("ports 8050 and 9092 taken", _taken_ports),
        ("killed in the middle of every stretch", _killed),
        ("interrupted (Ctrl-C) in the middle of every stretch", _interrupted),
        ("1 GB of disk left", _small_disk(1000)),
        ("700 MB of disk left", _small_disk(700)),
        ("300 MB of disk left", _small_disk(300)),
    )
    outcomes = [_played(name, case) for name, case in cases]
    return {"name": "first-start", "machine": before.as_json(), "cases": [asdict(one) for one in outcomes]}


@dataclass(frozen=True, slots=True)
class World:
    """A clone and an empty home."""

    clone: Path
    home: Path

    def start(self) -> "subprocess.Popen[str]":
        """``./run`` as a stranger types it, its words in ``said``."""
        kept = {name: value for name, value in os.environ.items() if _KEPT.fullmatch(name)}
        with self.said.open("a") as output:
            return subprocess.Popen(
                ["./run"], cwd=self.clone, env=kept | {"HOME": str(self.home)}, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, text=True,
            )  # fmt: skip

    @property
    def said(self) -> Path:
        """Where a start's words go."""
        return self.home.parent / "said.log"


def _played(name: str, case: Callable[[Path], str]) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="candlestream-stranger-", ignore_cleanup_errors=True) as folder:
        began = time.monotonic()
        ended = case(Path(folder))
        seconds = round(time.monotonic() - began, 1)
        _await_nobody(Path(folder))
        outcome = Outcome(case=name, ended=ended, seconds=seconds, used_mb=_size_mb(Path(folder)))
    print(f"{name}: {outcome.ended} ({outcome.seconds:.0f} s, {outcome.used_mb} MB on disk)", flush=True)
    return outcome


def _plain(folder: Path) -> str:
    world = _world(folder)
    first = _brought_up(world)
    second = _brought_up(world)
    if "nothing downloaded" not in second:
        raise SystemExit(f"the second start fetched something: {second}")
    left = [path.name for path in world.home.iterdir()]
    return f"{first}; second start: {second}; left in the home: {', '.join(left) or 'nothing'}"


def _taken_ports(folder: Path) -> str:
    with ExitStack() as held:
        for port in (8050, 9092):
            listener = held.enter_context(socket.socket())
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):  # somebody holds it already, which serves as well
                listener.bind(("127.0.0.1", port))
                listener.listen()
        world = _world(folder)
        ended = _brought_up(world)
    moved = re.findall(r"port (?:8050|9092) is taken; \w+ is \d+", world.said.read_text())
    if len(moved) != 2:
        raise SystemExit(f"the start did not say where the taken ports went:\n{world.said.read_text()}")
    return f"{ended}; said: {', '.join(moved)}"


def _killed(folder: Path) -> str:
    return _cut_short(folder, signal.SIGKILL)


def _interrupted(folder: Path) -> str:
    return _cut_short(folder, signal.SIGINT)


def _cut_short(folder: Path, number: signal.Signals) -> str:
    """A first start ended by ``number`` in each stretch in turn, and then left alone."""
    world, caught = _world(folder), list[str]()
    for part, is_in in PARTS.items():
        victim, deadline = world.start(), time.monotonic() + ENDS_WITHIN_S
        while victim.poll() is None and not is_in(world.clone) and not _READY.search(world.said.read_text()):
            if time.monotonic() > deadline:
                break
            time.sleep(_LOOK_EVERY_S)
        if victim.poll() is None and is_in(world.clone):
            caught.append(part)
        victim.send_signal(number)
        victim.wait(60)
        _await_nobody(folder)
    if missed := PARTS.keys() - caught:
        raise SystemExit(f"not caught in the middle of: {', '.join(missed)}")
    return f"{_brought_up(world)}; cut short in the middle of {', '.join(caught)}: nobody left behind"


def _small_disk(size_mb: int) -> Callable[[Path], str]:
    def case(folder: Path) -> str:
        place = folder / "disk"
        place.mkdir()
        with _mounted(place, size_mb):
            world = _world(folder, place)
            return _brought_up(world)

    return case


def _brought_up(world: World) -> str:
    """One start: until it is ready and was stopped, or ended by itself; how it ended."""
    world.said.write_text("")
    stack = world.start()
    deadline = time.monotonic() + ENDS_WITHIN_S
    try:
        while stack.poll() is None and not _READY.search(world.said.read_text()):
            if time.monotonic() > deadline:
                raise SystemExit(f"neither ready nor ended after {ENDS_WITHIN_S:.0f} s:\n{world.said.read_text()}")
            time.sleep(0.1)
    finally:
        if stack.poll() is None:
            stack.send_signal(signal.SIGTERM)
        stack.wait(90)
    return _ending(world.said.read_text(), stack.returncode)


def _ending(said: str, status: int) -> str:
    if ready := _READY.search(said):
        return f"ready in {ready['seconds']} s, {ready['came']}"
    lines = said.strip().splitlines()
    if status == 1 and lines and lines[-1].startswith("run: "):
        return f"said why: {lines[-1]}"
    raise SystemExit(f"it ended with {status} and did not say why:\n{said}")


def _world(folder: Path, place: Path | None = None) -> World:
    """A clean clone of what is committed here, and an empty home."""
    clone, home = (place or folder) / "candlestream", folder / "home"
    home.mkdir()
    subprocess.run(["git", "clone", "-q", "--depth", "1", f"file://{ROOT}", clone], check=True)
    return World(clone, home)


@contextmanager
def _mounted(place: Path, size_mb: int) -> Iterator[None]:
    """A disk of its own with ``size_mb`` left."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "none", place], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", place], check=True)


def _await_nobody(folder: Path) -> None:
    deadline = time.monotonic() + GONE_WITHIN_S
    while left := processes_in(folder):
        if time.monotonic() > deadline:
            raise SystemExit(f"left behind: {left}")
        time.sleep(0.05)


def _parts(folder: Path) -> Sequence[Path]:
    return [path for path in folder.glob("*.part") if path.exists()]


def _stamp(clone: Path) -> Path:
    return clone / ".venv" / ".packages"


def _size_mb(folder: Path) -> int:
    done = subprocess.run(["du", "-sm", folder], capture_output=True, text=True, check=False)
    return int(done.stdout.split()[0])
