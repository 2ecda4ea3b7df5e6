"""Gaps that a process left open in the ledger though the log has what they lacked: it ended before it could say so."""

from collections.abc import Iterable, Mapping, Sequence

from pipeline.domain.gap import Gap
from pipeline.stages.covered import Run


def filled(gaps: Iterable[Gap], logged: Mapping[str, Sequence[Run]]) -> list[tuple[str, int, int]]:
    """(symbol, start, end) of what of the gaps of trades lies in the log after all."""
    return [
        (gap.symbol, max(gap.start, start), min(gap.end, end))
        for gap in gaps
        for start, end in logged.get(gap.symbol, ())
        if max(gap.start, start) < min(gap.end, end)
    ]
