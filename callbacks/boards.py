"""What the callbacks of the boards (markets, system) share: whose fault an error is, and the clock."""

import time
from typing import Any

from dash import ClientsideFunction, Dash, Input

from layouts.parts.board import ANSWERED
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
