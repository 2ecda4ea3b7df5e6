"""Ports: which are free, which one a server gets, and how two stacks do not choose the same one."""

import errno
import fcntl
import os
import socket
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from io import FileIO
from pathlib import Path

from pipeline.domain.faults import MisconfiguredError

LOOPBACK = "127.0.0.1"
_SPAN = 200
"""How far beyond a taken default the search goes."""


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen on ``host:port`` now."""
    return not why_not(host, port)


def why_not(host: str, port: int) -> str:
    """What keeps a server from listening on ``host:port``, in words; nothing if it can."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen()
        except PermissionError:
            return "is for root only, as all below 1024 are"
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            return f"is taken{holder(port)}" if taken else f"can't be had on {host} ({error.strerror or error})"
    return ""


def holder(port: int) -> str:
    """Who listens on ``port``, as `` by NAME (pid N)``; nothing where that can't be told."""
    with suppress(ImportError):
        import psutil  # not there before the first start has installed it

        with suppress(psutil.Error):
            for one in psutil.net_connections("tcp"):
                if one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == port and one.pid:
                    return f" by {psutil.Process(one.pid).name()} (pid {one.pid})"
    return ""


def is_listening(host: str, port: int) -> bool:
    """Whether something accepts connections on ``host:port``."""
    with suppress(OSError), socket.create_connection((host, port), timeout=1):
        return True
    return False


class PortBook:
    """The ports this process has claimed; a claim holds against other stacks of this user until ``close``."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or Path(tempfile.gettempdir(), f"candlestream-ports-{os.getuid()}")
        self._held: dict[int, FileIO] = {}

    def claim(self, port: int, *, host: str = LOOPBACK) -> bool:
        """Take ``port`` if nobody listens on it and no other stack has claimed it."""
        if port in self._held or not is_free(host, port):
            return False
        self._folder.mkdir(mode=0o700, exist_ok=True)
        lease = FileIO(self._folder / str(port), "w")
        try:
            fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lease.close()
            return False
        self._held[port] = lease
        return True

    def close(self) -> None:
        """Give all claims back."""
        for lease in self._held.values():
            lease.close()
        self._held.clear()

    def any(self) -> int:
        """A free port of the system's choice. Raises MisconfiguredError if there is none."""
        for _ in range(_SPAN):
            with socket.socket() as probe:
                probe.bind((LOOPBACK, 0))
                port: int = probe.getsockname()[1]
            if self.claim(port):
                return port
        raise MisconfiguredError("no free port was found on 127.0.0.1")

    def choose(
        self,
        environment: Mapping[str, str],
        *,
        variable: str,
        default: int,
        tell: Callable[[str], None],
        host: str = LOOPBACK,
    ) -> int:
        """The port of a server: what ``variable`` says, else ``default`` or the next free one, which is told.

        Raises MisconfiguredError if the variable is no port, or names one that is taken.
        """
        if why := why_not(host, 0):
            raise MisconfiguredError(f"HTTP_HOST is {host}, where nothing can listen: a port there {why}")
        if environment.get(variable):
            return self._demanded(variable, environment[variable], host)
        for port in range(default, default + _SPAN):
            if self.claim(port, host=host):
                if port != default:
                    tell(f"port {default} is taken; {variable} is {port}")
                return port
        raise MisconfiguredError(f"ports {default} to {default + _SPAN - 1} are all taken; set {variable}")

    def _demanded(self, variable: str, text: str, host: str) -> int:
        if not text.isdecimal() or not 0 < int(text) < 65_536:
            raise MisconfiguredError(f"{variable} is {text!r}; expected a port from 1 to 65535")
        if not self.claim(int(text), host=host):
            ours = "is another one of this stack" if int(text) in self._held else ""
            why = ours or why_not(host, int(text)) or "is taken by another stack that starts"
            raise MisconfiguredError(f"{variable} is {text}, and that port {why}; free it, or set another or none")
        return int(text)
