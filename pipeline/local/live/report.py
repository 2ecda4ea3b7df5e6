"""The verdicts on the exchange: one row an assumption, as a table for people or one JSON object for programs."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from inspect import getdoc
from typing import Any

from rich.table import Table

from pipeline.domain.faults import Fault
from pipeline.local.live import book_checks, candle_checks, rest_checks, stream_checks
from pipeline.local.live.evidence import Check, Evidence, UnseenError

ROOMS = {"rest": rest_checks, "stream": stream_checks, "candle": candle_checks, "book": book_checks}
_COLOURS = {"holds": "green", "differs": "red", "unseen": "yellow"}


class Verdict(StrEnum):
    """Whether an assumption holds; ``unseen`` says that nothing came to judge it by."""

    HOLDS = "holds"
    DIFFERS = "differs"
    UNSEEN = "unseen"


@dataclass(frozen=True, slots=True)
class Row:
    """One assumption and what became of it."""

    check: str
    assumption: str
    expected: str
    found: str
    verdict: Verdict


def judged(evidence: Evidence) -> list[Row]:
    """Every check's verdict, in order of room."""
    return [
        _row(f"{room}.{check.__name__}", check, evidence) for room, module in ROOMS.items() for check in module.CHECKS
    ]


def _row(name: str, check: Check, evidence: Evidence) -> Row:
    assumption = " ".join((getdoc(check) or "").split())
    try:
        judgement = check(evidence)
    except UnseenError as error:
        return Row(name, assumption, "", str(error), Verdict.UNSEEN)
    except (Fault, LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        return Row(name, assumption, "what can be read", f"{type(error).__name__}: {error}"[:200], Verdict.DIFFERS)
    return Row(
        name, assumption, judgement.expected, judgement.found, Verdict.HOLDS if judgement.holds else Verdict.DIFFERS
    )


def are_good(rows: Iterable[Row]) -> bool:
    """Whether nothing was found to differ."""
    return all(row.verdict is not Verdict.DIFFERS for row in rows)


def table(rows: Sequence[Row]) -> Table:
    """The rows for a terminal."""
    shown = Table("assumption", "expected", "found", "verdict", show_lines=False, expand=False)
    for row in rows:
        verdict = f"[{_COLOURS[row.verdict]}]{row.verdict}[/]"
        shown.add_row(_plain(row.assumption), _plain(row.expected), _plain(row.found), verdict)
    return shown


def closing_line(rows: Sequence[Row]) -> str:
    """How many hold, differ, and could not be seen."""
    counts = [sum(row.verdict is verdict for row in rows) for verdict in Verdict]
    return f"{counts[0]} of {len(rows)} assumptions hold, {counts[1]} differ, {counts[2]} could not be seen"


def document(rows: Sequence[Row], *, rest_url: str, ws_url: str, symbol: str, seconds: float) -> dict[str, Any]:
    """The same as JSON."""
    return {
        "ok": are_good(rows), "rest": rest_url, "ws": ws_url, "symbol": symbol, "seconds": seconds,
        "checks": [asdict(row) for row in rows],
    }  # fmt: skip


def _plain(text: str) -> str:
    return text.replace("[", r"\[")
