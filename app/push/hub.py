"""The hub: one thread that owns every socket of its process; others only leave it something to do."""

import logging
import os
import select
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Protocol

from app.push.client import Client, Patience
from app.push.counters import Counters
from app.push.inbox import Inbox
from app.push.outbox import PENDING_BYTES, Outbox
from app.push.subscriptions import Opening, Subscription
from app.push.switchboard import Switchboard
from app.push.tail import Position
from pipeline.domain.pushes import Push

log = logging.getLogger(__name__)

SWITCH_INTERVAL_S = 0.0005
"""How long a busy thread may hold the interpreter; the default of 5 ms made a loaded hub twenty times slower."""
TICK_S = 0.5
GOING_AWAY = 1001
INTERNAL_ERROR = 1011
RESTART = 1012
MALFORMED = (ValueError, KeyError, TypeError, ArithmeticError)
"""What reading a candle that is none raises."""


class Feed(Protocol):
    """Where pushes come from: it calls ``hub.publish`` and keeps ``hub.live`` true to whether it hears."""

    def start(self, hub: "Hub") -> None:
        """Begin, in a thread of its own."""

    def stop(self) -> None:
        """End soon; returns at once."""


class Hub:
    """Start it in the process that serves, after any fork: threads and epoll do not survive one.

    ``counters`` may be read from any thread.
    """

    def __init__(
        self,
        feed: "Feed | None" = None,
        *,
        max_clients: int = 5_000,
        patience: Patience | None = None,
        pending_bytes: int = PENDING_BYTES,
    ) -> None:
        self._feed = feed
        self.counters = Counters()
        self.live = threading.Event()
        self.on_crash: Callable[[], None] = lambda: None
        self._max_clients = max_clients
        self._patience = patience or Patience()
        self._pending_bytes = pending_bytes
        self._inbox = Inbox(counters=self.counters)
        self._commands: deque[Callable[[], None]] = deque()
        self._switchboard = Switchboard()
        self._clients: dict[int, Client] = {}
        self._owners: dict[Outbox, Client] = {}
        self._dirty: set[Client] = set()
        self._reserved = 0
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopping_s: float | None = None

    def start(self) -> None:
        """Begin to serve; a second call changes nothing."""
        with self._lock:
            if self._thread is not None:
                return
            sys.setswitchinterval(SWITCH_INTERVAL_S)
            self._epoll = select.epoll()
            self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            self._epoll.register(self._bell, select.EPOLLIN)
            self._thread = threading.Thread(target=self._run, name="push-hub", daemon=True)
            self._thread.start()
        if self._feed is not None:
            self._feed.start(self)

    def stop(self) -> None:
        """Close every socket with 1001; returns at once and may be called from a signal handler."""
        self._leave(self._begin_stop)

    def join(self, timeout_s: float = 5.0) -> bool:
        """Wait for the hub to end after ``stop``; whether it did."""
        if self._thread is not None:
            self._thread.join(timeout_s)
        return self._thread is None or not self._thread.is_alive()

    def reserve(self) -> bool:
        """Keep a place for a socket about to be opened; False if there is none or the hub is stopping."""
        with self._lock:
            if self._stopping_s is not None or self._reserved >= self._max_clients:
                return False
            self._reserved += 1
            return True

    def release(self) -> None:
        """Give a reserved place back."""
        with self._lock:
            self._reserved -= 1

    def position(self, stream: str, symbol: str) -> Position:
        """How far a channel was seen. Ask before reading a snapshot: the answer belongs into its ``Opening``."""
        return self._switchboard.position(stream, symbol)

    def publish(self, stream: str, symbol: str, push: Push) -> None:
        """Leave a message for everybody who listens; from any thread, never blocks."""
        self._inbox.put(stream, symbol, push)
        self._ring()

    def attach(self, sock: socket.socket, wanted: Subscription, opening: Opening) -> None:
        """Hand over a socket for which a place is reserved; from now on it is the hub's."""
        sock.setblocking(False)
        if self._thread is None or not self._thread.is_alive():
            sock.close()
            self.release()
            return
        self._leave(partial(self._attach, sock, wanted, opening))

    def _leave(self, command: Callable[[], None]) -> None:
        self._commands.append(command)
        self._ring()

    def _ring(self) -> None:
        if self._thread is not None:
            os.eventfd_write(self._bell, 1)

    def _run(self) -> None:
        try:
            self._loop()
        except Exception:
            # The thread's boundary: a hub that is gone must not leave a process that looks alive.
            log.exception("the hub failed; its sockets are closed")
            self.on_crash()
        finally:
            self._shut()

    def _loop(self) -> None:
        ticked_s = time.monotonic()
        while not self._ended():
            events = self._epoll.poll(TICK_S)
            now_s = time.monotonic()
            for fd, event in events:
                self._on_event(fd, event, now_s)
            while self._commands:
                self._commands.popleft()()
            self._deliver(now_s)
            if now_s - ticked_s >= TICK_S:
                ticked_s = now_s
                self._tick(now_s)
            self._flush(now_s)

    def _on_event(self, fd: int, event: int, now_s: float) -> None:
        if fd == self._bell:
            os.eventfd_read(self._bell)
            return
        client = self._clients[fd]
        self._dirty.add(client)
        if not event & ~select.EPOLLOUT:
            return
        try:
            if not client.read(now_s):
                self._drop(client, client.farewell or "peer")
        except BlockingIOError:
            return
        except OSError:
            self._drop(client, client.farewell or "peer")

    def _deliver(self, now_s: float) -> None:
        for stream, symbol, push in self._inbox.drain():
            self.counters.received += 1
            try:
                touched, astray = self._switchboard.publish(stream, symbol, push, now_s=now_s)
            except MALFORMED:
                self.counters.malformed += 1
                continue
            self._dirty.update(self._owners[outbox] for outbox in touched)
            for outbox in astray:
                self._close(self._owners[outbox], RESTART, "minutes were lost, join anew", why="gap", now_s=now_s)

    def _flush(self, now_s: float) -> None:
        for client in self._dirty:
            if client.sock.fileno() >= 0:
                self._flush_one(client, now_s)
        self._dirty.clear()

    def _flush_one(self, client: Client, now_s: float) -> None:
        try:
            left = client.flush(now_s)
            if left != client.armed:
                client.armed = left
                self._epoll.modify(client.sock, select.EPOLLIN | (select.EPOLLOUT if left else 0))
            if client.farewell and not left:
                client.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(client, client.farewell or "peer")

    def _tick(self, now_s: float) -> None:
        for client in list(self._clients.values()):
            why = client.overdue(now_s, self._patience)
            if why:
                self._drop(client, why)
                continue
            client.ping(now_s, self._patience)
            if client.wire:
                self._dirty.add(client)

    def _attach(self, sock: socket.socket, wanted: Subscription, opening: Opening) -> None:
        now_s = time.monotonic()
        outbox = Outbox(wanted.symbol, counters=self.counters, limit=self._pending_bytes)
        client = Client(sock, wanted, outbox, self.counters, now_s)
        self._clients[sock.fileno()] = self._owners[outbox] = client
        self._epoll.register(sock, select.EPOLLIN)
        self.counters.opened += 1
        self.counters.clients += 1
        try:
            if self._switchboard.attach(wanted, opening, outbox):
                client.wire = b"".join(opening.snapshot.frames)
        except MALFORMED:
            self.counters.malformed += 1
            self._close(client, INTERNAL_ERROR, "what the cache published can't be read", why="malformed", now_s=now_s)
        if self._stopping_s is not None:
            self._close(client, GOING_AWAY, "the server is stopping", why="going away", now_s=now_s)
        self._dirty.add(client)

    def _close(self, client: Client, code: int, reason: str, *, why: str, now_s: float) -> None:
        client.close(code, reason, why=why, now_s=now_s, wait_s=self._patience.close_s)
        self._dirty.add(client)

    def _drop(self, client: Client, why: str) -> None:
        if self._clients.pop(client.sock.fileno(), None) is None:
            return
        del self._owners[client.outbox]
        self._switchboard.detach(client.wanted, client.outbox)
        client.end(patient=why not in ("slow", "silent"))
        self.counters.clients -= 1
        self.counters.count_closed(why)
        if why not in ("peer", "going away"):
            log.info("closed a socket of %s %s: %s", client.wanted.stream, client.wanted.symbol, why)
        self.release()

    def _begin_stop(self) -> None:
        now_s = time.monotonic()
        self._stopping_s = self._stopping_s or now_s
        if self._feed is not None:
            self._feed.stop()
        for client in self._clients.values():
            self._close(client, GOING_AWAY, "the server is stopping", why="going away", now_s=now_s)

    def _ended(self) -> bool:
        if self._stopping_s is None:
            return False
        late = time.monotonic() > self._stopping_s + self._patience.close_s + TICK_S
        return late or not self._clients

    def _shut(self) -> None:
        self._stopping_s = self._stopping_s or time.monotonic()
        for client in list(self._clients.values()):
            self._drop(client, client.farewell or "going away")
        if self._feed is not None:
            self._feed.stop()
        self._epoll.close()
