"""What was to be reached, line by line: recovery in time, everything struck, and clean accounts."""

from collections.abc import Sequence

from bench.chaos.accounts import Accounts
from bench.chaos.events import Event
from bench.chaos.freshness import Sample
from bench.chaos.table import percentile

STREAM_FAULT_S, KILL_S = 5.0, 15.0
"""Fresh again so soon: after a fault of the stream (95th percentile), and after a kill (always)."""
Verdict = tuple[bool, str]


def verdicts(events: Sequence[Event], samples: Sequence[Sample], accounts: Accounts) -> list[Verdict]:
    """Each target with whether it was reached."""
    faults = [event for event in events if not event.kill]
    groups = (
        ("faults of the exchange", [event for event in faults if not event.demands_s], 0.95, STREAM_FAULT_S),
        ("faults that demand a wait, beyond it", [event for event in faults if event.demands_s], 0.95, STREAM_FAULT_S),
        ("kills", [event for event in events if event.kill], 1.0, KILL_S),
    )
    recoveries = [_recovered(name, group, samples, share, limit_s) for name, group, share, limit_s in groups if group]
    return [*recoveries, _struck(events), *accounts.lines()]


def beyond_demand_s(event: Event, samples: Sequence[Sample]) -> float:
    """How long after an event the data was stale, without what the fault itself asks us to wait."""
    return max(0.0, event.recovery_s(samples) - event.demands_s)


def _recovered(name: str, events: Sequence[Event], samples: Sequence[Sample], share: float, limit_s: float) -> Verdict:
    found = percentile([beyond_demand_s(event, samples) for event in events], share)
    slowest = max(events, key=lambda event: beyond_demand_s(event, samples))
    word = "p95" if share < 1 else "at most"
    return found <= limit_s, (
        f"{name}: fresh again within {found:.1f} s ({word} of {len(events)}; the target is {limit_s:g} s), "
        f"slowest {slowest.name}: {beyond_demand_s(slowest, samples):.1f} s"
    )


def _struck(events: Sequence[Event]) -> Verdict:
    missed = sorted({event.name for event in events if not event.struck})
    return not missed, f"events that happened: {sum(event.struck for event in events)} of {len(events)} {missed or ''}"
