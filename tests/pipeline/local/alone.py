"""A command in a small world of its own: a full or read-only disk, no network, little memory, no Java.

Mounts and namespaces need root; where they are refused the test that wants them is skipped with that reason.
"""

import shlex
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest


def in_world(*setup: str, network: bool = True) -> list[str]:
    """What goes before a command so that it runs after ``setup`` (shell commands) in mounts of its own.

    Without ``network`` there is none but the loopback address.
    """
    require_namespaces()
    steps = [*([] if network else ["ip link set lo up || true"]), *setup]
    script = " && ".join([*steps, 'exec "$@"'])
    return ["unshare", "-m", *([] if network else ["-n"]), "sh", "-c", script, "sh"]


def small_disk(folder: Path, size: str) -> str:
    """A disk of ``size`` at ``folder``."""
    return f"mount -t tmpfs -o size={size} none {shlex.quote(str(folder))}"


def read_only_disk(folder: Path) -> str:
    """What ``folder`` holds, on a disk that takes no writes."""
    quoted = shlex.quote(str(folder))
    return f"mount --bind {quoted} {quoted} && mount -o remount,bind,ro {quoted}"


def file_over(real: Path, shown: Path) -> str:
    """``shown`` reads as ``real``."""
    return f"mount --bind {shlex.quote(str(real))} {shlex.quote(str(shown))}"


def require_namespaces() -> None:
    """Skip the test where no mount namespace can be had."""
    if not _may_mount():
        pytest.skip("mount namespaces are not allowed here (they need root)")


@cache
def _may_mount() -> bool:
    command = ["unshare", "-m", "-n", "sh", "-c", "mount -t tmpfs none /mnt"]
    with suppress(FileNotFoundError):
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    return False


def files_in(folder: Path) -> Iterator[str]:
    """The names of all files below ``folder``."""
    return (str(path.relative_to(folder)) for path in sorted(folder.rglob("*")) if not path.is_dir())


def one_line(done: "subprocess.CompletedProcess[str]") -> str:
    """The single line a command ended with: status 1, nothing else on standard error but what ``run:`` says."""
    assert done.returncode == 1, (done.returncode, done.stdout, done.stderr)
    said: Sequence[str] = done.stderr.splitlines()
    assert len(said) == 1, done.stderr
    assert said[0].startswith("run: "), done.stderr
    return said[0].removeprefix("run: ")
