"""What a stack says of itself to other commands: one file in its data directory, and the lock that keeps it alone."""

import fcntl
import json
import os
import signal
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import psutil

from pipeline.domain.faults import MisconfiguredError
from pipeline.local.child import Child
from pipeline.local.places import DEFAULT_ROOT

_SAME_START_S = 1.0
"""Two readings of one process's start time lie closer than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessRecord:
    """One process as the supervisor last saw it; ``started_at`` and ``created`` are epoch seconds."""

    name: str
    pid: int | None
    state: str
    restarts: int
    port: int | None
    started_at: float
    cause: str = ""

    @classmethod
    def of(cls, child: Child) -> "ProcessRecord":
        """The record of a supervised process."""
        return cls(
            name=child.spec.name, pid=child.pid, state=child.state.value, restarts=child.restarts,
            port=child.spec.port, started_at=child.created, cause=child.cause or child.last_end,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class StackRecord:
    """A stack: its supervisor, what it reads, where it writes, the environment its processes were given."""

    pid: int
    started_at: float
    source: str
    data_dir: str
    root: str = DEFAULT_ROOT
    url: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    processes: tuple[ProcessRecord, ...] = ()

    @property
    def is_running(self) -> bool:
        """Whether its supervisor lives (a pid given to another process since then does not count)."""
        return is_alive(self.pid, self.started_at)


def is_alive(pid: int | None, started_at: float) -> bool:
    """Whether ``pid`` is still the process that began at ``started_at``."""
    with suppress(psutil.Error):
        process = psutil.Process(pid) if pid else None
        return bool(
            process
            and abs(process.create_time() - started_at) < _SAME_START_S
            and process.status() != psutil.STATUS_ZOMBIE
        )
    return False


def logs_of(root: Path) -> Path:
    """Where the processes of a stack on ``root`` write what they print."""
    return root / "logs"


def state_file(root: Path) -> Path:
    """Where a stack on ``root`` writes its record."""
    return root / "run" / "stack.json"


def write_state(root: Path, record: StackRecord) -> None:
    """Replace the record in one step; only its owner may read it, for it may hold a password."""
    path = state_file(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.new")
    with open(fresh, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        json.dump(asdict(replace(record, root=str(root))), file, indent=1)
    os.replace(fresh, path)


def read_state(root: Path) -> StackRecord | None:
    """The record of the stack last started on ``root``.

    None where there is none, where it is torn, and where it was copied here: it then speaks of another's processes.
    """
    try:
        words: dict[str, Any] = json.loads(state_file(root).read_text())
        processes = tuple(ProcessRecord(**process) for process in words.pop("processes"))
        record = StackRecord(**words, processes=processes)
        known = [(record.pid, record.started_at), *((one.pid, one.started_at) for one in processes)]
        return record if all(_is_process(*one) for one in known) and Path(record.root) == root else None
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _is_process(pid: object, started_at: object) -> bool:
    is_pid = pid is None or (isinstance(pid, int) and pid > 0)
    return is_pid and isinstance(started_at, int | float)


def lock_root(root: Path) -> TextIOWrapper:
    """Hold ``root`` for this process as long as the result is open. Raises MisconfiguredError if another one does."""
    try:
        (root / "run").mkdir(parents=True, exist_ok=True)
        lock = (root / "run" / "lock").open("w")
    except OSError as error:
        raise MisconfiguredError(f"{root} can't be written ({error.strerror}); set DATA_DIR to another") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise _held(root) from error
    other = read_state(root)
    if other and other.is_running and other.pid != os.getpid():  # its lock was deleted under it
        lock.close()
        raise _held(root) from BlockingIOError()
    return lock


def _held(root: Path) -> MisconfiguredError:
    other = read_state(root)
    who = f" (pid {other.pid})" if other and other.is_running else ""
    return MisconfiguredError(
        f"a stack already runs on {root}{who}; stop it with ./run down, or set DATA_DIR and start another"
    )


def end_orphans_on(root: Path) -> list[str]:
    """Kill what the stack last started on ``root`` left running; only for who holds the lock of ``root``."""
    left = read_state(root)
    return end_orphans(left.processes if left else ())


def end_orphans(processes: Iterable[ProcessRecord], *, within_s: float = 10.0) -> list[str]:
    """Kill what a killed supervisor left running, and return the names."""
    left = [one for one in processes if is_alive(one.pid, one.started_at)]
    for one in left:
        with suppress(ProcessLookupError):
            os.killpg(one.pid or 0, signal.SIGKILL)
    deadline = time.monotonic() + within_s
    while any(is_alive(one.pid, one.started_at) for one in left) and time.monotonic() < deadline:
        time.sleep(0.05)
    return [one.name for one in left]
