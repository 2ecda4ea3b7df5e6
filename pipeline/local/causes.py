"""Why a server ended, read from its own last lines: what no restart mends, in one line with the next step."""

import re
from collections.abc import Sequence
from pathlib import Path

from pipeline.local.capacity import free_mb, standing
from pipeline.local.logs import readable

_FULL = re.compile(r"No space left on device|ENOSPC|Disk quota exceeded|errno.?28\b")
_FORBIDDEN = re.compile(r"Read-only file system|Permission denied|EACCES|EROFS|Operation not permitted")
_TAKEN = re.compile(r"Address already in use|EADDRINUSE|SocketException.*in use")
_MEMORY = re.compile(r"OutOfMemoryError|insufficient memory|Could not reserve enough space|Cannot allocate memory")
_HELD = re.compile(r"another mongod instance|DBPathInUse|Failed to acquire lock on file")


def explain(lines: Sequence[str], *, folder: Path, port: int, damaged: str = "$^", way_out: str = "") -> str:
    """The cause found in ``lines`` (oldest first) for a server with its data in ``folder``; nothing if there is none.

    ``damaged`` is a pattern of the words by which it says that its data can't be read, ``way_out`` what to do then.
    """
    text = "\n".join(lines)
    if _FULL.search(text):
        left = free_mb(folder)
        return f"the disk of {standing(folder)} is full ({left} MB left); free some space, or set DATA_DIR to another"
    if _TAKEN.search(text):
        return f"its port {port} was taken by another program meanwhile; start again, or set another port"
    if _HELD.search(text):
        return f"another program uses its data in {folder}; end that one, or set DATA_DIR to another folder"
    if _FORBIDDEN.search(text):
        return f"it may not write in {folder}; look at who owns it, or set DATA_DIR to another folder"
    if _MEMORY.search(text):
        return "the system has too little memory for it; end other programs, or use a server elsewhere"
    if found := re.search(damaged, text):
        line = text[text.rfind("\n", 0, found.end()) + 1 :].splitlines()[0]
        return f"its data in {folder} is damaged; {way_out} (it said: {readable(line)[:160]})"
    return ""
