"""Recorded files read to lines of one shape, whichever recorder wrote them.

Three shapes of line are understood, gzipped or not, mixed at will; others (headers, blank lines) are skipped, and so is
what a recorder that was killed left half written at a file's end:

* ``<receive ns> <frame>`` — ours (``./run record``) and hftbacktest's. A frame is a combined-stream frame, a raw
  event, ``{"rest": "<path?query>", "body": …}``, or a bare REST book (``{"lastUpdateId": …}``);
* ``<receive s>: <frame>`` — cryptofeed's frames;
* ``<url> -> <receive s>: <body>`` — cryptofeed's REST answers.
"""

import gzip
import logging
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import orjson

from pipeline.domain.faults import MisconfiguredError

log = logging.getLogger(__name__)

NS = 1_000_000_000
_NANOSECONDS = re.compile(rb"^(\d{15,20}) (?=[{\[])")
_SECONDS = re.compile(rb"^(\d+)(\.\d+)?: (?=[{\[])")
_ANSWER = re.compile(rb"^(https?://\S+) -> (\d+)(\.\d+)?: (?=[{\[])")
_WRAPPED = re.compile(rb'^\{"stream":"([^"]+)","data":(.*)\}$', re.DOTALL)
_RECORDED_REST = re.compile(rb'^\{"rest":\s*"([^"]+)",\s*"body":\s*(.*)\}$', re.DOTALL)
_BOOK = b'{"lastUpdateId"'
_STREAM_OF = {"depthUpdate": "depth@100ms", "trade": "trade", "aggTrade": "aggTrade"}


class Line(NamedTuple):
    """One recorded message: receive time, its stream or its REST path and query, and its JSON untouched."""

    received_ns: int
    stream: str
    rest: str
    data: bytes


def read_recording(source: str) -> list[Line]:
    """Every line of ``source`` (a file, a comma list or a folder) in order of time."""
    lines = [line for path in _paths(source) for line in _lines(path)]
    if not any(line.stream for line in lines):
        raise MisconfiguredError(f"replay:{source} holds no recorded stream frames")
    return sorted(lines, key=lambda line: line.received_ns)


def parse_line(text: bytes) -> Line | None:
    """One line of a recording, or None for one that holds no message."""
    if found := _NANOSECONDS.match(text):
        return _frame(int(found[1]), text[found.end() :])
    if found := _SECONDS.match(text):
        return _frame(_nanoseconds(found[1], found[2]), text[found.end() :])
    if found := _ANSWER.match(text):
        return Line(_nanoseconds(found[2], found[3]), "", found[1].decode(), text[found.end() :])
    return None


def _frame(received_ns: int, data: bytes) -> Line | None:
    if found := _WRAPPED.match(data):
        return Line(received_ns, found[1].decode(), "", found[2])
    if found := _RECORDED_REST.match(data):
        return Line(received_ns, "", found[1].decode(), found[2])
    if data.startswith(_BOOK):
        return Line(received_ns, "", "/api/v3/depth", data)
    stream = _raw_stream(data)
    return Line(received_ns, stream, "", data) if stream else None


def _raw_stream(data: bytes) -> str:
    """The stream a raw event came from; nothing for a control reply."""
    event = orjson.loads(data)
    if not isinstance(event, dict) or "s" not in event:
        return ""
    if event.get("e") == "kline":
        return f"{event['s'].lower()}@kline_{event['k']['i']}"
    kind = _STREAM_OF.get(event.get("e", ""), "bookTicker" if {"u", "b", "a"} <= event.keys() else "")
    return f"{event['s'].lower()}@{kind}" if kind else ""


def _paths(source: str) -> Iterable[Path]:
    for name in source.split(","):
        path = Path(name.strip()).expanduser()
        if not path.exists():
            raise MisconfiguredError(f"replay:{name} is not there; expected a recorded file or a folder of them")
        yield from sorted(part for part in path.iterdir() if part.is_file()) if path.is_dir() else [path]


def _lines(path: Path) -> Iterator[Line]:
    for text in _texts(path):
        line = parse_line(text.rstrip()) if text.endswith(b"\n") or _is_whole(text) else None
        if line is not None:
            yield line


def _texts(path: Path) -> Iterator[bytes]:
    """The lines of a file as far as it can be read: what follows a torn place is not there."""
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        try:
            yield from file
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            log.warning("%s is torn, and only what comes before is read: %s", path, error)


def _is_whole(text: bytes) -> bool:
    """Whether a last line without an end holds all of its JSON."""
    found = _NANOSECONDS.match(text) or _SECONDS.match(text) or _ANSWER.match(text)
    try:
        orjson.loads(text[found.end() if found else 0 :])
    except orjson.JSONDecodeError:
        return False
    return True


def _nanoseconds(seconds: bytes, fraction: bytes | None) -> int:
    digits = (fraction or b".")[1:10].ljust(9, b"0")
    return int(seconds) * NS + int(digits)
