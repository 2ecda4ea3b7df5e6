"""The state of the whole system in one sentence, from what was seen of its parts."""

from collections.abc import Sequence
from dataclasses import dataclass

from layouts.parts.standing import Freshness, Process, Store

NAMED = 4


@dataclass(frozen=True, slots=True)
class Away:
    """What could not be learnt, and the store that would have known it."""

    store: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the reads said of every part; ``history`` is 0 … 1, None when none is being loaded."""

    stores: Sequence[Store]
    processes: Sequence[Process] | Away
    markets: Sequence[Freshness] | Away
    history: float | Away | None

    @property
    def down(self) -> list[str]:
        """The stores that do not answer."""
        down = [store.name for store in self.stores if not store.up]
        asked = (self.processes, self.markets, self.history)
        return list(dict.fromkeys([*down, *(each.store for each in asked if isinstance(each, Away))]))


def verdict(seen: Seen) -> tuple[str, str]:
    """(sentence, level): ``bad`` where something is away or silent, ``warn`` where it will mend itself, ``good``."""
    if seen.down:
        return f"{_listed(seen.down)} {_does(seen.down)} not answer; what it knows is missing here.", "bad"
    assert not isinstance(seen.processes, Away)
    assert not isinstance(seen.markets, Away)
    silent = [process.name for process in seen.processes if process.age_ms is None]
    if silent:
        return f"{_listed(silent)} {'is' if len(silent) == 1 else 'are'} silent.", "bad"
    if not seen.markets:
        return "No market is followed yet: ingest has not said which are trading.", "warn"
    stale = [market.symbol for market in seen.markets if market.is_stale]
    if stale:
        return f"{len(stale)} of {len(seen.markets)} markets not heard of lately: {_listed(stale)}.", "bad"
    return _working(seen, len(seen.processes), len(seen.markets))


def _working(seen: Seen, processes: int, markets: int) -> tuple[str, str]:
    parts = ", ".join(
        [
            _counted(len(seen.stores), "store answers", "stores answer"),
            _counted(processes, "process beats", "processes beat"),
            _counted(markets, "market is fresh", "markets are fresh"),
        ]
    )
    if seen.history is None or isinstance(seen.history, Away):
        return f"Everything runs: {parts}.", "good"
    return f"Everything runs: {parts}; history is {round(100 * seen.history)} % loaded.", "warn"


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    shown = list(names[:NAMED])
    if more or len(shown) == 1:
        return ", ".join(shown) + more
    return ", ".join(shown[:-1]) + f" and {shown[-1]}"


def _does(names: Sequence[str]) -> str:
    return "does" if len(names) == 1 else "do"
