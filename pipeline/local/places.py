"""Where a start keeps things: the data directory and the downloads, as the environment names them.

Standard library only: it is asked before any package is installed.
"""

from collections.abc import Mapping
from pathlib import Path

from pipeline.domain.faults import MisconfiguredError

DEFAULT_ROOT = ".data"
DEFAULT_CACHE = ".cache"


def root_of(environment: Mapping[str, str]) -> Path:
    """The data directory by which commands find a stack. Raises MisconfiguredError if it is no path."""
    return _folder(environment, "DATA_DIR", DEFAULT_ROOT)


def cache_of(environment: Mapping[str, str]) -> Path:
    """Where downloads are kept. Raises MisconfiguredError if it is no path."""
    return _folder(environment, "CANDLESTREAM_CACHE", DEFAULT_CACHE)


def _folder(environment: Mapping[str, str], variable: str, default: str) -> Path:
    text = environment.get(variable) or default
    try:
        folder = Path(text).expanduser().resolve()
        folder.exists()  # a name too long says so here
    except (OSError, RuntimeError, ValueError) as error:  # no such user, a loop of links, a null byte
        why = getattr(error, "strerror", None) or str(error)
        raise MisconfiguredError(f"{variable} is {text!r}, which is no folder ({why}); set another") from error
    return folder
