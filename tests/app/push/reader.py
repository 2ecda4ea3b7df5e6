"""A client's side of a WebSocket over a blocking socket, built on wsproto."""

import socket
from collections.abc import Iterator
from types import TracebackType
from typing import Any

from wsproto.frame_protocol import FrameProtocol, Opcode

from pipeline.domain import jsontext

HANDSHAKE = {
    "Upgrade": "websocket",
    "Connection": "keep-alive, Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits",
}


def open_socket(port: int, path: str, *, origin: str | None = None, receive_buffer: int | None = None) -> "Reader":
    """A socket after its handshake; AssertionError unless the server switched protocols."""
    sock = socket.socket()
    if receive_buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.settimeout(5)
    sock.connect(("127.0.0.1", port))
    headers = {"Host": f"127.0.0.1:{port}", **HANDSHAKE} | ({"Origin": origin} if origin else {})
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    sock.sendall("\r\n".join(lines).encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = sock.recv(1)
        assert byte, head
        head += byte
    assert head.startswith(b"HTTP/1.1 101 "), head
    return Reader(sock, head=head.decode())


class Reader:
    """Reads whole frames; fails on anything that is not one."""

    def __init__(self, sock: socket.socket, *, head: str = "") -> None:
        self.sock = sock
        self.head = head
        self._texts = self._read()
        self.protocol = FrameProtocol(client=True, extensions=[])
        self.closed: tuple[int, str] | None = None

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.sock.close()

    def texts(self) -> Iterator[dict[str, Any]]:
        """Messages until the server's close frame or the end of the stream; goes on where the last call left off."""
        return self._texts

    def _read(self) -> Iterator[dict[str, Any]]:
        parts: list[str] = []
        while data := self.sock.recv(65_536):
            self.protocol.receive_bytes(data)
            for frame in self.protocol.received_frames():
                if frame.opcode is Opcode.CLOSE:
                    self.closed = frame.payload  # type: ignore[assignment]
                    return
                if frame.opcode is Opcode.TEXT:
                    parts.append(str(frame.payload))
                    if frame.message_finished:
                        yield jsontext.loads("".join(parts))
                        parts = []

    def until_seq(self, seq: int) -> list[dict[str, Any]]:
        """All messages up to the one with the sequence number ``seq``."""
        got = []
        for message in self.texts():
            got.append(message)
            if message["seq"] >= seq:
                return got
        raise AssertionError(f"the stream ended before {seq}: {self.closed}, {got[-1:]}")

    def send(self, text: str) -> None:
        """Send a masked text frame."""
        self.sock.sendall(self.protocol.send_data(text))

    def rest(self) -> None:
        """Read to the end of the stream."""
        for _ in self.texts():
            pass


def assert_tiled(messages: list[dict[str, Any]], *, after: int) -> None:
    """The numbers the messages stand for follow one another without hole or overlap."""
    for message in messages:
        assert message.get("from", message["seq"]) == after + 1, message
        after = message["seq"]
