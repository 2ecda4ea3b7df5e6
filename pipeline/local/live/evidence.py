"""What was seen of an exchange in two minutes: frames, pings, replies and REST answers, before anything is judged."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pipeline.domain.candle import Candle
from pipeline.domain.interval import Interval
from pipeline.exchanges.binance import messages, rest

KINDS = ("kline_1m", "trade", "aggTrade", "depth@100ms", "bookTicker")


class UnseenError(Exception):
    """What a check needs did not come in the time there was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the client's code and the documents take for granted; a test may lower what takes long to see."""

    ping_every_s: float = 20.0
    ping_slack_s: float = 4.0
    offset_ms: int = 1_000
    kline_every_s: float = 2.0
    depth_every_s: float = 0.1
    closed_within_ms: int = 5_000
    weight: int = 6_000


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of the combined stream: its bytes, its JSON, and when it came (our clock, ms)."""

    raw: bytes
    received_ms: int
    wrapper: Mapping[str, Any]

    @property
    def stream(self) -> str:
        """The name of its stream."""
        return str(self.wrapper.get("stream", ""))

    @property
    def data(self) -> dict[str, Any]:
        """What it wraps."""
        data: dict[str, Any] = self.wrapper["data"]
        return data


@dataclass(frozen=True)
class Answer:
    """One REST answer; times are our clock's, ms. ``spent`` is how much the weight header grew by it, None unknown."""

    target: str
    status: int
    headers: Mapping[str, str]
    body: bytes
    asked_ms: int
    received_ms: int
    spent: int | None = None

    @cached_property
    def json(self) -> Any:
        """The body read."""
        return json.loads(self.body)

    @property
    def code(self) -> int:
        """The exchange's error code; 0 where the answer is none."""
        return int(self.json.get("code", 0)) if isinstance(self.json, dict) else 0


@dataclass(slots=True, kw_only=True)
class Evidence:
    """Everything that was seen of one symbol."""

    symbol: str
    expected: Expected
    frames: list[Frame] = field(default_factory=list)
    pings: list[tuple[int, bytes]] = field(default_factory=list)
    replies: dict[int, Any] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)
    compressed: bool = False
    cut: str = ""
    silent_frames: int | None = None
    handshakes: dict[str, int] = field(default_factory=dict)

    def of(self, kind: str, *, least: int = 1) -> list[dict[str, Any]]:
        """The events of one kind of stream. Raises UnseenError if there are fewer than ``least``."""
        found = [frame.data for frame in self.frames if frame.stream == f"{self.symbol.lower()}@{kind}"]
        return seen(found, least=least, what=f"{kind} frames")

    def answer(self, name: str) -> Answer:
        """A REST answer by the name it was asked under. Raises UnseenError."""
        if name not in self.answers:
            raise UnseenError(f"{name} was not asked")
        return self.answers[name]

    def reply(self, number: int) -> Any:
        """The reply to a control message. Raises UnseenError."""
        if number not in self.replies:
            raise UnseenError(f"no reply to message {number}")
        return self.replies[number]

    @property
    def offset_ms(self) -> int:
        """How far the exchange's clock is ahead of ours, by the quickest answer."""
        times: list[Answer] = [answer for name, answer in self.answers.items() if name.startswith("time")]
        best = min(seen(times, what="time answers"), key=lambda answer: answer.received_ms - answer.asked_ms)
        half_ms: int = (best.asked_ms + best.received_ms) // 2
        return int(best.json["serverTime"]) - half_ms

    def candles(self) -> list[Candle]:
        """The kline events as words."""
        self.of("kline_1m")
        stream = f"{self.symbol.lower()}@kline_1m"
        frames = [frame for frame in self.frames if frame.stream == stream]
        words = [messages.decode(frame.raw, received_ms=frame.received_ms) for frame in frames]
        return [word for word in words if isinstance(word, Candle)]

    def rows(self, name: str, interval: Interval) -> list[Candle]:
        """The closed candles of a klines answer, by the client's own parser."""
        answer = self.answer(name)
        server_ms = answer.asked_ms + self.offset_ms
        return rest.parse_klines(
            answer.body, symbol=self.symbol, interval=interval, server_ms=server_ms, received_ms=answer.received_ms
        )


def seen(things: Sequence[Any], *, least: int = 1, what: str) -> list[Any]:
    """``things``, if there are enough to judge by. Raises UnseenError."""
    if len(things) < least:
        raise UnseenError(f"{len(things)} {what}")
    return list(things)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one check expected and found, and whether it holds."""

    holds: bool
    expected: str
    found: str


Check = Callable[[Evidence], Judgement]
"""One assumption: its docstring says it, its answer judges it. Raises UnseenError where nothing can be said."""
