"""Gaps that a process left open in the ledger though the log has what they lacked: it ended before it could say so."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from pipeline.domain.gap import Gap

Run = tuple[int, int]
"""Trade ids from the first up to, not including, the second."""


class _Ids(msgspec.Struct, gc=False):
    """The letters of a trade record that say which trades it covers."""

    s: str
    t: int | None = None
    f: int | None = None
    l: int | None = None  # noqa: E741 (the exchange's letter)


_DECODE = msgspec.json.Decoder(_Ids).decode


def runs_of(entries: Iterable[tuple[str, bytes]]) -> dict[str, list[Run]]:
    """The trade ids in (key, trade record) pairs, by symbol, as the fewest runs, ascending."""
    found: dict[str, list[Run]] = {}
    for _, value in entries:
        try:
            ids = _DECODE(value)
        except msgspec.DecodeError:
            continue
        first, last = (ids.t, ids.t) if ids.t is not None else (ids.f, ids.l)
        if first is not None and last is not None:
            found.setdefault(ids.s, []).append((first, last + 1))
    return {symbol: _joined(runs) for symbol, runs in found.items()}


def filled(gaps: Iterable[Gap], logged: Mapping[str, Sequence[Run]]) -> list[tuple[str, int, int]]:
    """(symbol, start, end) of what of the gaps of trades lies in the log after all."""
    return [
        (gap.symbol, max(gap.start, start), min(gap.end, end))
        for gap in gaps
        for start, end in logged.get(gap.symbol, ())
        if max(gap.start, start) < min(gap.end, end)
    ]


def _joined(runs: list[Run]) -> list[Run]:
    joined: list[Run] = []
    for start, end in sorted(runs):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined
