"""A recording's file: whole lines, each write complete in itself, so that it can be read whenever its writer ends."""

import gzip
import os
from pathlib import Path

from pipeline.domain.faults import MisconfiguredError

LEVEL = 6


class RecordingFile:
    """A new file at ``path``, made by the first write; each write to a name in ``.gz`` is one gzip member.

    Gzip members may follow each other, so nothing has to be finished: what was written is a recording.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self.lines = 0
        self._packed = path.suffix == ".gz"
        self._descriptor: int | None = None

    def append(self, lines: bytes) -> None:
        """Write whole lines. Raises MisconfiguredError, the file left as it was before, if they can't be written."""
        if self._descriptor is None:
            self._descriptor = _new_file(self.path)
        data = gzip.compress(lines, LEVEL, mtime=0) if self._packed else lines
        try:
            _write(self._descriptor, data)
        except OSError as error:
            self._back(self._descriptor)
            raise MisconfiguredError(self._full(error)) from error
        self.size += len(data)
        self.lines += lines.count(b"\n")

    def close(self) -> None:
        """Hand everything to the disk. Raises MisconfiguredError if it does not take it."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        try:
            os.fsync(descriptor)
        except OSError as error:
            raise MisconfiguredError(self._full(error)) from error
        finally:
            os.close(descriptor)

    def _back(self, descriptor: int) -> None:
        """Undo half a write; a file that never held a line goes."""
        os.ftruncate(descriptor, self.size)
        if not self.size:
            self.path.unlink(missing_ok=True)

    def _full(self, error: OSError) -> str:
        kept = f"its {self.lines} lines so far are kept and can be replayed" if self.lines else "nothing is kept"
        return (
            f"{self.path} can't be written any further ({error.strerror}); {kept}; "
            "make room, and record on into another file: SOURCE=replay:FILE,FILE plays both"
        )


def refuse_existing(path: Path) -> None:
    """See that a recording at ``path`` would be a new file. Raises MisconfiguredError with the next step."""
    if path.exists():
        raise MisconfiguredError(
            f"{path} is there already and is not written over; name another file, or a folder to keep several in "
            f"({path.parent}{os.sep}): SOURCE=replay takes a folder too"
        )


def _new_file(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    except FileExistsError as error:
        refuse_existing(path)
        raise MisconfiguredError(f"{path.parent} is a file; expected a folder to record into") from error
    except OSError as error:
        raise MisconfiguredError(f"{path} can't be made ({error.strerror}); name one that can") from error


def _write(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]
