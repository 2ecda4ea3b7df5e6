"""A process's log: what it prints, appended to one file that never outgrows its bound."""

import json
import os
import threading
from collections import deque
from contextlib import suppress
from pathlib import Path

LIMIT = 10_000_000
"""Bytes a log may hold before it becomes ``NAME.log.1``, replacing the one before."""
TAIL_BYTES = 64_000
LINE_SHOWN = 300
"""Characters of a line that are shown on a terminal."""


class BoundedLog:
    """An append-only file that moves aside when it is full, so at most two times the limit lies on disk."""

    def __init__(self, path: Path, *, limit: int = LIMIT) -> None:
        self.path = path
        self.written = 0
        self._limit = limit
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)

    def write(self, data: bytes) -> None:
        """Append ``data``; move the file aside first if it is full."""
        if self._file.tell() >= self._limit:
            self._file.close()
            os.replace(self.path, self.path.with_name(f"{self.path.name}.1"))
            self._file = self.path.open("ab", buffering=0)
        self._file.write(data)
        self.written += len(data)

    def drain(self, reading_end: int) -> threading.Thread:
        """Copy a pipe into the log until every writer has closed it; the descriptor is closed then."""
        thread = threading.Thread(target=self._copy, args=(reading_end,), name=f"log {self.path.stem}", daemon=True)
        thread.start()
        return thread

    def last_lines(self, count: int = 12, *, since: int = 0) -> list[str]:
        """The end of the log, at most what was written after ``written`` stood at ``since``."""
        return tail(self.path, count, within=min(TAIL_BYTES, self.written - since) if since else TAIL_BYTES)

    def _copy(self, reading_end: int) -> None:
        with open(reading_end, "rb", buffering=0) as pipe:
            while data := pipe.read(1 << 16):
                try:
                    self.write(data)
                except OSError:
                    continue  # a full disk must not block the process on its own log


def tail(path: Path, count: int, *, within: int = TAIL_BYTES) -> list[str]:
    """The last ``count`` lines of a log, of its last ``within`` bytes; none where there is no such log."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - within))
        return [line.decode(errors="replace").rstrip()[:LINE_SHOWN] for line in deque(file, count)]
    return []


def readable(line: str) -> str:
    """A line of a log for people: of mongod's JSON, severity and message with its reason."""
    if not line.startswith('{"t":'):
        return line
    try:
        words = json.loads(line)
    except ValueError:  # cut off
        return line
    why = words.get("attr", {}).get("error") or words.get("attr", {}).get("message") or ""
    return f"{words.get('s', '')} {words.get('msg', '').strip()} {why}".strip()
