"""Children that do not outlive us: the kernel kills them when their parent ends, however it ends.

Standard library only: it is used before any package is installed.
"""

import ctypes
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from typing import IO

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


def die_with(parent: int) -> Callable[[], None]:
    """What a child of ``parent`` runs before its program: SIGKILL is its share when that parent (thread) ends."""

    def set_death_signal() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the parent died before the line above
            os._exit(1)

    return set_death_signal


def tied(
    command: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    output: int | IO[bytes] | None = None,
) -> "subprocess.Popen[bytes]":
    """Start ``command`` so that it ends with us; its output goes where ours does, or both kinds to ``output``."""
    return subprocess.Popen(
        command,
        env=None if environment is None else dict(environment),
        stdout=output,
        stderr=None if output is None else subprocess.STDOUT,
        preexec_fn=die_with(os.getpid()),  # noqa: PLW1509 (prctl takes no lock)
    )


def status_of(command: Sequence[str], *, environment: Mapping[str, str] | None = None) -> int:
    """Run ``command`` to its end, tied to us; its exit status. An interrupted one gets ten seconds to end well."""
    with tied(command, environment=environment) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)  # a terminal has sent it already; a second one does no harm
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
            raise
