"""What may happen: a fault of the exchange, or the end of a process; alone or together, in a seeded order."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.chaos.freshness import Sample, stale_until
from pipeline.simulator.mischief.kinds import Kind
from pipeline.simulator.mischief.malformed import FORMS
from pipeline.simulator.mischief.schedule import schedule

Order = Mapping[str, Any]
LASTING = ("silence", "stall", "slow", "skew")
"""Faults during which the data can't be fresh: their recovery counts from their end."""
AWAITED = ("malformed", "omit_closed", "missing_rows")
"""Faults that wait for frames of their own: their recovery counts from when they all had struck."""
A_MINUTE = ("silent_minutes", "outage", "lifecycle")
"""Faults of the next whole minute: their recovery counts from its end."""
AT_A_MINUTES_END = ("omit_closed", "missing_rows")
TRIGGERS = {
    **dict.fromkeys(("refuse", "ignore_subscribe"), "drop"),
    **dict.fromkeys(
        (
            "rest", "latency", "hang", "cut_answer", "half_answer", "html_answer", "stale_book", "empty_book",
            "crossed_book",
        ),
        "skip_depth",
    ),
}  # fmt: skip
"""A fault that waits for us to ask gets its occasion: a connection to be made anew, a book to be fetched."""
LIVELY = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
"""Symbols of which several trades a second can be expected."""
SPOILT_STREAMS = ("kline_1m", "trade", "depth@100ms", "bookTicker")
_ONLY_IN = {
    "low_above_high": ("kline_1m",),
    "ids_backwards": ("depth@100ms",),
    **dict.fromkeys(("future", "past"), ("kline_1m", "trade", "depth@100ms")),
}
SPOILT = tuple((form, kind) for form in FORMS for kind in _ONLY_IN.get(form, SPOILT_STREAMS))
"""Every form a malformed frame can take, on every stream whose events can take it."""


@dataclass(slots=True, kw_only=True)
class Event:
    """One thing that happens: ``orders`` go to the exchange, or process ``kill`` is killed.

    ``triggers`` give the orders their occasion; ``later`` ends what ``orders`` began, LATER_S after them. ``demands_s``
    is what the fault itself asks us to wait. ``struck``: whether all of it was seen to have happened.
    """

    name: str
    orders: tuple[Order, ...] = ()
    triggers: tuple[Order, ...] = ()
    later: tuple[Order, ...] = ()
    kill: str = ""
    lasts_s: float = 0.0
    demands_s: float = 0.0
    struck: bool = False
    began: float = 0.0
    over: float = 0.0
    until: float = float("inf")
    numbers: list[int] = field(default_factory=list)

    def recovery_s(self, samples: Sequence[Sample]) -> float:
        """How long after it was over the data was last stale."""
        own = [sample for sample in samples if self.began <= sample.at < self.until]
        return max(0.0, stale_until(own, self.began) - self.over)


@dataclass(frozen=True, slots=True)
class Happening:
    """What begins together; ``before_end_s`` (0: whenever) is how long before the end of a minute.

    ``meanwhile`` may happen while it lasts: to processes, and to markets it does not concern.
    """

    events: tuple[Event, ...]
    before_end_s: float = 0.0
    meanwhile: tuple["Happening", ...] = ()

    @property
    def name(self) -> str:
        """What it is called."""
        return " + ".join(event.name for event in self.events)

    @property
    def symbols(self) -> frozenset[str]:
        """The markets whose data it takes away for a minute."""
        matches = (str(order["match"]) for event in self.events for order in event.orders if event.name in A_MINUTE)
        return frozenset(match.upper() for match in matches)


LATER_S = 25.0
BEFORE_END_S = 3.5
FORGETS = "kill exchange"
"""After it the exchange knows nothing of its outages and closed markets."""
ALONE = (FORGETS, "kill ingest")
"""Kills that do not come while markets are closed: such a market is found open again within half a minute only."""


def plan(
    seed: int,
    processes: Sequence[str],
    *,
    symbols: Sequence[str],
    rounds: int,
    kinds: Sequence[str] | None = None,
    kills: Sequence[str] | None = None,
) -> list[Happening]:
    """Every kind of fault and every process, ``rounds`` times, shuffled; parameters by the dice of ``seed``."""
    dice = random.Random(seed)
    wanted = list(FAULTS if kinds is None else kinds)
    anytime: list[Event] = []
    at_ends: list[Happening] = []
    for number in range(rounds):
        killed = [Event(name=f"kill {name}", kill=name) for name in (processes if kills is None else kills)]
        alone = [event for event in killed if event.name in ALONE or not set(A_MINUTE) & set(wanted)]
        meanwhile = [Happening((event,)) for event in dice.sample(killed, len(killed)) if event not in alone]
        anytime += [*_anytime(seed + number, wanted, symbols, dice), *alone]
        at_ends += _together(AT_A_MINUTES_END, wanted, symbols, dice)
        at_ends += _together(A_MINUTE, wanted, symbols, dice, meanwhile=tuple(meanwhile))
    dice.shuffle(anytime)
    early = sorted(anytime, key=lambda event: event.name != FORGETS)
    return [*(Happening((event,)) for event in early), *at_ends]


