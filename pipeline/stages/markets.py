"""Which markets the exchange has open, asked again and again: what opens is followed, what is gone is let go."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NoReturn

from pipeline.domain.faults import MisconfiguredError
from pipeline.domain.symbol import SymbolInfo
from pipeline.stages.backoff import SAY_EVERY_S, Patience
from pipeline.stages.ports import Venue

log = logging.getLogger(__name__)

ASK_EVERY_S = 30.0
ASK_WHILE_SHUT_S = 5.0
"""While nothing at all trades there is nothing to disturb, and the first that opens again is to be followed at once."""
Changed = Callable[["Markets"], None]


@dataclass(slots=True)
class Markets:
    """The wanted markets as the exchange lists them; ``changed`` is told of every change.

    A market is followed from when it trades until the exchange lists it no longer: one that is only halted goes on
    sending, or begins again without being asked.
    """

    venue: Venue
    wanted: Sequence[str]
    changed: Changed
    listed: dict[str, SymbolInfo] = field(default_factory=dict)
    patience: Patience = field(default_factory=Patience)
    _followed: set[str] = field(default_factory=set)

    def take(self, known: Mapping[str, SymbolInfo]) -> None:
        """Take the exchange's list in."""
        before = self.listed
        self.listed = {symbol: known[symbol] for symbol in self.wanted if symbol in known}
        self._followed &= self.listed.keys()
        self._followed |= {symbol for symbol, info in self.listed.items() if info.trading}
        for symbol in self.wanted:
            was, now = (_status(listing.get(symbol)) for listing in (before, self.listed))
            if before and was != now:
                log.warning("%s was %s and is %s", symbol, was, now)
        if self.listed != before:
            self.changed(self)

    @property
    def followed(self) -> list[str]:
        """The symbols to follow, in the order they were wanted."""
        return [symbol for symbol in self.wanted if symbol in self._followed]

    @property
    def quiet(self) -> list[str]:
        """Followed symbols of which the exchange may send nothing for now."""
        return [symbol for symbol in self.followed if not self.listed[symbol].trading]

    @property
    def waits_for(self) -> str | None:
        """Why nothing is followed or asked at this moment; None while all is well."""
        if self.patience.why is not None or not self.listed:
            return self.patience.why
        if any(info.trading for info in self.listed.values()):
            return None
        standing = ", ".join(f"{symbol} {info.status}" for symbol, info in self.listed.items())
        return f"none of SYMBOLS is trading on the exchange: {standing}"

    def detail(self) -> dict[str, Any]:
        """What the heartbeat tells."""
        statuses = {symbol: _status(self.listed.get(symbol)) for symbol in self.wanted} if self.listed else {}
        return {"markets": statuses, "marketsWait": self.waits_for}

    async def begin(self) -> None:
        """Take the first list in, however long it takes to come.

        Raises MisconfiguredError if the exchange lists none of the wanted markets: no waiting will mend a wrong name.
        """
        known = await self._asked()
        if not any(symbol in known for symbol in self.wanted):
            raise MisconfiguredError(f"the exchange lists none of SYMBOLS: {', '.join(self.wanted)}")
        for symbol in self.wanted:
            if symbol not in known or not known[symbol].trading:
                log.warning("%s is not followed until it trades: it is %s", symbol, _status(known.get(symbol)))
        self.take(known)

    async def keep(self) -> NoReturn:
        """Ask again, for ever; an exchange that doesn't answer changes nothing."""
        said_s = float("-inf")
        while True:
            if not self.followed and time.monotonic() - said_s >= SAY_EVERY_S:
                said_s = time.monotonic()
                log.warning("%s; waiting", self.waits_for or "the exchange lists none of SYMBOLS any more")
            await asyncio.sleep(ASK_EVERY_S if self.followed else ASK_WHILE_SHUT_S)
            self.take(await self._asked())

    async def _asked(self) -> Mapping[str, SymbolInfo]:
        return await self.patience.outcome(partial(self.venue.symbols, self.wanted))


def _status(info: SymbolInfo | None) -> str:
    return info.status if info is not None else "not listed"
