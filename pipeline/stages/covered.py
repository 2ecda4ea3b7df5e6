"""Which trades the log holds at its end, so that a process that starts knows what it missed."""

from collections.abc import Iterable, Iterator

import msgspec

from pipeline.domain.coverage import Coverage

Run = tuple[int, int]
"""Trade ids from the first up to, not including, the second."""


class _Ids(msgspec.Struct, gc=False):
    """The letters of a trade record that say which trades it covers."""

    s: str
    T: int
    t: int | None = None
    f: int | None = None
    l: int | None = None  # noqa: E741 (the exchange's letter)


_DECODE = msgspec.json.Decoder(_Ids).decode


def covered(entries: Iterable[tuple[str, bytes]], *, now_ms: int) -> dict[str, Coverage]:
    """The coverage of each symbol by (key, trade record) pairs, in the log's order; what can't be read is no trade."""
    found: dict[str, Coverage] = {}
    for symbol, first, last, time_ms in _trades(entries):
        found.setdefault(symbol, Coverage()).take(first, last, time_ms=time_ms, now_ms=now_ms)
    return found


def runs_of(entries: Iterable[tuple[str, bytes]]) -> dict[str, list[Run]]:
    """The trade ids in (key, trade record) pairs, by symbol, as the fewest runs, ascending."""
    found: dict[str, list[Run]] = {}
    for symbol, first, last, _ in _trades(entries):
        found.setdefault(symbol, []).append((first, last + 1))
    return {symbol: _joined(runs) for symbol, runs in found.items()}


def _trades(entries: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, int, int, int]]:
    """(symbol, first id, last id, time in ms) of each record that is one of trades."""
    for _, value in entries:
        try:
            ids = _DECODE(value)
        except msgspec.DecodeError:
            continue
        first, last = (ids.t, ids.t) if ids.t is not None else (ids.f, ids.l)
        if first is not None and last is not None:
            yield ids.s, first, last, ids.T


def _joined(runs: list[Run]) -> list[Run]:
    joined: list[Run] = []
    for start, end in sorted(runs):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined
