"""Who listens to which channel, and how a newcomer's snapshot is joined to the live stream. No sockets here."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from app.push.bars import LongerBar
from app.push.messages import Message, event_ms
from app.push.outbox import Outbox
from app.push.subscriptions import Opening, Subscription
from app.push.tail import Position, Tail
from pipeline.domain import jsontext, views
from pipeline.domain.candle import Candle
from pipeline.domain.interval import Interval
from pipeline.domain.pushes import REALTIME, UPDATE, Push, push_body


@dataclass(slots=True)
class Channel:
    """One stream of one symbol: its last minute, its listeners, and the longer candles some of them want."""

    tail: Tail = field(default_factory=Tail)
    listeners: set[Outbox] = field(default_factory=set)
    folded: dict[Interval, set[Outbox]] = field(default_factory=dict)
    bars: dict[Interval, LongerBar] = field(default_factory=dict)

    def everyone(self) -> Iterable[Outbox]:
        """All listeners, of minutes and of longer candles."""
        yield from self.listeners
        for outboxes in self.folded.values():
            yield from outboxes


class Switchboard:
    """All channels of a process. Used by the hub's thread alone, save ``position``."""

    def __init__(self) -> None:
        self._channels: dict[tuple[str, str], Channel] = {}

    def position(self, stream: str, symbol: str) -> Position:
        """How far the channel was seen; safe from any thread."""
        channel = self._channels.get((stream, symbol))
        return channel.tail.position if channel is not None else Position(0, None)

    def publish(self, stream: str, symbol: str, push: Push, *, now_s: float) -> tuple[set[Outbox], set[Outbox]]:
        """Offer a message to all who listen: (those who got something, those who must join anew).

        A gap in the minutes would stay in a longer candle until its bucket ends, so its listeners join anew.
        """
        channel, message = self._channel(stream, symbol), Message(push)
        last = channel.tail.position.seq
        gap = last is not None and push.from_seq > last + 1
        if channel.tail.add(message, now_s=now_s):
            for outbox in channel.everyone():
                outbox.restart()
        touched = _offer(channel.listeners, message)
        if gap:
            return touched, {outbox for outboxes in channel.folded.values() for outbox in outboxes}
        return touched | (self._fold(channel, push) if channel.bars else set()), set()

    def attach(self, wanted: Subscription, opening: Opening, outbox: Outbox) -> bool:
        """Join a newcomer to its channel; False if it resumes at ``since`` and needs no snapshot."""
        channel = self._channel(wanted.stream, wanted.symbol)
        resumed = wanted.since is not None and channel.tail.covers(wanted.since)
        held = self._held(channel, opening, outbox, since=wanted.since if resumed else None)
        if wanted.interval is None or wanted.interval is Interval.M1:
            channel.listeners.add(outbox)
        else:
            held = self._join_folded(channel, wanted.interval, opening, held, outbox)
        outbox.join(held)
        return not resumed

    def detach(self, wanted: Subscription, outbox: Outbox) -> None:
        """Forget a listener, and a longer candle nobody wants any more."""
        channel = self._channel(wanted.stream, wanted.symbol)
        channel.listeners.discard(outbox)
        if wanted.interval in channel.folded:
            channel.folded[wanted.interval].discard(outbox)
            if not channel.folded[wanted.interval]:
                del channel.folded[wanted.interval], channel.bars[wanted.interval]

    def _held(self, channel: Channel, opening: Opening, outbox: Outbox, *, since: int | None) -> list[Message]:
        seq, seen, now = opening.snapshot.seq, opening.seen, channel.tail.position
        if since is not None:
            return self._after(channel, since, outbox)
        wiped = seq is not None and seen.seq is not None and seq < seen.seq
        if wiped and seen.epoch == now.epoch:
            outbox.begin_unsure(seq)
            return []
        if seq is None or (seen.epoch != now.epoch and not wiped):
            return self._after_unnumbered(channel, seen, outbox)
        return self._after(channel, seq, outbox)

    @staticmethod
    def _after(channel: Channel, seq: int, outbox: Outbox) -> list[Message]:
        outbox.begin(seq)
        lost, held = channel.tail.lost_after(seq), channel.tail.after(seq)
        if lost:
            outbox.lose(lost, seq=seq + lost, event_ms=event_ms(held[0].push) if held else None)
        outbox.offered = max(seq, channel.tail.position.seq or 0)
        return held

    @staticmethod
    def _after_unnumbered(channel: Channel, seen: Position, outbox: Outbox) -> list[Message]:
        outbox.begin_unsure(None)
        known = seen.seq if seen.epoch == channel.tail.position.epoch else None
        held = channel.tail.after(-1 if known is None else known)
        if held:
            outbox.offered = held[-1].push.seq
        return held

    @staticmethod
    def _join_folded(
        channel: Channel, interval: Interval, opening: Opening, held: list[Message], outbox: Outbox
    ) -> list[Message]:
        known = opening.snapshot.bar
        bar = LongerBar(interval) if known is None else known.copy()
        longer = [_longer(bar, message.push, minute_of(message.push)) for message in held]
        channel.folded.setdefault(interval, set()).add(outbox)
        channel.bars.setdefault(interval, bar)
        return [message for message in longer if message is not None]

    @staticmethod
    def _fold(channel: Channel, push: Push) -> set[Outbox]:
        minute, touched = minute_of(push), set()
        for interval, bar in channel.bars.items():
            longer = _longer(bar, push, minute)
            if longer is not None:
                touched |= _offer(channel.folded[interval], longer)
            else:
                for outbox in channel.folded[interval]:
                    outbox.skip(push.seq)
        return touched

    def _channel(self, stream: str, symbol: str) -> Channel:
        channel = self._channels.get((stream, symbol))
        if channel is None:
            channel = self._channels[stream, symbol] = Channel()
        return channel


def minute_of(push: Push) -> Candle:
    """The one-minute candle in a kline message. Raises ValueError or KeyError on anything else."""
    return views.candle_from_view(jsontext.loads_exact(push.body)["candle"])


def _offer(outboxes: set[Outbox], message: Message) -> set[Outbox]:
    return {outbox for outbox in outboxes if outbox.offer(message)}


def _longer(bar: LongerBar, push: Push, minute: Candle) -> Message | None:
    folded = bar.apply(minute)
    if folded is None:
        return None
    finished, candle = folded
    kind = REALTIME if finished else UPDATE
    happened_ms = event_ms(push) or candle.event_ms
    body = push_body(kind, symbol=candle.symbol, candle=views.candle_view(candle), event_ms=happened_ms)
    return Message(Push(kind, push.seq, push.from_seq, body))
