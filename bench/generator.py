"""The exchange of the throughput bench: frames over a bare transport, and the few REST answers that ingest needs.

Run as ``python -m bench.generator PORT SYMBOLS RATE``. RATE 0 sends all of the session, rendered before, as fast as it
is taken when ``GET /bench/go`` is asked. Else so many depth and trade messages a second are sent, all symbols in step,
a tenth of it from when all are subscribed to. ``GET /bench/stats`` tells what was sent, what it cost,
and the closed minutes.
"""

import asyncio
import base64
import hashlib
import sys
import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import orjson

from bench.bars import MinuteBar
from bench.mix import Book, Depth, Session, session

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CHUNK_BYTES = 65_536
PING = 0x89
HIGH_WATER = 4_000_000
WARM_UP = 10
"""How many times slower a steady load begins, until it is told to go: books are fetched meanwhile."""
SLICES = 4
"""A round of all symbols is sent in so many parts, evenly over its time."""
KLINE_EVERY_MS = 2_000
TICKER_EVERY_MS = 4_000


def now_ms() -> int:
    """Our clock."""
    return time.time_ns() // 1_000_000


def names(count: int) -> list[str]:
    """The symbols of the bench."""
    return [f"S{number:03}USDT" for number in range(count)]


def framed(payload: bytes) -> bytes:
    """A server's WebSocket text frame."""
    size = len(payload)
    if size < 126:
        return b"\x81%c%b" % (size, payload)
    if size < 65_536:
        return b"\x81\x7e%b%b" % (size.to_bytes(2, "big"), payload)
    return b"\x81\x7f%b%b" % (size.to_bytes(8, "big"), payload)


def depth_frame(symbol: str, depth: Depth, event_ms: int) -> bytes:
    """A difference of the combined stream."""
    head = b'{"stream":"%b@depth@100ms","data":{"e":"depthUpdate","E":%d,"s":"%b",%b}}'
    return framed(head % (symbol.lower().encode(), event_ms, symbol.encode(), depth.body))


def trade_frame(symbol: str, trade: Any, trade_id: int, event_ms: int) -> bytes:
    """A trade of the combined stream."""
    head = b'{"stream":"%b@trade","data":{"e":"trade","E":%d,"s":"%b","t":%d,"p":"%b","q":"%b","T":%d,"m":%b,"M":true}}'
    maker = b"true" if trade.is_buyer_maker else b"false"
    price, quantity = trade.price.encode(), trade.quantity.encode()
    return framed(
        head % (symbol.lower().encode(), event_ms, symbol.encode(), trade_id, price, quantity, event_ms, maker)
    )


@dataclass(slots=True)
class Stats:
    """What was sent."""

    frames: int = 0
    trades: int = 0
    depth: int = 0
    sent_bytes: int = 0
    started_s: float = 0.0
    ended_s: float = 0.0
    cpu_s: float = 0.0
    late_ms: int = 0


