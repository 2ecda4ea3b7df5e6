"""Small processes for the supervisor to keep: real ones, that do one thing."""

import sys
from pathlib import Path
from typing import Any

from pipeline.local.child import Child, ProcessSpec, State
from pipeline.local.supervisor import Supervisor
from tests.servers.waiting import wait_for


def toy(name: str, script: str = "exec sleep 600", **other: Any) -> ProcessSpec:
    """A shell script as a process."""
    return ProcessSpec(name=name, command=("/bin/sh", "-c", script), **other)


def python_toy(name: str, script: str, **other: Any) -> ProcessSpec:
    """A Python script as a process."""
    return ProcessSpec(name=name, command=(sys.executable, "-c", script), **other)


class Watched:
    """A supervisor whose every change of state is written down, under a clock that tests may push on."""

    def __init__(self, logs: Path) -> None:
        self.now = 0.0
        self.changes: list[tuple[str, State]] = []
        self.supervisor = Supervisor(logs, clock=lambda: self.now, on_change=self._note)

    def __getitem__(self, name: str) -> Child:
        return self.supervisor.children[name]

    def run_until(self, name: str, state: State, *, step_s: float = 0.02) -> None:
        """Tick until a process is in a state; each tick takes ``step_s`` seconds of the supervisor's clock."""
        wait_for(lambda: self._tick(step_s)[name].state == state, what=f"{name} {state}")

    def hurried(self, name: str) -> Child:
        """The process after one more tick, its waiting time over if it waits."""
        self.now = max(self.now, self[name].retry_at)
        return self._tick(0.02)[name]

    def _tick(self, step_s: float) -> "Watched":
        self.now += step_s
        self.supervisor.tick()
        return self

    def _note(self, child: Child) -> None:
        self.changes.append((child.spec.name, child.state))
