"""What the machine has left, disk and memory, and the one line that says so when it is too little.

Standard library only: it is asked before any package is installed.
"""

import errno
import os
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from pipeline.domain.faults import MisconfiguredError

MB = 1_000_000
DATA_MB = 250
"""What a start asks for where its data is to be: a new directory takes about 100 MB in its first minutes."""
AMPLE_MB = 10_000
"""What a stack may come to: Kafka's topics are bounded at 9 GB, the rest is history."""
LOW_MB = 200
"""A running stack says so when less than this is left where its data is."""
STOP_MB = 100
"""A running stack stops in good order when less than this is left, before its servers break on it."""
RESIDENT_MB: Mapping[str, int] = {
    "kafka": 400, "mongod": 210, "valkey": 40, "exchange": 140, "ingest": 110, "cache": 200, "archive": 200,
    "web": 170, "push": 150,
}  # fmt: skip
"""What each process holds in memory once it is busy; all of them together were measured at 1.4 GB."""
_CGROUP_FILES = (
    ("/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
    ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)
"""Where cgroups (version 2, 1) say their bound, their use, and how much of the use is cache that gives way."""
_OUT_OF_ROOM = (errno.ENOSPC, errno.EDQUOT)


def free_bytes(path: Path) -> int:
    """Bytes that may still be written where ``path`` is, or will be."""
    return shutil.disk_usage(standing(path)).free


def free_mb(path: Path) -> int:
    """The same in whole megabytes, as people are told."""
    return free_bytes(path) // MB


def standing(path: Path) -> Path:
    """``path``, or the nearest folder above it that exists."""
    return next(place for place in (path, *path.parents) if place.exists())


def require_disk(path: Path, need_mb: int, *, what: str, way_out: str) -> None:
    """Raises MisconfiguredError where ``path`` has less than ``need_mb`` left for ``what``."""
    left = free_bytes(path)
    if left < need_mb * MB:
        raise MisconfiguredError(
            f"{what} needs about {need_mb} MB of disk and {standing(path)} has {left // MB} MB left; {way_out}"
        )


def disk_fault(error: OSError, path: Path, *, way_out: str) -> MisconfiguredError | None:
    """The fault behind a write to ``path`` that can't succeed (full, read-only, forbidden); None for any other."""
    if error.errno in _OUT_OF_ROOM:
        left = free_mb(path)
        return MisconfiguredError(f"the disk of {standing(path)} is full ({left} MB left); free some, or {way_out}")
    if isinstance(error, PermissionError | NotADirectoryError | FileExistsError) or error.errno == errno.EROFS:
        return MisconfiguredError(f"{path} can't be written ({error.strerror}); {way_out}")
    return None


def available_mb(meminfo: Path = Path("/proc/meminfo")) -> int:
    """Memory that can be had without pushing others out: what the system says, less where a cgroup bounds us."""
    words = (line.split() for line in meminfo.read_text().splitlines())
    kib = {word[0].rstrip(":"): int(word[1]) for word in words if len(word) > 1}
    free_mb = (kib.get("MemAvailable", kib.get("MemFree", 0)) + kib.get("SwapFree", 0)) * 1024 // MB
    return min([free_mb, *_cgroup_room_mb()])


def require_memory(parts: Iterable[str], *, available: int) -> None:
    """Raises MisconfiguredError where ``available`` MB are too little for ``parts``, names of processes."""
    need = sum(RESIDENT_MB.get(part, 0) for part in parts)
    if available < need:
        raise MisconfiguredError(
            f"too little memory: this start needs about {need} MB and {available} MB are free; end other programs, "
            "leave parts out (--without web,push,…), or use servers elsewhere (KAFKA_BOOTSTRAP, MONGO_URI, REDIS_HOST)"
        )


def _cgroup_room_mb() -> list[int]:
    rooms = []
    for folder, limit, usage, cache in _CGROUP_FILES:
        with suppress(OSError, ValueError, StopIteration):  # no such cgroup, or "max": no bound
            bound, used = (int(Path(folder, name).read_text()) for name in (limit, usage))
            lines = Path(folder, "memory.stat").read_text().splitlines()
            gives_way = next(int(line.split()[1]) for line in lines if line.startswith(f"{cache} "))
            rooms.append((bound - used + gives_way) // MB)
    return rooms


def oom_kills(vmstat: Path = Path("/proc/vmstat")) -> int:
    """How many processes the system has killed for lack of memory since it was started; 0 where it does not say."""
    with suppress(OSError):
        for line in vmstat.read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


def is_writable(path: Path) -> bool:
    """Whether a file can be made in ``path``, asked by making one: permission bits do not bind root."""
    probe = standing(path) / f".writable-{os.getpid()}"
    try:
        probe.touch()
        probe.unlink()
    except OSError:
        return False
    return True


def size_mb(folder: Path) -> int:
    """What the files under ``folder`` take on disk, links counted once."""
    seen = {}
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                found = os.lstat(os.path.join(place, name))
                seen[found.st_dev, found.st_ino] = found.st_blocks * 512
    return sum(seen.values()) // MB
