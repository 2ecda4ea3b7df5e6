"""The ends of a stack's logs: the last lines, and what is added to them, across the file that moves aside when full."""

import os
from collections import deque
from io import FileIO
from itertools import chain
from pathlib import Path


def names_of(logs: Path) -> list[str]:
    """The processes that have a log in the folder ``logs``."""
    return sorted(path.stem for path in logs.glob("*.log"))


def last_lines(path: Path, count: int) -> list[str]:
    """The last ``count`` lines of a log, the file that was moved aside before it included."""
    files = [path.with_name(f"{path.name}.1"), path]
    raw = deque(chain.from_iterable(_lines(file) for file in files), count)
    return [_text(line) for line in raw]


class Tail:
    """What is added to one log from now on, whole lines only."""

    def __init__(self, path: Path, *, from_start: bool = False) -> None:
        self.path = path
        self._file = _opened(path)
        self._rest = b""
        if self._file and not from_start:
            self._file.seek(0, os.SEEK_END)

    def lines(self) -> list[str]:
        """What has come since the last call; what a file still held when it was moved aside comes first."""
        data = self._new()
        if self._has_moved():
            data += self._new()
            self.close()
            self._file = _opened(self.path)
            data += self._new()
        *whole, self._rest = (self._rest + data).split(b"\n")
        return [_text(line) for line in whole]

    def close(self) -> None:
        """Look no more."""
        if self._file:
            self._file.close()

    def _new(self) -> bytes:
        return self._file.readall() if self._file else b""

    def _has_moved(self) -> bool:
        """Whether the name now belongs to another file, or to one that was emptied."""
        try:
            there = self.path.stat()
        except FileNotFoundError:
            return False
        if self._file is None:
            return True
        held = os.fstat(self._file.fileno())
        return (held.st_dev, held.st_ino) != (there.st_dev, there.st_ino) or there.st_size < self._file.tell()


def _opened(path: Path) -> FileIO | None:
    try:
        return FileIO(path)
    except FileNotFoundError:
        return None


def _lines(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().splitlines()
    except FileNotFoundError:
        return []


def _text(line: bytes) -> str:
    return line.decode(errors="replace").rstrip("\r\n")
