"""One supervised process: its command, its life, and how often it may die."""

import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum

import psutil

from pipeline.lifeline import die_with
from pipeline.local.capacity import oom_kills
from pipeline.local.logs import BoundedLog

CRASH_LIMIT = 5
"""So many ends in a row, with no stable minute between them, are a crash loop."""
STABLE_S = 60.0
"""A process that was ready for so long has recovered from what ended it before."""
MISCONFIGURED = 78
"""The exit status by which a process says that no restart will mend it (EX_CONFIG of sysexits.h)."""
AWAY = 75
"""The exit status by which a process says that a server it needs is away (EX_TEMPFAIL): tried again without limit."""
FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 10.0
_LOG_WITHIN_S = 1.0
_LINES_READ = 60
"""How many of a process's last lines may hold the cause of its end."""


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

    ``probe`` says whether it answers; it is asked again and again until ``ready_within_s`` is over. ``explain`` reads
    the last lines of its log when it has ended: a cause that no restart will mend, with the next step, else nothing.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int | None = None
    needs: tuple[str, ...] = ()
    probe: Callable[[], bool] = lambda: True
    explain: Callable[[Sequence[str]], str] = lambda _: ""
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
        self.cause = ""
        self._ready_at = float("inf")
        self._crashes = 0
        self._aways = 0
        self._oom_kills = 0
        self._log_from = 0
        self._reader: threading.Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it lives."""
        return self._process.pid if self._process and self._process.returncode is None else None

    @property
    def why(self) -> str:
        """Why it does not run, and where to look."""
        return self.cause or f"{self.last_end or 'it does not answer'}; see {self.log.path}, or ask ./run doctor"

    def spawn(self, now: float) -> None:
        """Start the process in its own group; it dies with the thread that calls this."""
        reading_end, writing_end = os.pipe()
        self._log_from = self.log.written
        try:
            self._process = subprocess.Popen(
                self.spec.command,
                env={**os.environ, **self.spec.environment},
                stdin=subprocess.DEVNULL,
                stdout=writing_end,
                stderr=subprocess.STDOUT,
                process_group=0,
                preexec_fn=die_with(os.getpid()),  # noqa: PLW1509 (prctl takes no lock)
            )
        except OSError as error:
            self.log.write(f"{self.spec.command[0]}: {error.strerror}\n".encode())
            self._process = None
        finally:
            os.close(writing_end)
        self._reader = self.log.drain(reading_end)
        self._oom_kills, self._ready_at = oom_kills(), float("inf")
        self.state, self.started_at, self.created = State.STARTING, now, _created(self.pid)

    def note_ready(self, now: float) -> None:
        """It answers."""
        self.state, self._ready_at = State.RUNNING, now

    def has_ended(self) -> bool:
        """Whether the process is gone (reaped here)."""
        return self._process is None or self._process.poll() is not None

    def note_crash(self, now: float, *, jitter: float) -> None:
        """Decide when to try again: later each time (``jitter`` 0…1 shortens it to half), or never.

        Never, once it has died ``CRASH_LIMIT`` times without a stable minute between, or for a cause that stays. An end
        that says a server is away is no crash: it delays the next try and never ends in giving up.
        """
        self.sweep()
        code = self._process.returncode if self._process else None
        self.last_end = self._how(code)
        lines = self.log.last_lines(_LINES_READ, since=self._log_from)
        self.cause = self.spec.explain(lines) or (_last_words(lines) if code == MISCONFIGURED else "")
        if now - self._ready_at >= STABLE_S:
            self._crashes = self._aways = 0
        self._crashes, self._aways = self._crashes + (code != AWAY), self._aways + (code == AWAY)
        if self.cause or self._crashes >= CRASH_LIMIT:
            self.state = State.FAILED
            return
        tries = max(self._crashes, self._aways)
        delay = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** min(tries - 1, 10))
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
        if self._reader and self.has_ended():
            self._reader.join(_LOG_WITHIN_S)  # so that its last words are in the log

    def _how(self, code: int | None) -> str:
        if code is None:
            return "it could not be started"
        if code == -signal.SIGKILL and oom_kills() > self._oom_kills:
            return "killed by the system for lack of memory"
        return f"exit status {code}" if code >= 0 else f"ended by {signal.Signals(-code).name}"


def _last_words(lines: Sequence[str]) -> str:
    """What a process said last, without the time, level and name that logging puts before it."""
    return re.sub(r"^\S+ \S+ [A-Z]+ \S+ ", "", lines[-1]) if lines else "it calls itself misconfigured"


def _created(pid: int | None) -> float:
    with suppress(psutil.Error):
        return psutil.Process(pid).create_time() if pid else 0.0
    return 0.0
