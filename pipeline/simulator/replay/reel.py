"""Everything a replay needs, read once: the messages in playing order and what each of them is for."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import merge
from operator import attrgetter
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import orjson

from pipeline.domain.interval import Interval
from pipeline.simulator.replay.books import RecordedBook
from pipeline.simulator.replay.klines import KlineMoment, folded_klines
from pipeline.simulator.replay.tape import Moment, Session, playing_times
from pipeline.simulator.streams import Kind, Stream, parse_stream, stream_name
from pipeline.simulator.wire import KlineWords

_DIFFS = (Kind.FAST_DEPTH, Kind.DEPTH)


class Row(NamedTuple):
    """A REST kline that becomes known when its frame is played; final when that frame closes it."""

    symbol: str
    interval: Interval
    open_ms: int
    text: str
    closed: bool


@dataclass(slots=True)
class Reel:
    """The recording, ready: ``due_ms[i]`` is when ``moments[i]`` plays, in ms after the start."""

    moments: list[Moment] = field(default_factory=list)
    due_ms: list[int] = field(default_factory=list)
    rows: dict[int, Row] = field(default_factory=dict)
    trades: dict[str, list[int]] = field(default_factory=dict)
    books: dict[str, RecordedBook] = field(default_factory=dict)
    symbols: dict[str, None] = field(default_factory=dict)
    exchange_info: Mapping[str, Any] = field(default_factory=dict)


def reel_of(sessions: Sequence[Session]) -> Reel:
    """The reel of a recording's sessions."""
    reel = Reel(symbols=dict.fromkeys(_symbols(sessions)))
    reel.books = {symbol: RecordedBook(symbol) for symbol in reel.symbols}
    for session in sessions:
        _append(reel, session)
    reel.due_ms = playing_times(reel.moments)
    return reel


def _append(reel: Reel, session: Session) -> None:
    folded = {kline.moment: kline for kline in _missing_klines(session, reel.symbols)}
    added = sorted(folded, key=attrgetter("at_ms"))
    sole = _sole(_symbols([session]))
    for moment in merge(session.moments, added, key=attrgetter("at_ms")):
        place = len(reel.moments)
        reel.moments.append(moment)
        if moment.rest:
            _keep_answer(reel, place, moment, bare_symbol=sole)
        elif stream := parse_stream(moment.stream):
            _keep_event(reel, place, stream, folded.get(moment))


def _missing_klines(session: Session, symbols: Iterable[str]) -> list[KlineMoment]:
    recorded = {moment.stream for moment in session.moments}
    return [
        kline
        for symbol in symbols
        if stream_name(symbol, Kind.KLINE) not in recorded
        for kline in folded_klines(session, symbol)
    ]


def _keep_event(reel: Reel, place: int, stream: Stream, folded: KlineMoment | None) -> None:
    if stream.kind in (Kind.TRADE, Kind.AGGREGATE):
        reel.trades.setdefault(stream.name, []).append(place)
    elif stream.kind in _DIFFS:
        reel.books[stream.symbol].diffs.append((place, reel.moments[place].data))
    elif stream.kind is Kind.KLINE and (folded is None or folded.whole):
        reel.rows[place] = _row(stream, orjson.loads(reel.moments[place].data)["k"])


def _keep_answer(reel: Reel, place: int, moment: Moment, *, bare_symbol: str) -> None:
    if "exchangeInfo" in moment.rest:
        reel.exchange_info = {entry["symbol"]: entry for entry in orjson.loads(moment.data)["symbols"]}
    elif "/depth" in moment.rest:
        symbol = parse_qs(urlsplit(moment.rest).query).get("symbol", [bare_symbol])[0]
        if symbol in reel.books:
            reel.books[symbol].snapshots.append((place, moment.data))


def _sole(symbols: Iterable[str]) -> str:
    """The one symbol a book without a name can be of; nothing where several were recorded together."""
    names = set(symbols)
    return names.pop() if len(names) == 1 else ""


def _symbols(sessions: Sequence[Session]) -> Iterable[str]:
    names = dict.fromkeys(moment.stream for session in sessions for moment in session.moments)
    return (stream.symbol for name in names if (stream := parse_stream(name)))


def _row(stream: Stream, k: Mapping[str, Any]) -> Row:
    words = KlineWords(*(k[name] for name in "tTohlcvqnVQfL"))
    return Row(stream.symbol, stream.interval, words.open_ms, words.row(), k["x"])
