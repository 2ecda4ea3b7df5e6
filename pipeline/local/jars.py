"""The pinned jars: which ones, whether they are here and unharmed, and fetching those that are not."""

import fcntl
import hashlib
import os
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.domain.faults import MisconfiguredError, TransientError

LOCK_FILE = Path(__file__).with_name("jars.lock")
AT_ONCE = 6
TRIES = 5

Advance = Callable[[int], None]
"""Told how many bytes more have arrived; negative if some have to come again."""
Download = Callable[["Jar", Path, Advance], None]
"""Brings a jar's bytes into the partial file given, going on from what it holds. Raises TransientError."""


@dataclass(frozen=True, slots=True)
class Jar:
    """One jar by its Maven coordinate, with what its bytes must be."""

    group: str
    artifact: str
    version: str
    sha256: str
    size: int

    @property
    def file_name(self) -> str:
        """Its name in a repository and in the cache."""
        return f"{self.artifact}-{self.version}.jar"


def read_lock(path: Path = LOCK_FILE) -> tuple[Jar, ...]:
    """The jars of a lock file: ``group:artifact:version sha256 bytes`` a line."""
    rows = (line.split() for line in path.read_text().splitlines() if line and not line.startswith("#"))
    return tuple(_jar(*row) for row in rows)


def _jar(coordinate: str, sha256: str, size: str) -> Jar:
    group, artifact, version = coordinate.split(":")
    return Jar(group, artifact, version, sha256, int(size))


def missing(jars: Iterable[Jar], folder: Path) -> list[Jar]:
    """Those not in ``folder`` in their full size (a hash was checked before a file got its name)."""
    return [jar for jar in jars if not _has_size(folder / jar.file_name, jar.size)]


def bytes_to_come(jars: Iterable[Jar], folder: Path) -> int:
    """How much a ``fetch`` has to download, less what an interrupted one left."""
    parts = [(jar, folder / f"{jar.file_name}.part") for jar in missing(jars, folder)]
    return sum(jar.size - (part.stat().st_size if part.exists() else 0) for jar, part in parts)


def fetch(jars: Iterable[Jar], folder: Path, *, download: Download, advance: Advance, tries: int = TRIES) -> None:
    """Bring what is missing into ``folder``, several at a time, each verified before it gets its name.

    Raises TransientError if a jar did not come in ``tries``, MisconfiguredError if the folder can't be written.
    """
    with _alone(folder):
        wanted = missing(jars, folder)
        stop = threading.Event()
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="jars") as pool:
            jobs = [pool.submit(_obtain, jar, folder, download, _until(stop, advance), tries) for jar in wanted]
            try:
                for job in jobs:
                    job.result()
            finally:
                stop.set()
                pool.shutdown(cancel_futures=True)


class _StoppedError(Exception):
    """The fetch was given up; what has arrived stays for the next one."""


def _until(stop: threading.Event, advance: Advance) -> Advance:
    def advance_or_stop(count: int) -> None:
        if stop.is_set():
            raise _StoppedError
        advance(count)

    return advance_or_stop


def _obtain(jar: Jar, folder: Path, download: Download, advance: Advance, tries: int) -> None:
    for attempt in range(1, tries + 1):
        try:
            return _obtain_once(jar, folder, download, advance)
        except TransientError:
            if attempt == tries:
                raise
            time.sleep(min(8.0, 0.25 * 2**attempt) * random.uniform(0.5, 1.0))  # noqa: S311 (jitter, no secret)
    return None


def _obtain_once(jar: Jar, folder: Path, download: Download, advance: Advance) -> None:
    partial = folder / f"{jar.file_name}.part"
    download(jar, partial, advance)
    found = hashlib.sha256(partial.read_bytes()).hexdigest()
    if found != jar.sha256:
        advance(-partial.stat().st_size)
        partial.unlink()
        raise TransientError(f"{jar.file_name}: expected sha256 {jar.sha256}, got {found}")
    os.replace(partial, folder / jar.file_name)


def _has_size(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder against another start that fetches at the same time."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    except OSError as error:
        raise MisconfiguredError(f"{folder} can't be written ({error.strerror}); set CANDLESTREAM_CACHE") from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
