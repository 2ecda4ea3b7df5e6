"""The events by kind: how often, how long the data was stale after them, and how old it got."""

from collections.abc import Iterable, Sequence
from math import ceil
from typing import Any

from bench.chaos.events import Event
from bench.chaos.freshness import Sample

_UNREAD_S = 900.0


def rows_of(samples: Sequence[Sample], events: Sequence[Event]) -> list[dict[str, Any]]:
    """A row a kind: ``{name, times, struck, recovery_p50_s, recovery_p95_s, staleness_s, demands_s, beyond_s}``.

    ``demands_s`` is the longest wait the fault itself asks for, ``beyond_s`` the longest recovery without it.
    """
    kinds: dict[str, list[Event]] = {}
    for event in events:
        kinds.setdefault(event.name, []).append(event)
    return [_row(name, kinds[name], samples) for name in sorted(kinds)]


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that ``share`` of ``values`` do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, ceil(round(len(ordered) * share, 6)) - 1)]


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as text."""
    lines = [f"{'event':18} {'struck':>8} {'recovery p50':>13} {'p95':>7} {'of it asked':>12} {'oldest datum':>13}"]
    lines += [
        f"{row['name']:18} {row['struck']:3d} of {row['times']:d} {row['recovery_p50_s']:11.1f} s"
        f" {row['recovery_p95_s']:5.1f} s {row['demands_s']:10.1f} s {row['staleness_s']:11.1f} s"
        for row in rows
    ]
    return "\n".join(lines)


def _row(name: str, events: Sequence[Event], samples: Sequence[Sample]) -> dict[str, Any]:
    recoveries = [event.recovery_s(samples) for event in events]
    return {
        "name": name,
        "times": len(events),
        "struck": sum(event.struck for event in events),
        "recovery_p50_s": round(percentile(recoveries, 0.5), 2),
        "recovery_p95_s": round(percentile(recoveries, 0.95), 2),
        "demands_s": max(event.demands_s for event in events),
        "beyond_s": round(max(max(0.0, s - e.demands_s) for s, e in zip(recoveries, events, strict=True)), 2),
        "staleness_s": round(max(_oldest_s(event, samples) for event in events), 2),
    }


def _oldest_s(event: Event, samples: Sequence[Sample]) -> float:
    ages = (sample.age_s for sample in samples if event.began <= sample.at < event.until)
    return max((age for age in ages if age < _UNREAD_S), default=0.0)
