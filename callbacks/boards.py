"""What the callbacks of the boards share: what a panel shows, whose fault an error is, and the clock."""

import time
from dataclasses import dataclass
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output

from layouts.parts.board import ANSWERED
from layouts.parts.panel import body_id, note_id
from layouts.parts.table import nothing
from pipeline.domain.faults import TransientError

STORES = {"redis": "Redis", "mongodb": "MongoDB"}
"""The stores' names as they are written."""


def clock_ms() -> int:
    """Our clock, UTC epoch milliseconds."""
    return time.time_ns() // 1_000_000


def store_of(error: TransientError) -> str:
    """Which store is away: what its error begins with, and nothing of a driver's words, which tell addresses."""
    name = str(error).partition(":")[0]
    return name if name in STORES.values() else "A store"


def age_ms(heard_ms: int | None, *, now_ms: int) -> int | None:
    """How long ago something was, by our clock; None where it never was."""
    return None if heard_ms is None else max(0, now_ms - heard_ms)


def register_answered(app: Dash) -> None:
    """Tell ``board.js`` of each answer."""
    hand_over: Any = app.clientside_callback  # untyped in Dash
    hand_over(ClientsideFunction("board", "answered"), Input(ANSWERED, "data"))


@dataclass(frozen=True, slots=True)
class Panel:
    """What a panel shows, its state, and the state's words."""

    body: Any
    state: str
    note: str = ""

    @property
    def properties(self) -> tuple[Any, str, str]:
        """As ``panel_outputs`` takes them."""
        return self.body, self.state, self.note


def panel_outputs(panel_id: str) -> list[Output]:
    """Where a panel's properties go."""
    return [
        Output(body_id(panel_id), "children"),
        Output(panel_id, "data-state"),
        Output(note_id(panel_id), "children"),
    ]


def away(store: str) -> Panel:
    """No figures rather than old ones, while a store does not answer."""
    return Panel(nothing(f"Unknown: {store} does not answer. Trying again."), "error", f"{store} is away")