@dataclass(slots=True)
class Exchange:
    """One market told under many names: every symbol is at the same frame of the session."""

    symbols: Sequence[str]
    session: Session
    rate: float
    stats: Stats = field(default_factory=Stats)
    book: Book = field(init=False)
    bar: MinuteBar = field(default_factory=MinuteBar)
    trade_ms: "array[int]" = field(default_factory=lambda: array("q"))
    place: int = 0
    peers: dict[str, list["Peer"]] = field(default_factory=dict)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    chunks: list[bytes] = field(default_factory=list)
    _traded: list[Any] = field(default_factory=list)
    _task: "asyncio.Task[None] | None" = None

    def __post_init__(self) -> None:
        self.book = Book.of(self.session)
        if not self.rate:
            self._render()

    def subscribed(self, peer: "Peer", symbols: Sequence[str]) -> None:
        """A connection wants these."""
        for symbol in symbols:
            self.peers.setdefault(symbol, []).append(peer)
        if self._task is None and len(self.peers) == len(self.symbols):
            self._task = asyncio.get_running_loop().create_task(
                self._flood(peer) if not self.rate else self._keep_pace()
            )

    def left(self, peer: "Peer") -> None:
        """A connection is gone; until then one that follows it is told the same."""
        for told in self.peers.values():
            if peer in told:
                told.remove(peer)

    def answer(self, path: str, query: dict[str, str]) -> bytes:
        """The body of a REST answer."""
        answers: dict[str, Callable[[dict[str, str]], bytes]] = {
            "/api/v3/time": lambda _: orjson.dumps({"serverTime": now_ms()}),
            "/api/v3/ping": lambda _: b"{}",
            "/api/v3/exchangeInfo": lambda _: _listing(self.symbols),
            "/api/v3/depth": lambda asked: self.book.body(int(asked["limit"])),
            "/api/v3/klines": lambda asked: orjson.dumps(self.bar.rows(int(asked["startTime"]), int(asked["endTime"]))),
            "/api/v3/aggTrades": lambda asked: orjson.dumps(self._aggregates(asked)),
            "/bench/go": lambda _: self._begin(),
            "/bench/stop": lambda _: self._end(),
            "/bench/stats": lambda _: orjson.dumps(self._told()),
        }
        return answers[path](query)

    def _begin(self) -> bytes:
        self.go.set()
        return b"{}"

    def _end(self) -> bytes:
        self.stop.set()
        return b"{}"

    def _told(self) -> dict[str, Any]:
        stats = {name: getattr(self.stats, name) for name in Stats.__slots__}
        return stats | {"last_trade_id": len(self.trade_ms), "rows": self.bar.closed, "session": self.session.name}

    def _render(self) -> None:
        """Every frame of every symbol, in step, joined into what one write takes, stamped as if 40,000 a second."""
        frames: list[bytes] = []
        start, sent, trade_id = now_ms() + 5_000, 0, 0
        for frame in self.session.frames:
            event_ms = start + sent // 40
            if isinstance(frame, Depth):
                frames += [depth_frame(symbol, frame, event_ms) for symbol in self.symbols]
            else:
                trade_id += 1
                frames += [trade_frame(symbol, frame, trade_id, event_ms) for symbol in self.symbols]
            sent += len(self.symbols)
        self.stats.frames = sent
        self.stats.trades = trade_id * len(self.symbols)
        self.stats.depth = sent - self.stats.trades
        self.chunks = _joined(frames)

    async def _flood(self, peer: "Peer") -> None:
        """The first difference of each symbol, so that books are asked for; the rest when told to go."""
        first = next(frame for frame in self.session.frames if isinstance(frame, Depth))
        for symbol in self.symbols:
            peer.write(depth_frame(symbol, first, now_ms()))
        await self.go.wait()
        cpu, self.stats.started_s = time.process_time(), time.time()
        for chunk in self.chunks:
            await peer.drained()
            peer.write(chunk)
            self.stats.sent_bytes += len(chunk)
            await asyncio.sleep(0)
        self.stats.ended_s, self.stats.cpu_s = time.time(), time.process_time() - cpu

    async def _keep_pace(self) -> None:
        """A round a tick: each symbol's next frame; klines and best prices between them."""
        full_s = len(self.symbols) / self.rate
        round_s, started, number = WARM_UP * full_s, time.perf_counter(), 0
        self.stats.started_s = time.time()
        frames, size = self.session.frames, -(-len(self.symbols) // SLICES)
        while not self.stop.is_set() and self.place < len(frames):
            if self.go.is_set() and round_s != full_s:
                round_s, started, number = full_s, time.perf_counter(), 0
                self.stats.late_ms = 0
            for part in range(SLICES):
                due = started + (number + part / SLICES) * round_s
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                self.stats.late_ms = max(self.stats.late_ms, int((time.perf_counter() - due) * 1000))
                self._send(frames[self.place], self.symbols[part * size : (part + 1) * size])
            self._after(frames[self.place], number, round_s)
            number, self.place = number + 1, self.place + 1
            self.stats.ended_s, self.stats.cpu_s = time.time(), time.process_time()

    def _send(self, frame: Any, symbols: Sequence[str]) -> None:
        event_ms, trade_id, stats = now_ms(), len(self.trade_ms) + 1, self.stats
        for symbol in symbols:
            if isinstance(frame, Depth):
                stats.depth += 1
                self._tell(symbol, depth_frame(symbol, frame, event_ms))
            else:
                stats.trades += 1
                self._tell(symbol, trade_frame(symbol, frame, trade_id, event_ms))

    def _tell(self, symbol: str, frame: bytes) -> None:
        self.stats.frames += 1
        self.stats.sent_bytes += len(frame)
        for peer in self.peers[symbol]:
            peer.write(frame)

    def _after(self, frame: Any, number: int, round_s: float) -> None:
        moment = now_ms()
        if isinstance(frame, Depth):
            self.book.apply(frame)
        else:
            self.trade_ms.append(moment)
            self._traded.append(frame)
            if (closed := self.bar.trade(frame, len(self.trade_ms), moment)) is not None:
                self._klines(closed, moment)
        self._now_and_then(number, round_s, moment)

    def _now_and_then(self, number: int, round_s: float, moment: int) -> None:
        if number % max(1, round(KLINE_EVERY_MS / 1000 / round_s)) == 0 and (forming := self.bar.forming()) is not None:
            self._klines(forming, moment)
        if number % max(1, round(TICKER_EVERY_MS / 1000 / round_s)) == 1:
            (bid, bids), (ask, asks) = self.book.best()
            for symbol in self.symbols:
                head = '{{"stream":"{}@bookTicker","data":{{"u":{},"s":"{}","b":"{}","B":"{}","a":"{}","A":"{}"}}}}'
                text = head.format(symbol.lower(), self.book.last_update_id, symbol, bid, bids, ask, asks)
                self._other(symbol, text.encode())

    def _klines(self, bar: dict[str, Any], moment: int) -> None:
        for symbol in self.symbols:
            data = {"e": "kline", "E": moment, "s": symbol, "k": bar | {"s": symbol}}
            self._other(symbol, orjson.dumps({"stream": f"{symbol.lower()}@kline_1m", "data": data}))

    def _other(self, symbol: str, payload: bytes) -> None:
        for peer in self.peers[symbol]:
            peer.write(framed(payload))

    def _aggregates(self, asked: dict[str, str]) -> list[dict[str, Any]]:
        """Every trade is an aggregate of its own, with the same id."""
        limit = int(asked.get("limit", "500"))
        if "fromId" in asked:
            first = max(1, int(asked["fromId"]))
        else:
            since = int(asked.get("startTime", "0"))
            first = next((i for i, ms in enumerate(self.trade_ms, start=1) if ms >= since), len(self.trade_ms) + 1)
        return [
            {
                "a": i, "p": self._traded[i - 1].price, "q": self._traded[i - 1].quantity, "f": i, "l": i,
                "T": self.trade_ms[i - 1], "m": self._traded[i - 1].is_buyer_maker, "M": True,
            }
            for i in range(first, min(first + limit, len(self.trade_ms) + 1))
        ]  # fmt: skip


class Peer(asyncio.Protocol):
    """One connection: HTTP until it asks to be a WebSocket, then only we speak."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._transport: asyncio.Transport | None = None
        self._heard = b""
        self._streams = False
        self._free = asyncio.Event()
        self._free.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        assert isinstance(transport, asyncio.Transport)
        transport.set_write_buffer_limits(high=HIGH_WATER)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody listens any more."""
        self._transport = None
        self._free.set()
        self._exchange.left(self)

    def pause_writing(self) -> None:
        """The other end is slower than we are."""
        self._free.clear()

    def resume_writing(self) -> None:
        """It has caught up."""
        self._free.set()

    async def drained(self) -> None:
        """Wait until there is room again."""
        await self._free.wait()

    def write(self, frame: bytes) -> None:
        """Send."""
        if self._transport is not None:
            self._transport.write(frame)

    def data_received(self, data: bytes) -> None:
        """Requests, one after the other; what a WebSocket says is not listened to."""
        if self._streams:
            self._answer_ping(data)
            return
        self._heard += data
        while b"\r\n\r\n" in self._heard:
            request, _, self._heard = self._heard.partition(b"\r\n\r\n")
            self._asked(request.decode("latin1"))

    def _answer_ping(self, data: bytes) -> None:
        """A client's ping is short and comes alone: its pong goes after everything said before."""
        if data[0] == PING and len(data) == 6 + (size := data[1] & 0x7F):
            mask, payload = data[2:6], data[6:]
            told = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
            self.write(b"\x8a%c%b" % (size, told))

    def _asked(self, request: str) -> None:
        lines = request.split("\r\n")
        target = urlsplit(lines[0].split(" ")[1])
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        query = {name: values[0] for name, values in parse_qs(target.query).items()}
        if "sec-websocket-key" in headers:
            accept = base64.b64encode(hashlib.sha1(headers["sec-websocket-key"].encode() + GUID).digest())
            head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            self.write(head + b"Sec-WebSocket-Accept: %b\r\n\r\n" % accept)
            self._streams = True
            streams = unquote(query["streams"]).split("/")
            self._exchange.subscribed(self, list(dict.fromkeys(name.partition("@")[0].upper() for name in streams)))
            return
        body = self._exchange.answer(target.path, query)
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-MBX-USED-WEIGHT-1M: 1\r\n"
        self.write(head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body))


