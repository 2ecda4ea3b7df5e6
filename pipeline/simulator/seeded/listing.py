"""What is listed: each symbol's price scale, lot and activity."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from pipeline.simulator.seeded.noise import Ints, below, hashes, key
from pipeline.simulator.symbol_info import split_symbol
from pipeline.simulator.wire import ONE

LISTED_MS = 1_704_067_200_000
"""The market opened on 2024-01-01 UTC; before that there is nothing."""
SECONDS_A_DAY = 86_400
BUSY_TRADES_A_DAY = 36 * 1_440
"""From here on no minute passes without a trade."""
GRID_LEVELS = 50_000
"""Book levels are about a fifty-thousandth of the base price (0.2 bps) apart, but never less than a tick."""

# base price, tick, step (as text) and trades a second at rate 1
_KNOWN = {
    "BTCUSDT": ("64000", "0.01", "0.00001", 28.0),
    "ETHUSDT": ("2600", "0.01", "0.0001", 20.0),
    "BNBUSDT": ("580", "0.01", "0.001", 5.0),
    "SOLUSDT": ("150", "0.01", "0.001", 12.0),
    "XRPUSDT": ("0.58", "0.0001", "0.1", 7.0),
    "DOGEUSDT": ("0.12", "0.00001", "1", 5.0),
    "ADAUSDT": ("0.42", "0.0001", "0.1", 3.0),
    "TRXUSDT": ("0.31", "0.0001", "0.1", 2.0),
    "AVAXUSDT": ("28", "0.01", "0.01", 2.5),
    "LINKUSDT": ("14", "0.01", "0.01", 2.0),
    "DOTUSDT": ("5.2", "0.001", "0.01", 0.5),
    "LTCUSDT": ("72", "0.01", "0.001", 1.5),
    "BCHUSDT": ("360", "0.1", "0.001", 0.4),
    "UNIUSDT": ("7.4", "0.001", "0.01", 0.5),
    "NEARUSDT": ("4.8", "0.001", "0.1", 1.0),
    "ATOMUSDT": ("5.1", "0.001", "0.01", 0.3),
}
_UNKNOWN_TRADES_A_SECOND = 0.25
_TYPICAL_QUOTE = {"BTC": 1_000_000, "ETH": 20_000_000, "BNB": 100_000_000}
_TYPICAL_QUOTE_ELSE = 400 * ONE
"""The mean trade's worth, in hundred-millionths of the quote asset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One symbol; prices count in ticks of ``tick``, quantities in lots of ``step`` (both in hundred-millionths)."""

    seed: int
    symbol: str
    base: str
    quote: str
    tick: int
    step: int
    base_ticks: int
    trades_a_day: int
    mean_lots: int

    @property
    def grid(self) -> int:
        """Ticks between two book levels."""
        return max(1, self.base_ticks // GRID_LEVELS)

    @property
    def base_level(self) -> int:
        """The book level of the base price."""
        return self.base_ticks // self.grid

    @property
    def book_levels(self) -> int:
        """How many levels a side the book reaches."""
        return min(1_500, self.base_level // 3)

    @property
    def quiet(self) -> bool:
        """Whether some minutes pass without a trade."""
        return self.trades_a_day < BUSY_TRADES_A_DAY

    @property
    def quote_unit(self) -> int:
        """Hundred-millionths of the quote asset in one tick times one lot."""
        return self.tick * self.step // ONE

    def key(self, purpose: str) -> int:
        """The hash key of one purpose."""
        return key(self.seed, self.symbol, purpose)


@lru_cache(maxsize=4096)
def listing_of(symbol: str, *, seed: int, rate: float) -> Listing | None:
    """The listing of ``symbol``; a made-up one for any name ending in a known quote asset, else None."""
    assets = split_symbol(symbol)
    if assets is None:
        return None
    price, tick, step, a_second = _known(symbol, seed=seed)
    worth = _TYPICAL_QUOTE.get(assets[1], _TYPICAL_QUOTE_ELSE)
    return Listing(
        seed=seed,
        symbol=symbol,
        base=assets[0],
        quote=assets[1],
        tick=tick,
        step=step,
        base_ticks=price // tick,
        trades_a_day=max(1_440, int(a_second * rate * SECONDS_A_DAY)),
        mean_lots=max(2, worth // (price * step // ONE)),
    )


def _known(symbol: str, *, seed: int) -> tuple[int, int, int, float]:
    if symbol in _KNOWN:
        price, tick, step, a_second = _KNOWN[symbol]
        return _units(price), _units(tick), _units(step), a_second
    return _invented(symbol, seed=seed)


def _invented(symbol: str, *, seed: int) -> tuple[int, int, int, float]:
    dice = key(seed, symbol, "listing")
    tick = 10 ** (3 + dice % 4)
    price = tick * (8_000 + dice // 7 % 90_000)
    return price, tick, max(10 ** (8 - (3 + dice % 4)), 100_000), _UNKNOWN_TRADES_A_SECOND


def _units(text: str) -> int:
    whole, _, part = text.partition(".")
    return int(whole + part.ljust(8, "0"))


def price_ticks(listing: Listing, levels: Ints) -> Ints:
    """Each level's price: its grid line and a few ticks of its own, so that prices look like prices."""
    ticks: Ints = levels * listing.grid + _offsets(listing)[levels & 4095]
    return ticks


@lru_cache(maxsize=4096)
def _offsets(listing: Listing) -> Ints:
    return below(hashes(listing.key("offset"), np.arange(4096)), listing.grid)
