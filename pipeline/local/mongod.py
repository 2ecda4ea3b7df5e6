"""MongoDB as a local process: mongod from its Python package, standalone."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from pipeline.domain.faults import MisconfiguredError
from pipeline.local import apt, causes
from pipeline.local.child import ProcessSpec
from pipeline.local.ports import LOOPBACK, is_listening

CACHE_GB = 0.5
_JOURNAL = "log=(prealloc=false,file_max=32MB)"
"""The journal in small files, made when they are needed: by default three of 100 MB lie there from the first start."""
WAY_OUT = "put back a copy, or move that folder away and start again: history is then fetched anew"
"""What to do about damaged data."""
_DAMAGED = (
    r"WT_TRY_SALVAGE|WT_PANIC|WT_ERROR|WiredTiger error|corrupt|Fatal assertion|checksum|"
    r"Unable to read the storage engine metadata|Invalid BSON"
)
"""Words of a mongod that can't read what it wrote."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mongod:
    """A mongod on ``port`` with its data in ``folder``."""

    port: int
    folder: Path
    name: str = "mongod"

    def prepare(self) -> None:
        """Make the folder, and see that mongod runs on this system. Raises MisconfiguredError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        said = _why_not()
        if "libcurl" in said:
            apt.install("libcurl4", why="mongod needs libcurl4")
            said = _why_not()
        if said:
            raise MisconfiguredError(f"mongod does not run here ({said}); point MONGO_URI at a MongoDB server")

    def spec(self) -> ProcessSpec:
        """How the supervisor runs it."""
        return ProcessSpec(
            name=self.name,
            command=(
                str(binary()), "--dbpath", str(self.folder), "--port", str(self.port), "--bind_ip", LOOPBACK,
                "--wiredTigerCacheSizeGB", str(CACHE_GB), "--nounixsocket", "--quiet", "--slowms", "5000",
                "--setParameter", "diagnosticDataCollectionEnabled=false",
                "--wiredTigerEngineConfigString", _JOURNAL,
            ),
            port=self.port,
            probe=self.is_ready,
            explain=self.why_ended,
            ready_within_s=60,
            stop_within_s=20,
        )  # fmt: skip

    def why_ended(self, lines: Sequence[str]) -> str:
        """What its last lines say of an end that no restart will mend, with the next step; else nothing."""
        return causes.explain(
            lines,
            folder=self.folder,
            port=self.port,
            damaged=_DAMAGED,
            way_out=WAY_OUT,
        )

    def is_ready(self) -> bool:
        """Whether it answers a ping."""
        if not is_listening(LOOPBACK, self.port):
            return False
        try:
            with MongoClient[dict[str, object]](LOOPBACK, self.port, serverSelectionTimeoutMS=1000) as client:
                return bool(client.admin.command("ping")["ok"])
        except PyMongoError:
            return False


def binary() -> Path:
    """Where mongod lies. Raises MisconfiguredError if its package is not installed."""
    package = find_spec("fiftyone")
    if package is None or not package.submodule_search_locations:
        raise MisconfiguredError("the package with mongod is not installed; remove .venv and start ./run again")
    return Path(next(iter(package.submodule_search_locations)), "db", "bin", "mongod")


def _why_not() -> str:
    """What keeps mongod from running, or nothing."""
    try:
        done = subprocess.run([binary(), "--version"], capture_output=True, text=True, check=False)
    except OSError as error:  # a disk mounted noexec, a file that is gone
        return f"{binary()}: {error.strerror}"
    return (done.stderr.strip() or f"exit status {done.returncode}") if done.returncode else ""
