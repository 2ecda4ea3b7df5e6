"""Progress on standard error."""

import pytest

from pipeline.local.workbar import PLAIN_EVERY_S, WorkBar


def test_where_nobody_looks_a_line_comes_every_ten_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    now_s = 0.0
    with WorkBar(unit="minutes", clock=lambda: now_s, living=False) as bar:
        bar.begin(10_000)
        for _ in range(8):
            now_s += PLAIN_EVERY_S / 4
            bar.advance(1_000)
    seen = capsys.readouterr()
    assert seen.err.splitlines() == ["4,000 of 10,000 minutes", "8,000 of 10,000 minutes"]
    assert seen.out == ""


def test_on_a_terminal_lines_stay_and_the_bar_goes(capsys: pytest.CaptureFixture[str]) -> None:
    with WorkBar(unit="minutes", living=True) as bar:
        bar.begin(2)
        bar.advance(2)
        bar.tell("[up to] noon")
    seen = capsys.readouterr()
    assert "[up to] noon" in seen.err
    assert seen.out == ""
