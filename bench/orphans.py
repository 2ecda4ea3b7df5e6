"""Which processes live on a folder: how a benchmark or a test knows that a stack has left nobody behind."""

from contextlib import suppress
from pathlib import Path

import psutil


def processes_in(folder: Path) -> list[str]:
    """The command lines of processes that were started with ``folder`` as DATA_DIR, or work in it."""
    return [" ".join(process.cmdline()) for process in psutil.process_iter() if _lives_in(process, str(folder))]


def _lives_in(process: psutil.Process, folder: str) -> bool:
    with suppress(psutil.Error):
        places = (process.environ().get("DATA_DIR", ""), process.cwd())
        return process.status() != psutil.STATUS_ZOMBIE and any(_is_in(place, folder) for place in places)
    return False


def _is_in(place: str, folder: str) -> bool:
    return place == folder or place.startswith(f"{folder}/")
