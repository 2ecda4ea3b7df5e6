"""The pinned jars of Kafka: which ones, where they lie, and bringing those that are not here."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.domain.faults import MisconfiguredError, TransientError
from pipeline.local import downloads
from pipeline.local.downloads import RemoteFile
from pipeline.local.progress import DownloadBar

if TYPE_CHECKING:
    from jgo.maven import MavenContext

LOCK_FILE = Path(__file__).with_name("jars.lock")


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


def files(jars: Iterable[Jar], context: "MavenContext | None" = None) -> list[RemoteFile]:
    """Each jar as the file to fetch, from ``context``'s repository (the one that jgo knows by default)."""
    if context is None:
        from jgo.maven import MavenContext  # costs half a second, so only where something has to be fetched

        context = MavenContext()
    return [RemoteFile(jar.file_name, address(jar, context), jar.sha256, jar.size) for jar in jars]


def address(jar: Jar, context: "MavenContext") -> str:
    """Where the jar lies in the first repository of ``context``."""
    component = context.project(jar.group, jar.artifact).at_version(jar.version)
    base = next(iter(context.remote_repos.values()))
    return f"{base}/{component.path_prefix.as_posix()}/{jar.file_name}"


def obtain(folder: Path) -> int:
    """Bring Kafka's jars into ``folder`` where they are missing; how many bytes came. Raises Fault with the way out."""
    locked = read_lock()
    if all(_is_here(jar, folder) for jar in locked):
        return 0
    wanted = files(locked)
    to_come = downloads.bytes_to_come(wanted, folder)
    with DownloadBar("Kafka", to_come) as shown:
        try:
            downloads.fetch(wanted, folder, advance=shown.advance)
        except TransientError as error:
            held = len(wanted) - len(downloads.missing(wanted, folder))
            raise MisconfiguredError(
                f"Kafka's jars can't be fetched: {error}; check the network or the proxy (HTTPS_PROXY) and start "
                f"again: the {held} of {len(wanted)} that came are kept"
            ) from error
    return shown.arrived


def _is_here(jar: Jar, folder: Path) -> bool:
    return downloads.is_intact(folder / jar.file_name, jar.size, jar.sha256)
