"""One stack from its first process to its last: servers, the claim on the stores, our processes, readiness, the end."""

import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import psutil

from pipeline.domain.faults import MisconfiguredError
from pipeline.local import capacity
from pipeline.local.child import Child, State
from pipeline.local.http import get
from pipeline.local.plan import Plan
from pipeline.local.processes import SERVERS, own_processes
from pipeline.local.screen import Screen
from pipeline.local.signals import StopSignals
from pipeline.local.state import ProcessRecord, StackRecord, logs_of, write_state
from pipeline.local.stores import claim_stores
from pipeline.local.supervisor import Supervisor
from pipeline.settings import Settings

TICK_S = 0.1
READY_WITHIN_S = 120.0
_ASK_EVERY_S = 1.0
_LOOK_AT_DISK_EVERY_S = 2.0


class Stack:
    """A planned stack on the data directory ``root``; every method is called from one thread."""

    def __init__(self, plan: Plan, root: Path, *, screen: Screen, signals: StopSignals) -> None:
        self._plan, self._root, self._screen, self._signals = plan, root, screen, signals
        self._supervisor = Supervisor(logs_of(root), on_change=self._changed)
        specs = own_processes(plan.environment, simulated=plan.runs_exchange)
        self._own = [spec for spec in specs if spec.name not in plan.without]
        self._complete = False
        self._disk = _Disk(plan.source.data_dir)
        self._me = psutil.Process(os.getpid()).create_time()

    def run(self, on_ready: Callable[[], None]) -> None:
        """Start everything, call ``on_ready`` once the page is, and stay until asked to stop; then stop everything.

        Raises MisconfiguredError if a server does not come up or a store belongs to another source.
        """
        try:
            self._start_servers()
            self._start_own()
            self._await_ready(on_ready)
            self._until(lambda: False)
        finally:
            self._stop()

    def _start_servers(self) -> None:
        for server in self._plan.servers:
            server.prepare()
        self._signals.interrupting = False
        servers = [server.name for server in self._plan.servers]
        self._supervisor.add(server.spec() for server in self._plan.servers)
        self._supervisor.add(spec for spec in self._own if not spec.needs)
        self._until(lambda: self._supervisor.are_ready(servers), complete=True)

    def _start_own(self) -> None:
        if self._signals.asked:
            return
        settings = Settings.from_environment(self._plan.environment)
        stores, mark = self._stores_in_use(), self._plan.source.mark
        claim_stores(settings, mark=mark, stores=stores, ours=self._plan.servers)
        self._supervisor.add(spec for spec in self._own if spec.needs)

    def _stores_in_use(self) -> set[str]:
        """Servers we start, and those of the user that a process of ours is going to use."""
        needed = {need for spec in self._own for need in spec.needs}
        return {server.name for server in self._plan.servers} | (needed & set(SERVERS))

    def _await_ready(self, on_ready: Callable[[], None]) -> None:
        """Wait for ``/readyz``; say why when it is late, and go on waiting."""
        question = _Question(f"{self._plan.url}/readyz") if "web" not in self._plan.without else None
        self._until(lambda: self._is_settled(question), within_s=READY_WITHIN_S, complete=True)
        if self._signals.asked:
            return
        if not self._is_settled(question):
            self._screen.say(f"not ready after {READY_WITHIN_S:.0f} s: {question.said if question else 'see the logs'}")
            self._until(lambda: self._is_settled(question), complete=True)
        if not self._signals.asked:
            on_ready()

    def _is_settled(self, question: "_Question | None") -> bool:
        return self._supervisor.are_ready(self._supervisor.children) if question is None else question.is_answered()

    def _until(self, done: Callable[[], bool], *, within_s: float = float("inf"), complete: bool = False) -> None:
        """Keep everything alive until ``done``, a request to stop, or the deadline.

        Raises MisconfiguredError on a full disk, and if it must be ``complete`` on a process that is given up.
        """
        deadline, self._complete = time.monotonic() + within_s, complete
        while not self._signals.asked and time.monotonic() < deadline:
            self._supervisor.tick()
            self._screen.show(self._supervisor.children.values())
            self._watch_disk()
            if complete:
                self._require_all()
            if done():
                return
            time.sleep(TICK_S)

    def _require_all(self) -> None:
        for child in self._supervisor.failed():
            raise MisconfiguredError(f"{child.spec.name} does not start: {child.why}")

    def _watch_disk(self) -> None:
        """Say when the disk runs low, and stop in good order before the servers break on a full one."""
        left_mb = self._disk.low_mb()
        if left_mb is None:
            return
        folder, wanted = self._plan.source.data_dir, "free some, or set DATA_DIR to a place with more"
        if left_mb < capacity.STOP_MB:
            raise MisconfiguredError(f"stopped, because {folder} has only {left_mb} MB left; {wanted}, and start again")
        self._screen.say(f"{folder} has only {left_mb} MB left; at {capacity.STOP_MB} MB the stack stops; {wanted}")

    def _stop(self) -> None:
        self._signals.interrupting = False
        self._screen.say("stopping (once more to hurry)")
        self._supervisor.stop(hurry=lambda: self._signals.hurried)
        self._screen.show(self._supervisor.children.values())

    def _changed(self, child: Child) -> None:
        if not (self._complete and child.state is State.FAILED and child.cause):  # told as the end of the start
            self._screen.changed(child)
        with suppress(OSError):  # a full disk or a deleted folder leaves the record behind, and ends no stack
            self.write()

    def write(self) -> None:
        """Bring the stack's record up to date."""
        write_state(
            self._root,
            StackRecord(
                pid=os.getpid(),
                started_at=self._me,
                source=self._plan.source.setting,
                data_dir=str(self._plan.source.data_dir),
                root=str(self._root),
                url=self._plan.url,
                environment=self._plan.environment,
                processes=_records(self._supervisor.children.values()),
            ),
        )


class _Disk:
    """The room left where the data is, looked at every few seconds, told once for each halving of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._told_mb = 2 * capacity.LOW_MB
        self._looked_at = float("-inf")

    def low_mb(self) -> int | None:
        """MB left, if that is little and was not told yet."""
        if time.monotonic() - self._looked_at < _LOOK_AT_DISK_EVERY_S:
            return None
        self._looked_at = time.monotonic()
        left_mb = capacity.free_mb(self._folder)
        if left_mb >= capacity.STOP_MB and left_mb > self._told_mb / 2:
            return None
        self._told_mb = left_mb
        return left_mb


class _Question:
    """A readiness address, asked at most once a second."""

    def __init__(self, url: str) -> None:
        self.said = "nothing answers yet"
        self._url = url
        self._asked_at = float("-inf")
        self._answered = False

    def is_answered(self) -> bool:
        if not self._answered and time.monotonic() - self._asked_at >= _ASK_EVERY_S:
            self._asked_at = time.monotonic()
            status, text = get(self._url)
            self.said, self._answered = text.strip() or f"HTTP {status}", status == 200
        return self._answered


def _records(children: Iterable[Child]) -> tuple[ProcessRecord, ...]:
    return tuple(ProcessRecord.of(child) for child in children)
