"""``./run up`` killed with -9 at random moments of its life, and started again each time.

What is shown: that all it had started ends with it, how soon, and that the next start gets ready on the same data.
"""

import json
import os
import random
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.machine import machine_now
from bench.orphans import processes_in
from bench.stack import clean

RUN = Path(__file__).parents[1] / "run"
KILLS = 10
LATEST_S = 25.0
"""A start gets ready within some twenty seconds here, so kills fall before, at and after that."""
GONE_WITHIN_S = 10.0
READY_WITHIN_S = 180.0
STOPPED_WITHIN_S = 60.0
_LOOK_EVERY_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One kill: when, what the stack had said last, and what came after it.

    ``gone_s`` is how long its children lived on, ``ready_s`` how long the next start took, ``candles`` how many stored
    minutes that start served of one symbol, ``stopped`` the exit status of a SIGTERM to it.
    """

    killed_after_s: float
    had_said: str
    gone_s: float
    ready_s: float
    candles: int
    stopped: int


def run() -> dict[str, Any]:
    """Kill ten times, at moments of a fresh seed; the result as JSON."""
    before, seed = machine_now(), random.SystemRandom().randrange(1_000_000)
    chosen = random.Random(seed)
    moments = [round(chosen.uniform(0, LATEST_S), 2) for _ in range(KILLS)]
    print(f"{before.line()}\nseed {seed}, kills after {', '.join(f'{moment:.1f}' for moment in moments)} s", flush=True)
    with tempfile.TemporaryDirectory(prefix="candlestream-kills-", ignore_cleanup_errors=True) as folder:
        outcomes = kill_at(moments, Path(folder) / "data")
    result = {"name": "kills", "machine": before.as_json(), "seed": seed, "kills": [asdict(one) for one in outcomes]}
    print(f"{len(outcomes)} of {len(moments)} starts after a kill got ready; no process was left behind")
    return result


def kill_at(moments: Sequence[float], root: Path, **variables: str) -> list[Outcome]:
    """Kill a start on ``root`` after each of ``moments`` seconds, and bring up, ask and stop the next one.

    Raises SystemExit, with what was said, where a process outlives the kill or the next start does not get ready.
    """
    environment = clean(os.environ) | {"SOURCE": "simulator", "HISTORY_DAYS": "1", **variables, "DATA_DIR": str(root)}
    outcomes: list[Outcome] = []
    for moment in moments:
        outcome = _kill_once(moment, root, environment)
        print(_line(outcome), flush=True)
        if outcomes and outcome.candles < outcomes[-1].candles:
            raise SystemExit(f"{outcomes[-1].candles} minutes were served before this kill, {outcome.candles} after it")
        outcomes.append(outcome)
    return outcomes


def _kill_once(moment: float, root: Path, environment: Mapping[str, str]) -> Outcome:
    print(f"kill after {moment:.2f} s", flush=True)
    log = root.with_name("said.log")
    victim = _start(environment, log)
    with suppress(subprocess.TimeoutExpired):
        victim.wait(moment)  # it must not end by itself
    if victim.poll() is not None:
        raise SystemExit(f"the start ended by itself:\n{log.read_text()}")
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    had_said, gone_s = _last_line(log), _until(lambda: not processes_in(root), GONE_WITHIN_S, "the end of its children")
    again = _start(environment, log)
    try:
        ready_s = _until(lambda: _is_ready(again, log), READY_WITHIN_S, "the next start")
        candles = _stored_minutes(root)
    finally:
        stopped = _stopped(again)
    _until(lambda: not processes_in(root), GONE_WITHIN_S, "the end of its children")
    return Outcome(
        killed_after_s=moment, had_said=had_said, gone_s=gone_s, ready_s=ready_s, candles=candles, stopped=stopped
    )


def _stopped(stack: "subprocess.Popen[bytes]") -> int:
    """The exit status after SIGTERM; one that does not end is killed."""
    stack.send_signal(signal.SIGTERM)
    try:
        return stack.wait(STOPPED_WITHIN_S)
    except subprocess.TimeoutExpired:
        stack.kill()
        return stack.wait()


def _start(environment: Mapping[str, str], log: Path) -> "subprocess.Popen[bytes]":
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as output:
        return subprocess.Popen([RUN, "up"], env=environment, stdout=output, stderr=subprocess.STDOUT)


def _is_ready(stack: "subprocess.Popen[bytes]", log: Path) -> bool:
    if stack.poll() is not None:
        raise SystemExit(f"the start after the kill ended with {stack.returncode}:\n{log.read_text()}")
    return "  ready: " in log.read_text()


def _stored_minutes(root: Path) -> int:
    """How many stored minutes the stack serves of its first symbol, up to 2,000."""
    url = json.loads((root / "run" / "stack.json").read_text())["url"]
    try:
        with urllib.request.urlopen(f"{url}/ohlc?symbol=BTCUSDT&interval=1m&limit=2000", timeout=10) as answer:
            return int(json.load(answer)["count"])
    except urllib.error.HTTPError:
        return 0


def _until(condition: Callable[[], bool], within_s: float, what: str) -> float:
    """Seconds until ``condition`` holds. Raises SystemExit when it does not."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > within_s:
            raise SystemExit(f"{what} did not come within {within_s:g} s")
        time.sleep(_LOOK_EVERY_S)
    return round(time.monotonic() - began, 1)


def _last_line(log: Path) -> str:
    lines = log.read_text().splitlines()
    return lines[-1].strip() if lines else "nothing yet"


def _line(outcome: Outcome) -> str:
    return (
        f"killed after {outcome.killed_after_s:5.1f} s ({outcome.had_said}): children gone in {outcome.gone_s:.1f} s, "
        f"next start ready in {outcome.ready_s:.1f} s with {outcome.candles} minutes"
    )
