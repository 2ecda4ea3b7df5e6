"""Files fetched into a folder: resumed where they were cut off, verified before they get their name, several at once.

Standard library only: it brings the first packages too. A partial file is ``NAME.part``; whoever holds the folder's
lock is alone with it, so any number of starts may ask for the same files.
"""

import fcntl
import hashlib
import os
import random
import threading
import time
import urllib.error
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

from pipeline.domain.faults import MisconfiguredError, TransientError
from pipeline.local.capacity import disk_fault
from pipeline.local.http import open_url, reason

AT_ONCE = 6
TRIES = 5
_CHUNK = 1 << 16
_TIMEOUT_S = 20.0
_PARTIAL_CONTENT, _RANGE_NOT_SATISFIABLE = 206, 416
_WAY_OUT = "set CANDLESTREAM_CACHE to another place, then start again: what has come is kept"

Advance = Callable[[int], None]
"""Told how many bytes more have arrived; negative if some have to come again."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file: its name in the folder, where it lies, and what its bytes must be."""

    name: str
    url: str
    sha256: str
    size: int


def missing(files: Iterable[RemoteFile], folder: Path) -> list[RemoteFile]:
    """Those not in ``folder`` as they should be: a disk may have harmed what was verified when it came."""
    return [file for file in files if not is_intact(folder / file.name, file.size, file.sha256)]


def is_intact(path: Path, size: int, digest: str) -> bool:
    """Whether ``path`` is a file of ``size`` bytes with the SHA-256 ``digest``."""
    return path.is_file() and path.stat().st_size == size and sha256(path) == digest


def bytes_to_come(files: Iterable[RemoteFile], folder: Path) -> int:
    """How much a ``fetch`` has to download, less what an interrupted one left."""
    parts = [(file, _part(file, folder)) for file in missing(files, folder)]
    return sum(max(0, file.size - (part.stat().st_size if part.exists() else 0)) for file, part in parts)


def fetch(files: Iterable[RemoteFile], folder: Path, *, advance: Advance, tries: int = TRIES) -> None:
    """Bring what is missing into ``folder``, several at a time, each verified before it gets its name.

    Raises TransientError if a file did not come in ``tries``, MisconfiguredError if the folder can't be written.
    """
    with _alone(folder):
        wanted = missing(files, folder)
        stop = threading.Event()
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="download") as pool:
            jobs = [pool.submit(_obtain, file, folder, _until(stop, advance), tries) for file in wanted]
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


def _obtain(file: RemoteFile, folder: Path, advance: Advance, tries: int) -> None:
    for attempt in range(1, tries + 1):
        try:
            return _obtain_once(file, folder, advance)
        except TransientError:
            if attempt == tries:
                raise
            time.sleep(min(8.0, 0.25 * 2**attempt) * random.uniform(0.5, 1.0))  # noqa: S311 (jitter, no secret)
    return None


def _obtain_once(file: RemoteFile, folder: Path, advance: Advance) -> None:
    partial = _part(file, folder)
    try:
        download(file, partial, advance)
        if (held := partial.stat().st_size) < file.size:
            raise TransientError(f"{file.name} broke off after {held} of {file.size} bytes")
        found = sha256(partial)
        if found != file.sha256:
            advance(-partial.stat().st_size)
            partial.unlink()
            raise TransientError(f"{file.name}: expected sha256 {file.sha256}, got {found}")
        os.replace(partial, folder / file.name)
    except OSError as error:
        raise disk_fault(error, folder, way_out=_WAY_OUT) or error from error


def download(file: RemoteFile, partial: Path, advance: Advance) -> None:
    """Bring the file's bytes into ``partial``, after those it holds. Raises TransientError; OSError of the disk."""
    held = partial.stat().st_size if partial.exists() else 0
    try:
        with _answer(file, held) as answer:
            goes_on = answer.status == _PARTIAL_CONTENT
            advance(0 if goes_on else -held)
            with partial.open("ab" if goes_on else "wb") as kept:
                for chunk in _chunks(file, answer):
                    kept.write(chunk)
                    advance(len(chunk))
                kept.flush()
                os.fsync(kept.fileno())  # before it gets its name
    except urllib.error.HTTPError as error:
        if error.code != _RANGE_NOT_SATISFIABLE:  # that says: nothing comes after what is held
            raise TransientError(f"{file.name} could not be downloaded: HTTP {error.code}") from error


def _answer(file: RemoteFile, held: int) -> Any:
    try:
        return open_url(file.url, timeout_s=_TIMEOUT_S, headers={"Range": f"bytes={held}-"} if held else {})
    except urllib.error.HTTPError:
        raise
    except (OSError, HTTPException, ValueError) as error:
        raise TransientError(f"{file.name} could not be downloaded: {reason(error)}") from error


def _chunks(file: RemoteFile, answer: Any) -> Iterator[bytes]:
    """The bytes as they come; the network's errors are told from the disk's here."""
    while True:
        try:
            chunk = answer.read(_CHUNK)
        except (OSError, HTTPException) as error:
            raise TransientError(f"{file.name} broke off: {reason(error)}") from error
        if not chunk:
            return
        yield chunk


def _part(file: RemoteFile, folder: Path) -> Path:
    return folder / f"{file.name}.part"


def sha256(path: Path) -> str:
    """The hash of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder against another start that fetches at the same time."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    except OSError as error:
        fault = disk_fault(error, folder, way_out=_WAY_OUT)
        raise fault or MisconfiguredError(f"{folder} can't be made ({error.strerror}); {_WAY_OUT}") from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