def _joined(frames: Sequence[bytes]) -> list[bytes]:
    chunks, part, size = [], [], 0
    for frame in frames:
        part.append(frame)
        size += len(frame)
        if size >= CHUNK_BYTES:
            chunks.append(b"".join(part))
            part, size = [], 0
    return [*chunks, b"".join(part)]


def _listing(symbols: Sequence[str]) -> bytes:
    filters = [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": "0.01000000",
            "maxPrice": "1000000.00000000",
            "tickSize": "0.01000000",
        },
        {"filterType": "LOT_SIZE", "minQty": "0.00001000", "maxQty": "9000.00000000", "stepSize": "0.00001000"},
    ]
    limits = [
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 100_000},
        {"rateLimitType": "RAW_REQUESTS", "interval": "MINUTE", "intervalNum": 5, "limit": 300_000},
    ]
    rows = [
        {"symbol": symbol, "status": "TRADING", "baseAsset": symbol[:-4], "quoteAsset": "USDT", "filters": filters}
        for symbol in symbols
    ]
    listing = {"timezone": "UTC", "serverTime": now_ms(), "rateLimits": limits, "exchangeFilters": [], "symbols": rows}
    return orjson.dumps(listing)


async def serve(port: int, symbols: int, rate: float) -> None:
    """Until killed."""
    exchange = Exchange(names(symbols), session(), rate)
    server = await asyncio.get_running_loop().create_server(lambda: Peer(exchange), "127.0.0.1", port, backlog=64)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
