"""Binance as a venue: what a stage may ask of any exchange, answered with this one's messages, streams and rules."""

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from pipeline.domain.candle import Candle
from pipeline.domain.events import Event
from pipeline.domain.faults import BadMessageError
from pipeline.domain.frames import BookFrame, TradeFrame
from pipeline.domain.interval import Interval
from pipeline.domain.recording import RestAnswer
from pipeline.domain.symbol import SymbolInfo
from pipeline.exchanges.binance import aggregates, messages, rest, streams
from pipeline.exchanges.binance.book_sync import BookSync

SNAPSHOT_LEVELS = 1_000


CLOCKS_APART_MS = 900_000
"""Further apart than this, and it is our clock that is wrong."""


class Getter(Protocol):
    """Sends a GET and gives back the body."""

    async def get(self, path: str, params: Mapping[str, str | int], *, weight: int) -> bytes: ...  # noqa: D102


class Binance:
    """Binance Spot market data behind one WebSocket base and one REST getter.

    ``leisure`` is the getter of requests that can wait; ``weight`` tells how much of the exchange's weight is used.
    """

    def __init__(
        self, getter: Getter, *, ws_url: str, leisure: Getter | None = None,
        weight: Callable[[], Mapping[str, Any]] = dict,
    ) -> None:  # fmt: skip
        self._getter = getter
        self._leisure = leisure or getter
        self._ws_url = ws_url
        self.weight = weight

    def unhurried(self) -> "Binance":
        """The same venue for whom others go before: backfill, reconciliation, audits."""
        return Binance(self._leisure, ws_url=self._ws_url, weight=self.weight)

    def connections(self, symbols: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
        """(WebSocket URL, its symbols) of the connections that together carry ``symbols``."""
        return streams.connections(self._ws_url, symbols)

    def recording_urls(self, symbols: Sequence[str]) -> list[str]:
        """The WebSocket URLs that together carry what a recording keeps of ``symbols``: all that is followed."""
        return [url for url, _ in self.connections(symbols)]

    def resubscription(self, silent: Mapping[str, Sequence[str]], *, number: int) -> list[bytes]:
        """The control messages that end streams (symbol: kinds) and begin them anew; ``number`` begins their ids."""
        return streams.resubscription(silent, number=number)

    def stream_of(self, frame: bytes) -> tuple[str, str]:
        """Symbol and kind of stream of a frame, its data unread; two empty texts for a frame of no stream."""
        return streams.stream_of(frame)

    def decode(self, raw: bytes, *, received_ms: int) -> Event:
        """The word in one frame. Raises BadMessageError."""
        return messages.decode(raw, received_ms=received_ms)

    def book_sync(self, symbol: str) -> BookSync:
        """A fresh state machine for one symbol's book."""
        return BookSync(symbol, jitter=random.random)

    async def server_ms(self) -> int:
        """The exchange's clock now."""
        return rest.parse_time(await self._get(rest.time_request()))

    async def symbols(self, wanted: Sequence[str]) -> dict[str, SymbolInfo]:
        """The markets the exchange knows among ``wanted``."""
        try:
            known = rest.parse_exchange_info(await self._get(rest.exchange_info_request(wanted)))
        except BadMessageError:
            known = rest.parse_exchange_info(await self._get(rest.exchange_info_request()))
        return {symbol: known[symbol] for symbol in wanted if symbol in known}

    async def depth(self, symbol: str, *, received_ms: int) -> BookFrame:
        """A full book."""
        body = await self._get(rest.depth_request(symbol, limit=SNAPSHOT_LEVELS))
        return rest.parse_depth(body, symbol=symbol, limit=SNAPSHOT_LEVELS, received_ms=received_ms)

    async def aggregates(
        self, symbol: str, *, start_ms: int, from_id: int | None = None
    ) -> list[tuple[int, TradeFrame]]:
        """(aggregate id, past trades) from ``start_ms``, or from an aggregate on; at most 1,000, oldest first."""
        request = (
            aggregates.aggregates_from_time(symbol, start_ms)
            if from_id is None
            else aggregates.aggregates_from_id(symbol, from_id)
        )
        return aggregates.parse_aggregates(await self._get(request), symbol=symbol)

    async def raw_listing(self, symbols: Sequence[str]) -> RestAnswer:
        """What the exchange lists of ``symbols``, as it came. Raises BadMessageError if it can't be read."""
        request = rest.exchange_info_request(symbols)
        body = await self._get(request)
        rest.parse_exchange_info(body)
        return RestAnswer(request.target, body)

    async def raw_depth(self, symbol: str) -> tuple[RestAnswer, int]:
        """A full book as it came, and its update id. Raises BadMessageError if it can't be read."""
        request = rest.depth_request(symbol, limit=SNAPSHOT_LEVELS)
        body = await self._get(request)
        book = rest.parse_depth(body, symbol=symbol, limit=SNAPSHOT_LEVELS, received_ms=0)
        return RestAnswer(request.target, body), book.last_update_id

    async def klines(
        self, symbol: str, interval: Interval, *, start_ms: int, end_ms: int, received_ms: int
    ) -> list[Candle]:
        """The exchange's own closed candles opened in the half-open range, at most 1,000, oldest first.

        The clock is asked before the candles, so a row counts as closed only if it surely was when it was read; and it
        must be over by our own clock too, for the exchange's own may be off by seconds.
        """
        server_ms = _sure_ms(await self.server_ms(), received_ms)
        body = await self._get(rest.klines_request(symbol, interval, start_ms=start_ms, end_ms=end_ms))
        return rest.parse_klines(body, symbol=symbol, interval=interval, server_ms=server_ms, received_ms=received_ms)

    async def _get(self, request: rest.Request) -> bytes:
        return await self._getter.get(request.path, request.params, weight=request.weight)


def _sure_ms(server_ms: int, our_ms: int) -> int:
    """The earlier of two clocks that are about equal; else the exchange's."""
    return min(server_ms, our_ms) if abs(server_ms - our_ms) <= CLOCKS_APART_MS else server_ms
