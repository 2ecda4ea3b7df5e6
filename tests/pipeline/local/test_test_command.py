"""``./run test``: it fails when a part fails, and says how long each took."""

import sys

import pytest

from pipeline.local.commands import test as command
from pipeline.local.commands.test import PARTS, Outcome, run_part, summary


def test_the_parts_are_the_ones_the_readme_names_in_their_order() -> None:
    assert list(PARTS) == ["lint", "types", "imports", "unit", "starts", "integration", "browser"]


@pytest.mark.parametrize(("status", "verdict"), [(0, "passed"), (1, "failed"), (5, "failed")])
def test_a_part_ends_as_its_program_does(status: int, verdict: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(command.PARTS, "lint", ((sys.executable, "-c", f"raise SystemExit({status})"),))
    assert run_part("lint").verdict == verdict


def test_a_pytest_that_finds_nothing_says_so_and_does_not_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(command.PARTS, "unit", ((sys.executable, "-c", "raise SystemExit(5)", "pytest"),))
    assert run_part("unit").verdict == "no tests"


def test_the_summary_ends_with_the_count() -> None:
    lines = summary([Outcome("lint", 1.5, "passed"), Outcome("unit", 2.0, "failed")])
    assert lines[1:3] == ["lint         passed        1.5 s", "unit         failed        2.0 s"]
    assert lines[-1] == "1 passed, 1 failed"
