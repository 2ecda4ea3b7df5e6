"""``./run test``: it fails when a part fails, and says how long each took."""

import re
import sys
from pathlib import Path

import pytest

from pipeline.local.commands import test as command
from pipeline.local.commands.test import PARTS, Outcome, run_part, summary


def test_the_parts_are_the_ones_the_readme_names_in_their_order() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    rows = [line.split("|")[1] for line in readme.splitlines() if line.startswith("| `")]
    assert list(PARTS) == re.findall(r"`(\w+)`", " ".join(rows))


@pytest.mark.parametrize(("status", "verdict"), [(0, "passed"), (1, "failed"), (5, "failed")])
def test_a_part_ends_as_its_program_does(status: int, verdict: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(command.PARTS, "lint", ((sys.executable, "-c", f"raise SystemExit({status})"),))
    assert run_part("lint").verdict == verdict


def test_a_pytest_that_finds_nothing_says_so_and_does_not_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(command.PARTS, "unit", ((sys.executable, "-c", "raise SystemExit(5)", "pytest"),))
    assert run_part("unit").verdict == "no tests"


def test_the_summary_ends_with_the_count() -> None:
    lines = summary([Outcome("lint", 1.5, "passed"), Outcome("unit", 125.0, "failed")])
    assert lines[1:3] == ["lint         passed        0.0 min", "unit         failed        2.1 min"]
    assert lines[-1] == "1 passed, 1 failed"