def next_of(waiting: list[Happening], *, to_the_end_s: float) -> Happening:
    """Take out what is next: what waits for the end of a minute if that is near, or if nothing else is left."""
    timed = next((one for one in waiting if one.before_end_s and not _is_too_early(one, waiting)), None)
    anytime = next((one for one in waiting if not one.before_end_s), None)
    found = timed if timed and (anytime is None or one_is_near(to_the_end_s)) else anytime or waiting[0]
    waiting.remove(found)
    return found


def _is_too_early(happening: Happening, waiting: Sequence[Happening]) -> bool:
    return bool(happening.symbols) and any(one.name == FORGETS for one in waiting)


def one_is_near(to_the_end_s: float) -> bool:
    """Whether a minute ends so soon that nothing else fits in before."""
    return BEFORE_END_S < to_the_end_s < BEFORE_END_S + 8


def _anytime(seed: int, wanted: Sequence[str], symbols: Sequence[str], dice: random.Random) -> list[Event]:
    own = (*AT_A_MINUTES_END, *A_MINUTE, "malformed", "skip_trades")
    scheduled = [kind for kind in Kind if kind.value in wanted and kind.value not in own]
    orders = [{name: value for name, value in wish.items() if name != "at_s"} for wish in (
        schedule(seed, scheduled, 60.0, symbols=symbols) if scheduled else ()
    )]  # fmt: skip
    if "skip_trades" in wanted:
        lively = [symbol for symbol in symbols if symbol in LIVELY] or symbols
        orders.append({"kind": "skip_trades", "match": dice.choice(lively).lower(), "count": dice.randint(1, 20)})
    events = [_event(order) for order in orders]
    if "malformed" in wanted:
        events.append(Event(name="malformed", orders=_spoilt(symbols, dice)))
    return events


def _event(order: Order) -> Event:
    kind = order["kind"]
    trigger = TRIGGERS.get(kind)
    return Event(
        name=kind,
        orders=(order,),
        triggers=({"match": order.get("match", ""), "kind": trigger},) if trigger else (),
        lasts_s=float(order.get("seconds", 0)) if kind in LASTING else 0.0,
        demands_s=_demands_s(order),
    )


def _demands_s(order: Order) -> float:
    """How long the fault itself asks us to wait: Retry-After of each refusal, or the time an answer takes."""
    if order["kind"] in ("rest", "refuse") and order.get("status") in (418, 429):
        return float(order.get("retry_after_s", 1)) * int(order.get("count", 1))
    return float(order["seconds"]) if order["kind"] == "latency" else 0.0


def _spoilt(symbols: Sequence[str], dice: random.Random) -> tuple[Order, ...]:
    """A frame of every form on every stream that can have it, over all symbols."""
    dealt = dice.sample(list(symbols), len(symbols))
    return tuple(
        {"kind": "malformed", "form": form, "match": f"{dealt[place % len(dealt)].lower()}@{kind}"}
        for place, (form, kind) in enumerate(SPOILT)
    )


def _together(
    kinds: Sequence[str],
    wanted: Sequence[str],
    symbols: Sequence[str],
    dice: random.Random,
    *,
    meanwhile: tuple[Happening, ...] = (),
) -> list[Happening]:
    """The wanted ones of ``kinds``, each of another symbol, as one happening at the end of a minute; or nothing."""
    chosen = [kind for kind in kinds if kind in wanted]
    dealt = dice.sample(list(symbols), len(chosen))
    events = [_AT_MINUTES[kind](symbol.lower(), dice) for kind, symbol in zip(chosen, dealt, strict=True)]
    return [Happening(tuple(events), BEFORE_END_S, meanwhile)] if events else []


def _missing_rows(symbol: str, _dice: random.Random) -> Event:
    """The closing frame does not come, and the first answer about the minute lacks its row too."""
    return Event(
        name="missing_rows",
        orders=(
            {"kind": "missing_rows", "match": f"klines?symbol={symbol}", "open_times": [THIS_MINUTE]},
            {"kind": "omit_closed", "match": symbol},
        ),
    )


def _lifecycle(symbol: str, dice: random.Random) -> Event:
    order = {"kind": "lifecycle", "match": symbol}
    becomes = dice.choice(["BREAK", "HALT", "CANCEL_ONLY"])
    return Event(name="lifecycle", orders=({**order, "becomes": becomes},), later=({**order, "becomes": "TRADING"},))


def _plain(kind: str) -> "Any":
    return lambda symbol, _dice: Event(name=kind, orders=({"kind": kind, "match": symbol},))


THIS_MINUTE = -1
"""Stands for the open time of the minute in which an order is given."""
_AT_MINUTES: Mapping[str, Any] = {
    **{kind: _plain(kind) for kind in ("omit_closed", "silent_minutes", "outage")},
    "missing_rows": _missing_rows,
    "lifecycle": _lifecycle,
}
FAULTS = (
    "drop", "lifetime", "shutdown", "refuse", "stall", "slow", "deaf", "ignore_subscribe", "silence", "silent_minutes",
    "skip_trades", "skip_depth", "omit_closed", "duplicate", "reorder", "malformed", "rest", "latency", "hang",
    "cut_answer", "half_answer", "html_answer", "missing_rows", "stale_book", "empty_book", "crossed_book", "outage",
    "skew", "lifecycle",
)  # fmt: skip
"""Every kind of fault."""
