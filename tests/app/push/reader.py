"""A client's side of a WebSocket after its handshake, over a blocking socket, built on wsproto."""

import socket
from collections.abc import Iterator
from typing import Any

from wsproto.frame_protocol import FrameProtocol, Opcode

from pipeline.domain import jsontext


class Reader:
    """Reads whole frames; fails on anything that is not one."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.protocol = FrameProtocol(client=True, extensions=[])
        self.closed: tuple[int, str] | None = None

    def texts(self) -> Iterator[dict[str, Any]]:
        """Messages until the server's close frame or the end of the stream."""
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
