"""One supervised process: its command, its life, and how often it may die."""

import ctypes
import os
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum

import psutil

from pipeline.local.logs import BoundedLog

CRASH_LIMIT = 5
CRASH_WINDOW_S = 60.0
MISCONFIGURED = 78
"""The exit status by which a process says that no restart will mend it (EX_CONFIG of sysexits.h)."""
AWAY = 75
"""The exit status by which a process says that a server it needs is away (EX_TEMPFAIL): tried again without limit."""
FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 10.0
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


class State(StrEnum):
    """Where a process is in its life."""

    WAITING = "waiting"
    STARTING = "starting"
    RUNNING = "running"
    BACKOFF = "backoff"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSpec:
    """How a process is started, known to be ready, and stopped; ``needs`` must be ready before it starts.

    ``probe`` says whether it answers; it is asked again and again until ``ready_within_s`` is over.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int | None = None
    needs: tuple[str, ...] = ()
    probe: Callable[[], bool] = lambda: True
    ready_within_s: float = 60.0
    stop_within_s: float = 10.0


class Child:
    """A process under supervision; times are seconds of the clock handed in."""

    def __init__(self, spec: ProcessSpec, log: BoundedLog) -> None:
        self.spec = spec
        self.log = log
        self.state = State.WAITING
        self.restarts = 0
        self.started_at = 0.0
        self.created = 0.0
        self.retry_at = 0.0
        self.stopping_since: float | None = None
        self.last_end = ""
        self._crashes: deque[float] = deque(maxlen=CRASH_LIMIT)
        self._aways: deque[float] = deque(maxlen=CRASH_LIMIT + 1)  # so many reach the longest delay
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it lives."""
        return self._process.pid if self._process and self._process.returncode is None else None

    def spawn(self, now: float) -> None:
        """Start the process in its own group; it dies with the thread that calls this."""
        reading_end, writing_end = os.pipe()
        try:
            self._process = subprocess.Popen(
                self.spec.command,
                env={**os.environ, **self.spec.environment},
                stdin=subprocess.DEVNULL,
                stdout=writing_end,
                stderr=subprocess.STDOUT,
                process_group=0,
                preexec_fn=_die_with(os.getpid()),  # noqa: PLW1509 (prctl takes no lock)
            )
        except OSError as error:
            self.log.write(f"{self.spec.command[0]}: {error.strerror}\n".encode())
            self._process = None
        finally:
            os.close(writing_end)
        self.log.drain(reading_end)
        self.state, self.started_at, self.created = State.STARTING, now, _created(self.pid)

    def has_ended(self) -> bool:
        """Whether the process is gone (reaped here)."""
        return self._process is None or self._process.poll() is not None

    def note_crash(self, now: float, *, jitter: float) -> None:
        """Decide when to try again: later each time (``jitter`` 0…1 shortens it to half), or never.

        An end that says a server is away is no crash: it delays the next try and never ends in giving up.
        """
        self.sweep()
        code = self._process.returncode if self._process else None
        self.last_end = _how(code)
        ends = self._aways if code == AWAY else self._crashes
        ends.append(now)
        recent = sum(now - end <= CRASH_WINDOW_S for end in ends)
        if code == MISCONFIGURED or (code != AWAY and recent == CRASH_LIMIT):
            self.state = State.FAILED
            return
        delay = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** (recent - 1))
        self.state, self.retry_at = State.BACKOFF, now + delay * (1 - jitter / 2)

    def ask_to_stop(self, now: float) -> None:
        """SIGTERM, once."""
        if self.stopping_since is None:
            self.stopping_since = now
            if self._process and self.pid:
                self._process.terminate()

    def kill(self) -> None:
        """SIGKILL to the whole process group, if the process lives."""
        if self.pid:
            self.sweep()

    def sweep(self) -> None:
        """SIGKILL to what is left of the group: workers must not outlive their master and hold its port."""
        if self._process:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)


def _die_with(parent: int) -> Callable[[], None]:
    def set_death_signal() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the parent died before the line above
            os._exit(1)

    return set_death_signal


def _created(pid: int | None) -> float:
    with suppress(psutil.Error):
        return psutil.Process(pid).create_time() if pid else 0.0
    return 0.0


def _how(code: int | None) -> str:
    if code is None:
        return "it could not be started"
    return f"exit status {code}" if code >= 0 else f"ended by {signal.Signals(-code).name}"
