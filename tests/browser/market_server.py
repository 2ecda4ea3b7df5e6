"""The pages on a free port, over an in-memory market whose clock can be put forward, with sockets on demand.

The guards and the Content-Security-Policy are the real ones.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from socket import SHUT_RDWR
from typing import Any

from flask import Flask, request
from flask_caching import Cache
from flask_sock import Sock
from simple_websocket import ConnectionClosed, Server
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from app.callbacks_guard import only_known_callbacks
from app.dashboard import mount_dashboard, mount_markets, mount_quality, mount_system
from app.pages import only_known_pages
from app.security import harden
from pipeline.domain import jsontext
from pipeline.domain.interval import Interval
from pipeline.domain.views import book_view, candle_view, depth_view, trade_view
from pipeline.settings import Settings
from tests.callbacks.memory_boards import MemoryRanking, MemorySystem
from tests.callbacks.memory_quality import MemoryQuality
from tests.callbacks.memory_reads import MemoryReads


class Clock:
    """The machine's clock, put forward, or stopped."""

    def __init__(self) -> None:
        self.ahead_ms = 0
        self.stopped_ms: int | None = None

    def now_ms(self) -> int:
        if self.stopped_ms is not None:
            return self.stopped_ms
        return time.time_ns() // 1_000_000 + self.ahead_ms

    def stop(self) -> int:
        """Stand still; returns the time."""
        self.stopped_ms = self.now_ms()
        return self.stopped_ms

    def forward(self, step_ms: int) -> None:
        """Put the clock forward, still standing or still running."""
        if self.stopped_ms is not None:
            self.stopped_ms += step_ms
        self.ahead_ms += step_ms


@dataclass
class Push:
    """A push hub's stand-in: what is said to ``say`` reaches every socket of a stream."""

    reads: MemoryReads
    sockets: dict[str, list[Server]] = field(default_factory=dict)
    opened: list[str] = field(default_factory=list)
    seq: int = 0

    def serve(self, socket: Server, stream: str) -> None:
        symbol = request.args["symbol"]
        self.opened.append(request.full_path)
        self.sockets.setdefault(stream, []).append(socket)
        socket.send(self.text(self.initial(stream, symbol)))
        try:
            while socket.receive() is not None:
                pass
        except ConnectionClosed:
            self.sockets[stream].remove(socket)

    def initial(self, stream: str, symbol: str) -> dict[str, Any]:
        if stream == "kline":
            forming = self.reads.forming(symbol, Interval(request.args["interval"]))
            return {"type": "initial", "candles": [candle_view(forming)] if forming else []}
        if stream == "trades":
            return {
                "type": "initial",
                "symbol": symbol,
                "trades": [trade_view(t) for t in self.reads.trades(symbol, 5)],
            }
        book = self.reads.book(symbol)
        assert book is not None
        return {"type": "initial", "eventTime": book.event_ms, **depth_view(book_view(book), limit=20)}

    def say(self, stream: str, message: dict[str, Any], *, skip: int = 0) -> None:
        """Send to every socket of a stream, ``skip`` sequence numbers after the last."""
        self.seq += skip
        text = self.text(message)
        for socket in list(self.sockets.get(stream, [])):
            socket.send(text)

    def text(self, message: dict[str, Any]) -> str:
        self.seq += 1
        return jsontext.dumps(message | {"seq": self.seq}).decode()

    def hang_up(self) -> None:
        """Break every connection, as a network does; a polite close would end in an HTTP answer of the test server."""
        for sockets in list(self.sockets.values()):
            for socket in list(sockets):
                with suppress(OSError):  # the browser was faster
                    socket.sock.shutdown(SHUT_RDWR)


@dataclass
class MarketServer:
    """A running page."""

    url: str
    clock: Clock
    reads: MemoryReads
    push: Push
    asked: list[str]
    ranking: MemoryRanking
    system: MemorySystem
    quality: MemoryQuality

    def page(self, path: str) -> str:
        """The address of a page, ``/markets``."""
        return self.url.rstrip("/") + path

    def asked_for(self, output: str) -> int:
        """How often a callback's output was asked for."""
        return sum(output in each for each in self.asked)


class _Silent(WSGIRequestHandler):
    def log(self, *_: Any) -> None:
        pass


@contextmanager
def serving(push_port: int | None = None, *, source: str = "simulator") -> Iterator[MarketServer]:
    """Serve until left; sockets on the page's own port and, for the page, on ``push_port`` if that is another."""
    clock = Clock()
    reads = MemoryReads(now_ms=clock.now_ms)
    push, asked = Push(reads), list[str]()
    server = Flask("page under test")
    server.config["SOCK_SERVER_OPTIONS"] = {"ping_interval": 10}
    sock: Any = Sock(server)
    sock.route("/ws/<stream>")(push.serve)

    @server.before_request
    def note() -> None:
        if request.path.endswith("/_dash-update-component"):
            asked.append(json.loads(request.get_data())["output"])

    httpd: BaseWSGIServer = make_server("127.0.0.1", 0, server, threaded=True, request_handler=_Silent)
    port = httpd.server_port
    ranking, system, quality = MemoryRanking(reads), MemorySystem(reads), MemoryQuality(reads)
    settings = Settings(source=source, http_port=port, push_port=push_port or port)
    cache = Cache(server, config={"CACHE_TYPE": "SimpleCache"})
    pages = [
        mount_dashboard(server, reads, cache, push_port or port),
        mount_markets(server, ranking, cache, source=settings.source_kind),
        mount_quality(server, quality, cache, source=settings.source_kind),
        mount_system(server, system, cache, source=settings.source_kind),
    ]
    only_known_pages(server)
    for page in pages:
        only_known_callbacks(server, page)
    harden(server, settings, script_hashes=lambda: [line for page in pages for line in page.csp_hashes()])
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{port}/"
    try:
        yield MarketServer(url, clock, reads, push, asked, ranking, system, quality)
    finally:
        push.hang_up()
        httpd.shutdown()
        thread.join(timeout=5)
        httpd.server_close()
