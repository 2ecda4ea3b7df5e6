"""The events by kind: how often, how long the data was stale after them, and how old it got."""

from collections.abc import Iterable, Sequence
from typing import Any

from bench.chaos.events import Event
from bench.chaos.freshness import Sample, stale_until

_UNREAD_S = 900.0


def rows_of(samples: Sequence[Sample], events: Sequence[Event]) -> list[dict[str, Any]]:
    """A row a kind: ``{name, times, recovery_p50_s, recovery_p95_s, staleness_s}``; an event ends at the next."""
    found: dict[str, list[tuple[float, float]]] = {}
    ends = [*(event.began for event in events[1:]), float("inf")]
    for event, end in zip(events, ends, strict=True):
        own = [sample for sample in samples if event.began <= sample.at < end]
        recovery = max(0.0, stale_until(own, event.began) - (event.over if event.lasts_s else event.began))
        ages = [sample.age_s for sample in own if sample.age_s < _UNREAD_S]
        found.setdefault(event.name, []).append((recovery, max(ages, default=0.0)))
    return [_row(name, outcomes) for name, outcomes in sorted(found.items())]


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that ``share`` of ``values`` do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * int(share * 100) // 100) - 1)]


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as text."""
    lines = [f"{'event':18} {'times':>5} {'recovery p50':>13} {'p95':>7} {'oldest datum':>13}"]
    lines += [
        f"{row['name']:18} {row['times']:5d} {row['recovery_p50_s']:11.1f} s {row['recovery_p95_s']:5.1f} s"
        f" {row['staleness_s']:11.1f} s"
        for row in rows
    ]
    return "\n".join(lines)


def _row(name: str, outcomes: Sequence[tuple[float, float]]) -> dict[str, Any]:
    recoveries = [recovery for recovery, _ in outcomes]
    return {
        "name": name,
        "times": len(outcomes),
        "recovery_p50_s": round(percentile(recoveries, 0.5), 2),
        "recovery_p95_s": round(percentile(recoveries, 0.95), 2),
        "staleness_s": round(max(age for _, age in outcomes), 2),
    }
