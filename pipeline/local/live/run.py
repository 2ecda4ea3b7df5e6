"""Runs the live checks: a question whether anybody answers, two minutes of evidence, the verdicts."""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console

from pipeline.domain.faults import MisconfiguredError
from pipeline.local.exchange import Standing, ask_exchange, ask_stream
from pipeline.local.live.evidence import Evidence, Expected
from pipeline.local.live.gather import gather
from pipeline.local.live.report import Row, are_good, closing_line, document, judged, table
from pipeline.settings import Settings
from pipeline.wiring import is_here, now_ms

SECONDS = 125.0
"""Long enough for one whole minute, wherever in a minute it begins."""
SAY_EVERY_S = 5.0
WIDTH = 160
"""Columns of the table where nobody says how many there are: in a file, in a pipe."""
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What to look at, and for how long."""

    rest_url: str
    ws_url: str
    symbol: str
    seconds: float = SECONDS

    @classmethod
    def of(cls, settings: Settings, *, seconds: float | None) -> "Look":
        """At the exchange of the settings, through their first symbol."""
        return cls(
            rest_url=settings.binance_rest_url, ws_url=settings.binance_ws_url, symbol=settings.symbols[0],
            seconds=seconds or SECONDS,
        )  # fmt: skip


def main(look: Look, *, as_json: bool) -> int:
    """Print the verdicts; 1 if an assumption differs. Raises MisconfiguredError if the exchange can't be asked."""
    preflight(look)
    rows = asyncio.run(examine(look, say=lambda words: print(words, file=sys.stderr, flush=True)))
    if as_json:
        print(json.dumps(document(rows, rest_url=look.rest_url, ws_url=look.ws_url, symbol=look.symbol,
                                  seconds=look.seconds)))  # fmt: skip
    else:
        console = Console(width=None if sys.stdout.isatty() else WIDTH)
        console.print(table(rows))
        console.print(closing_line(rows), highlight=False)
    return 0 if are_good(rows) else 1


def preflight(look: Look) -> None:
    """Raise MisconfiguredError, with the next step, unless REST and streams answer as an exchange."""
    for found in (ask_exchange(look.rest_url), ask_stream(look.ws_url)):
        if found.standing is not Standing.ANSWERS:
            way_out = found.way_out.removesuffix(", or SOURCE=simulator")  # no way out where Binance is the question
            raise MisconfiguredError(f"{found.said}; {way_out}")


async def examine(
    look: Look, *, say: Say, expected: Expected | None = None, clock: Callable[[], int] = now_ms
) -> list[Row]:
    """Look for as long as it takes, then judge. Raises a Fault where the exchange can't be asked."""
    evidence = Evidence(symbol=look.symbol, expected=expected or Expected())
    telling = asyncio.create_task(_tell(evidence, look, say))
    try:
        await gather(
            evidence, rest_url=look.rest_url, ws_url=look.ws_url, seconds=look.seconds, clock=clock,
            trust_env=not is_here(look.rest_url),
        )  # fmt: skip
    finally:
        telling.cancel()
    return judged(evidence)


async def _tell(evidence: Evidence, look: Look, say: Say) -> None:
    began_s = time.monotonic()
    while True:
        say(
            f"{time.monotonic() - began_s:5.0f} of {look.seconds:.0f} s: {len(evidence.frames):,} frames of "
            f"{look.symbol}, {len(evidence.answers)} answers from {look.rest_url}"
        )
        await asyncio.sleep(SAY_EVERY_S)
