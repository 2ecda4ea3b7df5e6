"""Which trades the log holds at its end, so that a process that starts knows what it missed."""

from collections.abc import Iterable

import msgspec

from pipeline.domain.coverage import Coverage


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
    for _, value in entries:
        try:
            ids = _DECODE(value)
        except msgspec.DecodeError:
            continue
        first, last = (ids.t, ids.t) if ids.t is not None else (ids.f, ids.l)
        if first is not None and last is not None:
            found.setdefault(ids.s, Coverage()).take(first, last, time_ms=ids.T, now_ms=now_ms)
    return found
