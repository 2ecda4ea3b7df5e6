"""What an exchange's stream says: a market event, or a word about the connection itself."""

from dataclasses import dataclass

from pipeline.domain.candle import Candle
from pipeline.domain.frames import DepthFrame, TickerFrame, TradeFrame


@dataclass(frozen=True, slots=True)
class Shutdown:
    """The exchange is about to close this connection: open another at once."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The exchange's answer to one of our own messages."""

    error: str | None


Event = TradeFrame | DepthFrame | TickerFrame | Candle | Shutdown | Reply
