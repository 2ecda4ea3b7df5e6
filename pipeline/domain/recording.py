"""A recording: the exchange's own bytes, each frame and each REST answer a line with the moment it came."""

from typing import NamedTuple


class RestAnswer(NamedTuple):
    """A REST answer as it came: the path and query that were asked, and the JSON body."""

    target: str
    body: bytes


def frame_line(frame: bytes, *, received_ns: int) -> bytes:
    """``<receive ns> <frame>``, the frame byte for byte."""
    return b"%d %b\n" % (received_ns, _on_one_line(frame))


def answer_line(answer: RestAnswer, *, received_ns: int) -> bytes:
    """``<receive ns> {"rest": "<path?query>", "body": <body>}``, the body byte for byte."""
    body = _on_one_line(answer.body)
    return b'%d {"rest": "%b", "body": %b}\n' % (received_ns, answer.target.encode(), body)


def remark_line(text: str) -> bytes:
    """``# <text>``: for whoever opens the file; a replay skips it."""
    return f"# {' '.join(text.split())}\n".encode()


def _on_one_line(data: bytes) -> bytes:
    """``data`` without line ends: in JSON they can only be white space between two tokens."""
    return data.strip().replace(b"\n", b" ").replace(b"\r", b" ") if b"\n" in data or b"\r" in data else data
