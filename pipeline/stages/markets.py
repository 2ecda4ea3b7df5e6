"""Which markets the exchange has open, asked again and again: what opens is followed, what is gone is let go."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from pipeline.domain.faults import BadMessageError, MisconfiguredError, TransientError
from pipeline.domain.symbol import SymbolInfo
from pipeline.stages.ports import Venue

log = logging.getLogger(__name__)

ASK_EVERY_S = 30.0
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

    async def keep(self) -> NoReturn:
        """Ask again, for ever; an exchange that doesn't answer changes nothing."""
        while True:
            await asyncio.sleep(ASK_EVERY_S)
            try:
                self.take(await self.venue.symbols(self.wanted))
            except (TransientError, BadMessageError, MisconfiguredError) as error:
                log.warning("the exchange's list of markets: %s", error)


def _status(info: SymbolInfo | None) -> str:
    return info.status if info is not None else "not listed"
