"""``./run test``: every test of the repository, part by part, with the minutes each took."""

import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import click

from pipeline.lifeline import status_of
from pipeline.local import apt

_SCRIPTS = Path(sys.executable).parent
_NO_TESTS = 5
"""pytest's exit status when it found nothing to run."""
_PYTEST = (sys.executable, "-m", "pytest", "-q", "-m")
_SIDE_BY_SIDE = ("-n", "3", "--dist")
"""Three at once on two cores: these tests wait for processes much of the time."""
PARTS: dict[str, tuple[tuple[str, ...], ...]] = {
    "lint": (("ruff", "check", "."), ("ruff", "format", "--check", ".")),
    "types": (("mypy",),),
    "imports": (("lint-imports",),),
    "unit": ((*_PYTEST, "not starts and not servers and not browser", *_SIDE_BY_SIDE, "loadfile"),),
    "starts": ((*_PYTEST, "starts and not servers", *_SIDE_BY_SIDE, "load"),),
    "integration": ((*_PYTEST, "servers"),),
    "browser": ((*_PYTEST, "browser and not servers", "-n", "2", "--dist", "load"),),
}
"""What each part runs; a part has passed when every command has ended with 0."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a part ended."""

    part: str
    seconds: float
    verdict: str

    @property
    def is_good(self) -> bool:
        """Whether nothing failed."""
        return self.verdict != "failed"


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("part", required=False, type=click.Choice(list(PARTS)))
@click.argument("more", nargs=-1, type=click.UNPROCESSED)
def command(part: str | None, more: tuple[str, ...]) -> None:
    """Run every test, or one PART; what follows PART is handed to its program (`./run test unit -k candle`)."""
    chosen = [part] if part else list(PARTS)
    if {"integration", "browser"} & set(chosen) and not shutil.which("chromium"):
        apt.install("chromium", why="these tests need Chromium")
    outcomes = [run_part(name, more) for name in chosen]
    for line in summary(outcomes):
        click.echo(line)
    sys.exit(0 if all(outcome.is_good for outcome in outcomes) else 1)


def run_part(part: str, more: tuple[str, ...] = ()) -> Outcome:
    """Run the commands of one part until one fails."""
    click.echo(f"== {part}")
    began = time.monotonic()
    verdict = "passed"
    for words in PARTS[part]:
        status = status_of((_program(words[0]), *words[1:], *more))
        if status == _NO_TESTS and "pytest" in words:
            verdict = "no tests"
        elif status:
            verdict = "failed"
            break
    return Outcome(part, time.monotonic() - began, verdict)


def summary(outcomes: list[Outcome]) -> list[str]:
    """One line a part, and the count of parts at the end."""
    lines = [f"{outcome.part:<12} {outcome.verdict:<9} {outcome.seconds / 60:7.1f} min" for outcome in outcomes]
    good = sum(outcome.is_good for outcome in outcomes)
    total = sum(outcome.seconds for outcome in outcomes)
    return ["==", *lines, f"{'all':<12} {'':<9} {total / 60:7.1f} min", f"{good} passed, {len(outcomes) - good} failed"]


def _program(name: str) -> str:
    """The program beside our Python, where it is one of its packages'."""
    beside = _SCRIPTS / name
    return str(beside) if beside.exists() else name
