"""One replay down a road: killed half-way or not, until its final state is the recording's own, or patience ends."""

import json
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from bench.replays.state import State, final_state
from pipeline.settings import Settings

LOOK_EVERY_S = 0.02
STATE_EVERY_S = 0.5
HEALED_WITHIN_S = 90.0
"""A minute lost with its closing frame is found by the sweep of the store, which comes every thirty seconds."""


class Road(Protocol):
    """Running processes that can be asked, killed and are started again."""

    @property
    def settings(self) -> Settings:
        """Where they write."""
        ...

    def kill(self, process: str) -> None:
        """End a process with SIGKILL; whoever looks after it starts it again."""
        ...

    def look(self) -> None:
        """Look after the processes, where nobody else does."""
        ...


class Outcome(NamedTuple):
    """The state at the end, how long the recording took, how long the state then took to be the expected one."""

    state: State
    played_s: float
    healed_s: float


def played(road: Road, expected: State, *, kill: Sequence[str] = (), within_s: float) -> Outcome:
    """Let the recording play to its end; half-way, where it may be held, ``kill`` dies.

    Raises TimeoutError if it does not get there within ``within_s``.
    """
    began = time.monotonic()
    if kill:
        _until(road, lambda status: status["played"] >= status["messages"] // 2, within_s)
        _until_begun(road, expected, within_s)
        for process in kill:
            road.kill(process)
        if "ingest" in kill:
            _until(road, lambda status: not status["heard"], within_s)
        _asked(road, "/replay/release", method="POST")
    _until(road, lambda status: status["done"], within_s)
    over = time.monotonic()
    state = _healed(road, expected)
    return Outcome(state, round(over - began, 1), round(time.monotonic() - over, 1))


def _until_begun(road: Road, expected: State, within_s: float) -> None:
    """Wait for the first trade in the log: of what came before it nobody could know that it was missed."""
    symbols, deadline = tuple(expected["log"]), time.monotonic() + within_s
    while any(expected["log"].values()) and not any(final_state(road.settings, symbols)["log"].values()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"no trade came into {road.settings.topics.trades}")
        road.look()
        time.sleep(LOOK_EVERY_S)


def _until(road: Road, reached: Callable[[Mapping[str, Any]], bool], within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not reached(status := _asked(road, "/replay/status")):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the replay stands at {status['played']} of {status['messages']} messages")
        road.look()
        time.sleep(LOOK_EVERY_S)


def _asked(road: Road, path: str, *, method: str = "GET") -> Mapping[str, Any]:
    """What the exchange answers."""
    request = urllib.request.Request(road.settings.binance_rest_url + path, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        told: Mapping[str, Any] = json.load(answer)
    return told


def _healed(road: Road, expected: State) -> State:
    """The state as soon as it is the expected one, or as it is when patience ends."""
    symbols, deadline = tuple(expected["log"]), time.monotonic() + HEALED_WITHIN_S
    while (state := final_state(road.settings, symbols)) != expected and time.monotonic() < deadline:
        road.look()
        time.sleep(STATE_EVERY_S)
    return state
