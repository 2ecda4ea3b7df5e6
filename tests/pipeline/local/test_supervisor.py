"""The supervisor: order of starting and stopping, restarts, crash loops, and nothing that outlives it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from pipeline.local.child import CRASH_LIMIT, LONGEST_DELAY_S, STABLE_S, Child, ProcessSpec, State
from pipeline.local.logs import BoundedLog
from pipeline.local.screen import describe
from tests.pipeline.local.toys import Watched, python_toy, toy
from tests.servers.waiting import wait_for


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    watched = Watched(tmp_path)
    yield watched
    watched.supervisor.stop(hurry=lambda: True)


def test_a_process_starts_only_when_what_it_needs_is_ready(watched: Watched) -> None:
    open_door = [False]
    watched.supervisor.add([toy("page", needs=("store",)), toy("store", probe=lambda: open_door[0])])
    watched.run_until("store", State.STARTING)
    assert watched["page"].state == State.WAITING
    open_door[0] = True
    watched.run_until("page", State.RUNNING, step_s=0.3)
    assert watched.changes.index(("store", State.RUNNING)) < watched.changes.index(("page", State.STARTING))


def test_a_need_that_is_not_ours_is_taken_for_granted(watched: Watched) -> None:
    watched.supervisor.add([toy("page", needs=("a server of the user",))])
    watched.run_until("page", State.RUNNING, step_s=0.3)


def test_a_killed_process_is_restarted_under_another_pid(watched: Watched) -> None:
    watched.supervisor.add([toy("stage")])
    watched.run_until("stage", State.RUNNING, step_s=0.3)
    pid = watched["stage"].pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    watched.run_until("stage", State.BACKOFF)
    assert watched["stage"].last_end == "ended by SIGKILL"
    watched.run_until("stage", State.RUNNING, step_s=0.3)
    assert watched["stage"].pid not in (None, pid)
    assert watched["stage"].restarts == 1


def test_each_crash_waits_longer_than_the_one_before(tmp_path: Path) -> None:
    child, delays = Child(toy("stage"), BoundedLog(tmp_path / "log")), list[float]()
    for crash in range(CRASH_LIMIT - 1):
        child.note_crash(float(crash), jitter=0.0)
        delays.append(child.retry_at - crash)
    assert delays == [0.5, 1.0, 2.0, 4.0]


def test_a_crash_after_a_stable_minute_begins_a_new_count(tmp_path: Path) -> None:
    child = Child(toy("stage"), BoundedLog(tmp_path / "log"))
    for life in range(3 * CRASH_LIMIT):
        child.note_ready(life * 100.0)
        child.note_crash(life * 100.0 + STABLE_S, jitter=0.0)
        assert (child.state, child.retry_at) == (State.BACKOFF, life * 100.0 + STABLE_S + 0.5)


def test_a_process_that_dies_every_fifty_seconds_is_given_up_like_one_that_dies_at_once(tmp_path: Path) -> None:
    child, lives = Child(toy("stage"), BoundedLog(tmp_path / "log")), 0
    while child.state != State.FAILED:
        child.note_ready(lives * 51.0)
        child.note_crash(lives * 51.0 + 50.0, jitter=0.0)
        lives += 1
    assert lives == CRASH_LIMIT


def test_an_end_whose_cause_stays_is_told_and_not_tried_again(watched: Watched) -> None:
    script = "echo a long story; echo out of luck; exit 14"
    watched.supervisor.add([toy("store", script, explain=lambda lines: "buy luck" if "out of luck" in lines else "")])
    watched.run_until("store", State.FAILED, step_s=0.5)
    assert watched["store"].restarts == 0
    assert describe(watched["store"]) == ["store failed: buy luck"]


def test_a_cause_in_the_log_of_an_earlier_life_is_not_the_cause_of_this_end(watched: Watched) -> None:
    lives: list[list[str]] = []

    def explain(lines: Sequence[str]) -> str:
        lives.append(list(lines))
        return ""

    watched.supervisor.add([toy("store", "echo one line a life; exit 1", explain=explain)])
    watched.run_until("store", State.FAILED, step_s=20.0)
    assert lives == [["one line a life"]] * CRASH_LIMIT


def test_a_crash_loop_ends_in_failed_with_its_last_lines_kept(watched: Watched) -> None:
    watched.supervisor.add([toy("stage", "echo no such luck; exit 3")])
    watched.run_until("stage", State.FAILED, step_s=0.5)
    assert watched["stage"].restarts == CRASH_LIMIT - 1
    assert watched["stage"].last_end == "exit status 3"
    wait_for(lambda: watched["stage"].log.last_lines() == ["no such luck"] * CRASH_LIMIT, what="five lines")
    watched.now += 1000
    watched.supervisor.tick()
    assert watched["stage"].state == State.FAILED


def test_a_process_that_calls_itself_misconfigured_is_not_tried_again(watched: Watched) -> None:
    watched.supervisor.add([toy("stage", "exit 78")])
    watched.run_until("stage", State.FAILED)
    assert watched["stage"].restarts == 0


def test_a_process_whose_server_is_away_is_tried_again_without_limit(watched: Watched) -> None:
    watched.supervisor.add([toy("stage", "exit 75")])
    delays = list[float]()
    for restarts in range(3 * CRASH_LIMIT):
        watched.run_until("stage", State.BACKOFF)
        assert watched["stage"].restarts == restarts
        delays.append(watched["stage"].retry_at - watched.now)
        watched.now = watched["stage"].retry_at
        watched.run_until("stage", State.STARTING)
    assert max(delays) <= LONGEST_DELAY_S
    assert min(delays[CRASH_LIMIT:]) >= LONGEST_DELAY_S / 2


def test_the_time_a_server_was_away_does_not_count_towards_a_crash_loop(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    script = f"cd {tmp_path}; echo >> ends; [ $(wc -l < ends) -gt {CRASH_LIMIT} ] && exit 3; exit 75"
    watched.supervisor.add([toy("stage", script)])
    wait_for(lambda: watched.hurried("stage").last_end == "exit status 3", what="the first crash")
    assert watched["stage"].state == State.BACKOFF
    watched.run_until("stage", State.FAILED, step_s=0.5)
    assert watched["stage"].restarts == 2 * CRASH_LIMIT - 1


def test_a_program_that_is_not_there_fails_with_its_name_in_the_log(watched: Watched) -> None:
    watched.supervisor.add([ProcessSpec(name="stage", command=("/no/such/program",))])
    watched.run_until("stage", State.FAILED, step_s=0.5)
    assert "/no/such/program: No such file or directory" in watched["stage"].log.last_lines()


def test_a_process_that_never_answers_is_killed_at_its_deadline_and_tried_again(watched: Watched) -> None:
    watched.supervisor.add([toy("store", probe=lambda: False, ready_within_s=2)])
    watched.run_until("store", State.BACKOFF)
    assert watched.now > 2
    assert watched["store"].log.last_lines() == ["not ready within 2 s; killed"]


def test_what_is_needed_is_stopped_after_what_needs_it(watched: Watched) -> None:
    watched.supervisor.add([toy("store"), toy("stage", needs=("store",)), toy("page", needs=("store", "stage"))])
    watched.run_until("page", State.RUNNING, step_s=0.3)
    watched.supervisor.stop()
    assert [name for name, state in watched.changes if state == State.STOPPED] == ["page", "stage", "store"]


def test_a_process_that_ignores_sigterm_is_killed_at_its_deadline(watched: Watched) -> None:
    script = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    )
    watched.supervisor.add([python_toy("deaf", script, stop_within_s=5)])
    watched.run_until("deaf", State.RUNNING, step_s=0.3)
    wait_for(lambda: watched["deaf"].log.last_lines() == ["deaf"], what="the process to be deaf")
    assert not watched.supervisor.stop_step()
    watched.now += 4
    assert not watched.supervisor.stop_step()
    assert watched["deaf"].pid
    watched.now += 2
    wait_for(watched.supervisor.stop_step, what="the kill")
    assert watched["deaf"].state == State.STOPPED


def test_hurry_kills_without_waiting_for_the_deadline(watched: Watched) -> None:
    watched.supervisor.add([toy("deaf", "trap '' TERM; echo deaf; while :; do sleep 1; done", stop_within_s=1e9)])
    watched.run_until("deaf", State.RUNNING, step_s=0.3)
    wait_for(lambda: watched["deaf"].log.last_lines() == ["deaf"], what="the process to be deaf")
    watched.supervisor.stop(hurry=lambda: True)
    assert watched["deaf"].state == State.STOPPED


def test_workers_do_not_outlive_a_master_that_crashed(watched: Watched) -> None:
    watched.supervisor.add([toy("master", "sleep 600 & echo $!; wait")])
    watched.run_until("master", State.RUNNING, step_s=0.3)
    worker = int(wait_for(watched["master"].log.last_lines, what="the worker's pid")[0])
    master = watched["master"].pid
    assert master
    os.kill(master, signal.SIGKILL)
    watched.run_until("master", State.BACKOFF)
    wait_for(lambda: is_gone(worker), what="end of the worker")


def test_children_die_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    script = (
        "import pathlib, time\n"
        "from pipeline.local.supervisor import Supervisor\n"
        "from tests.pipeline.local.toys import toy\n"
        f"supervisor = Supervisor(pathlib.Path({str(tmp_path)!r}))\n"
        "supervisor.add([toy('stage')])\n"
        "supervisor.tick()\n"
        "print(supervisor.children['stage'].pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout
        child = int(supervisor.stdout.readline())
        assert not is_gone(child)
        supervisor.kill()
    wait_for(lambda: is_gone(child), within_s=3, what="end of the child")


def test_a_log_never_outgrows_twice_its_bound(tmp_path: Path) -> None:
    log = BoundedLog(tmp_path / "stage.log", limit=1000)
    for number in range(1000):
        log.write(b"line %d\n" % number)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 2100
    assert log.last_lines(1) == ["line 999"]


def is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
