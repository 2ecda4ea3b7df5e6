"""The table of failure modes: every row is there, and every test it names exists."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROWS = [
    [cell.strip() for cell in line.strip("|\n").split("|")]
    for line in (ROOT / "docs" / "failure-modes.md").read_text().splitlines()
    if re.match(r"\| S?\d+ \|", line)
]
TO_COME = ("S10", "S11")
NAMED = [(row[0], name) for row in ROWS for name in re.findall(r"`([^`]+)`", row[3])]


def test_every_numbered_failure_mode_has_its_row() -> None:
    assert [row[0] for row in ROWS] == [str(n) for n in range(1, 26)] + [f"S{n}" for n in range(1, 13)]


def test_every_row_that_applies_names_a_test() -> None:
    without = [row[0] for row in ROWS if not re.search(r"`tests/", row[3])]
    assert tuple(without) == TO_COME


@pytest.mark.parametrize(("row", "name"), NAMED)
def test_the_test_a_row_names_exists(row: str, name: str) -> None:
    path, _, function = name.partition("::")
    tree = ast.parse((ROOT / path).read_text())
    found = [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert function in found if function else any(name.startswith("test_") for name in found)
