"""What the orders in force do to frames on their way out."""

import re
from collections.abc import Iterable
from itertools import chain
from typing import TYPE_CHECKING

from pipeline.simulator.market import Frame
from pipeline.simulator.mischief.kinds import Kind
from pipeline.simulator.mischief.malformed import ANY, forms_of, spoilt
from pipeline.simulator.mischief.orders import Order

if TYPE_CHECKING:
    from pipeline.simulator.mischief.register import Mischief

CLOSED_MARK = b'"x":true'
_OPEN_TIME = re.compile(rb'"k":\{"t":(\d+)')
_EVENT_TIME = re.compile(rb'"E":(\d+)')


class Frames:
    """Frames pass through, as the orders in force leave them."""

    def __init__(self, mischief: "Mischief") -> None:
        self._mischief = mischief
        self._held: dict[str, Frame] = {}

    def passed(self, frames: list[Frame]) -> list[Frame]:
        """The frames that go out."""
        if not self._mischief.orders and not self._held:
            return frames
        return list(chain.from_iterable(self._frame(frame) for frame in frames))

    def _frame(self, frame: Frame) -> Iterable[Frame]:
        name, take = frame.stream.lower(), self._mischief.take
        held = self._held.pop(name, None)
        if self._silent(name, frame) or self._left_out(name, frame):
            return [held] if held else []
        if held is None and take(Kind.REORDER, name):
            self._held[name] = frame
            return []
        frame = self._skewed(name, self._spoilt(name, frame))
        copies = [frame, frame] if take(Kind.DUPLICATE, name) else [frame]
        return [*copies, held] if held else copies

    def _silent(self, name: str, frame: Frame) -> bool:
        return self._mischief.lasting(Kind.SILENCE, name) is not None or self._in_silent_minute(name, frame)

    def _in_silent_minute(self, name: str, frame: Frame) -> bool:
        order = self._mischief.lasting(Kind.SILENT_MINUTES, name) if name.endswith("@kline_1m") else None
        found = _OPEN_TIME.search(frame.data) if order else None
        if order is None or found is None or not order.start_ms <= int(found[1]) < order.end_ms:
            return False
        self._mischief.spend(order)
        return True

    def _left_out(self, name: str, frame: Frame) -> bool:
        kind, take = name.partition("@")[2], self._mischief.take
        if kind.startswith("depth"):
            return take(Kind.SKIP_DEPTH, name) is not None
        if kind.endswith("trade"):
            return take(Kind.SKIP_TRADES, name) is not None
        return kind.startswith("kline") and CLOSED_MARK in frame.data and take(Kind.OMIT_CLOSED, name) is not None

    def _spoilt(self, name: str, frame: Frame) -> Frame:
        orders = (one for one in self._mischief.orders if one.kind is Kind.MALFORMED and one.match in name)
        for order in orders:
            form = _form_for(order, frame.data)
            data = spoilt(frame.data, form) if form else None
            if data is not None:
                self._mischief.spend(order)
                return frame._replace(data=data, form=form)
        return frame

    def _skewed(self, name: str, frame: Frame) -> Frame:
        order = self._mischief.lasting(Kind.SKEW, name)
        if order is None or frame.form:
            return frame
        offset_ms = int(order.offset_s * 1_000)
        return frame._replace(
            data=_EVENT_TIME.sub(lambda found: b'"E":%d' % (int(found[1]) + offset_ms), frame.data, count=1)
        )


def _form_for(order: Order, data: bytes) -> str:
    """The form this frame takes: the one ordered, or each in turn."""
    if order.form != ANY:
        return order.form
    forms = forms_of(data)
    return forms[(order.fate.number + order.fate.struck) % len(forms)] if forms else ""
