"""The supervisor: starts processes in the order of their needs, restarts what dies, stops all in reverse."""

import random
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from pipeline.local.child import Child, ProcessSpec, State
from pipeline.local.logs import BoundedLog

PROBE_EVERY_S = 0.25
Clock = Callable[[], float]


class Supervisor:
    """A set of processes kept alive by calling ``tick`` a few times a second, from one thread.

    ``on_change`` is told of each child whose state has changed.
    """

    def __init__(
        self, logs: Path, *, clock: Clock = time.monotonic, on_change: Callable[[Child], None] = lambda _: None
    ) -> None:
        self.children: dict[str, Child] = {}
        self._logs = logs
        self._clock = clock
        self._on_change = on_change
        self._probed: dict[str, float] = {}  # when each was last asked

    def add(self, specs: Iterable[ProcessSpec]) -> None:
        """Take more processes under supervision; they start with the coming ticks."""
        for spec in specs:
            self.children[spec.name] = Child(spec, BoundedLog(self._logs / f"{spec.name}.log"))

    def tick(self) -> None:
        """Look at every process once and do what is due."""
        for child in self.children.values():
            before = child.state
            self._advance(child)
            if child.state != before:
                self._on_change(child)

    def are_ready(self, names: Iterable[str]) -> bool:
        """Whether each of ``names`` that is ours is running."""
        return all(self.children[name].state == State.RUNNING for name in names if name in self.children)

    def failed(self) -> list[Child]:
        """Those that were given up."""
        return [child for child in self.children.values() if child.state == State.FAILED]

    def stop_step(self, *, hurry: bool = False) -> bool:
        """Take the next step of stopping: a process is asked when none that needs it lives. True when all are gone."""
        now = self._clock()
        for child in self.children.values():
            self._reap(child)
            if not self._is_needed(child):
                self._press(child, now, hurry=hurry)
        return all(child.state in (State.STOPPED, State.FAILED) for child in self.children.values())

    def stop(self, *, hurry: Callable[[], bool] = lambda: False, pause_s: float = 0.05) -> None:
        """Stop all, in reverse order of their needs, each within its deadline; ``hurry`` turned true kills the rest."""
        while not self.stop_step(hurry=hurry()):
            time.sleep(pause_s)

    def _advance(self, child: Child) -> None:
        match child.state:
            case State.WAITING if self.are_ready(child.spec.needs):
                child.spawn(self._clock())
            case State.STARTING:
                self._watch_start(child)
            case State.RUNNING if child.has_ended():
                self._crashed(child)
            case State.BACKOFF if self._clock() >= child.retry_at:
                child.restarts += 1
                child.spawn(self._clock())

    def _watch_start(self, child: Child) -> None:
        now = self._clock()
        if child.has_ended():
            self._crashed(child)
        elif self._answers(child, now):
            child.note_ready(now)
        elif now - child.started_at > child.spec.ready_within_s:
            child.log.write(f"not ready within {child.spec.ready_within_s:g} s; killed\n".encode())
            child.kill()

    def _answers(self, child: Child, now: float) -> bool:
        if now - self._probed.get(child.spec.name, 0.0) < PROBE_EVERY_S:
            return False
        self._probed[child.spec.name] = now
        return child.spec.probe()

    def _crashed(self, child: Child) -> None:
        child.note_crash(self._clock(), jitter=random.random())  # noqa: S311 (jitter, no secret)

    def _is_needed(self, child: Child) -> bool:
        return any(other.pid and child.spec.name in other.spec.needs for other in self.children.values())

    def _reap(self, child: Child) -> None:
        if child.has_ended() and child.state not in (State.STOPPED, State.FAILED):
            child.sweep()
            child.state = State.STOPPED
            self._on_change(child)

    def _press(self, child: Child, now: float, *, hurry: bool) -> None:
        child.ask_to_stop(now)
        if hurry or (child.stopping_since is not None and now - child.stopping_since > child.spec.stop_within_s):
            child.kill()
