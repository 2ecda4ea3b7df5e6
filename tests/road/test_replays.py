"""However fast a recording is played, and whatever is killed half-way, the final state is the recording's own."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.replays.play import played
from bench.replays.state import differences, hashes
from bench.replays.told import symbols_of, told
from pipeline.settings import Settings
from tests.road.recordings import EXCERPT
from tests.road.running import Road, running_road

STAGES = ("exchange", "ingest", "cache", "archive")
KILLED = ("ingest", "cache", "archive")
DOT = EXCERPT.with_name("dotusdt_20210404_excerpt.txt.gz")
FASTEST = "1e9"
"""So many times real time that the readers alone say how fast."""


@dataclass(frozen=True, slots=True)
class Supervised:
    """The test's own processes, looked after by the test."""

    road: Road

    @property
    def settings(self) -> Settings:
        return self.road.settings

    def kill(self, process: str) -> None:
        pid = self.road.supervisor.children[process].pid
        assert pid, f"{process} does not run"
        os.kill(pid, signal.SIGKILL)

    def look(self) -> None:
        self.road.supervisor.tick()
        assert not self.road.supervisor.failed()


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("recording", "speed", "kill"),
    [
        pytest.param(EXCERPT, "20", (), id="trades, 20 times"),
        pytest.param(EXCERPT, FASTEST, (), id="trades, fastest"),
        pytest.param(EXCERPT, "20", KILLED, id="trades, 20 times, all killed"),
        pytest.param(EXCERPT, FASTEST, ("ingest",), id="trades, fastest, ingest killed"),
        pytest.param(DOT, FASTEST, KILLED, id="klines, fastest, all killed"),
    ],
)
def test_the_final_state_is_the_recordings_own(
    namespace: Settings, tmp_path: Path, recording: Path, speed: str, kill: tuple[str, ...]
) -> None:
    expected = told((recording,))
    assert all(expected[part] for part in ("minutes", "latest", "book"))
    variables = {"SYMBOLS": ",".join(symbols_of((recording,))), "REPLAY_SPEED": speed, "HISTORY_DAYS": "1"}
    variables |= {"REPLAY_HOLD": "0.5"} if kill and speed == FASTEST else {}
    with running_road(namespace, tmp_path, processes=STAGES, source=f"replay:{recording}", **variables) as road:
        outcome = played(Supervised(road), expected, kill=kill, within_s=90)
    assert differences(outcome.state, expected) == []
    assert hashes(outcome.state) == hashes(expected)
