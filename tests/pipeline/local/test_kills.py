"""The whole stack killed with -9 at random moments, and two whole stacks side by side."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from bench.kills import LATEST_S, RUN, kill_at
from bench.orphans import processes_in
from bench.stack import clean
from pipeline.local.http import get
from pipeline.local.processes import OWN, SERVERS
from pipeline.local.state import StackRecord, read_state
from tests.servers.waiting import wait_for

pytestmark = [pytest.mark.starts, pytest.mark.timeout(600)]

READY_WITHIN_S = 180


def test_a_start_killed_at_any_moment_leaves_nobody_and_the_next_one_works(tmp_path: Path) -> None:
    seed = time.time_ns()
    chosen = random.Random(seed)
    moments = [chosen.uniform(0, 8), chosen.uniform(8, LATEST_S)]
    outcomes = kill_at(moments, tmp_path / "data")
    assert len(outcomes) == len(moments), seed
    assert all(outcome.gone_s <= 5 for outcome in outcomes), (seed, outcomes)
    assert all(outcome.stopped == 0 for outcome in outcomes), (seed, outcomes)


def test_two_stacks_run_side_by_side_and_one_does_not_notice_the_others_death(tmp_path: Path) -> None:
    roots = [tmp_path / "one", tmp_path / "two"]
    with started(roots[0]) as one, started(roots[1]):
        for root in roots:
            wait_for(partial(is_ready, root), within_s=READY_WITHIN_S, what=f"the page of {root}")
        ports = [{process.port for process in stack_on(root).processes if process.port} for root in roots]
        assert not ports[0] & ports[1]
        one.kill()
        wait_for(lambda: processes_in(roots[0]) == [], within_s=5, what="end of the first")
        assert is_ready(roots[1])
        names = (*SERVERS, *OWN)
        assert {(process.name, process.restarts) for process in stack_on(roots[1]).processes} == {
            (name, 0) for name in names
        }


@contextmanager
def started(root: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A stack on ``root``, stopped at the end."""
    environment = {**clean(os.environ), "SOURCE": "simulator", "HISTORY_DAYS": "0", "DATA_DIR": str(root)}
    with root.with_suffix(".log").open("w") as output:
        stack = subprocess.Popen([RUN, "up"], env=environment, stdout=output, stderr=output)
    try:
        yield stack
    finally:
        stack.send_signal(signal.SIGTERM)
        try:
            stack.wait(60)
        finally:
            stack.kill()


def is_ready(root: Path) -> bool:
    """Whether the page of the stack on ``root`` says that it is ready."""
    told = read_state(root)
    return bool(told and told.url and get(f"{told.url}/readyz")[0] == 200)


def stack_on(root: Path) -> StackRecord:
    """What the stack on ``root`` wrote down of itself."""
    told = read_state(root)
    assert told
    return told
