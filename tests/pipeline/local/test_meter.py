"""The meter: elapsed time, frames, their rate, bytes and reconnects; a line every ten seconds where nobody watches."""

from pathlib import Path

import pytest

from pipeline.local.meter import PLAIN_EVERY_S, Meter, progress, size
from pipeline.recording import Recording
from pipeline.settings import Settings
from tests.pipeline.simulator.worlds import Clock


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    one = Recording(Settings(), tmp_path / "day.gz", tell=lambda _: None)
    one.kept.frames.update({"trade": 1_200, "bookTicker": 34})
    one.kept.reconnects, one.file.size = 2, 3_456_789
    return one


def test_a_line_says_everything(recording: Recording) -> None:
    text = progress(recording, frames=500, within_s=10)
    assert text.endswith("  1,234 frames  50/s  3.5 MB written  2 reconnects")
    assert size(999) == "1.0 kB"


def test_elsewhere_than_on_a_terminal_a_line_comes_every_ten_seconds(
    recording: Recording, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = Clock(0)
    meter = Meter(clock=clock, living=False)
    for second in range(int(2 * PLAIN_EVERY_S) + 1):
        clock.now_ms = second
        meter.show(recording)
    meter.close()
    captured = capsys.readouterr()
    assert captured.out == ""
    assert ["123/s" in line or "0/s" in line for line in captured.err.splitlines()] == [True, True]


def test_a_living_line_leaves_the_terminal_as_it_was(recording: Recording, capsys: pytest.CaptureFixture[str]) -> None:
    meter = Meter(living=True)
    meter.show(recording)
    meter.tell("gap: a line that stays")
    meter.close()
    assert "gap: a line that stays" in capsys.readouterr().err
