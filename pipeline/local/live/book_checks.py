"""Assumptions about order books: continuity, how a snapshot joins the stream, and what the best prices are."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from heapq import nlargest, nsmallest
from itertools import pairwise, zip_longest
from statistics import median
from typing import Any

from pipeline.domain.faults import GapError
from pipeline.local.live.evidence import Check, Evidence, Judgement, UnseenError, seen

DEEP = 100
"""Levels a side that are compared; a full book of 1,000 levels holds them through two minutes."""


def cadence(evidence: Evidence) -> Judgement:
    """Depth differences come every 100 ms."""
    events = evidence.of("depth@100ms", least=3)
    every_s = evidence.expected.depth_every_s
    found_s = median((later["E"] - earlier["E"]) / 1000 for earlier, later in pairwise(events))
    return Judgement(every_s * 0.5 <= found_s <= every_s * 2, f"every {every_s:g} s", f"every {found_s:.3f} s (median)")


def continuity(evidence: Evidence) -> Judgement:
    """Each depth difference begins with the update after the one before: U is the last u + 1."""
    events = evidence.of("depth@100ms", least=2)
    off = sum(after["U"] != before["u"] + 1 for before, after in pairwise(events))
    return Judgement(not off, "U = u + 1", f"{off} gaps" if off else f"{len(events):,} differences without a gap")


def joining(evidence: Evidence) -> Judgement:
    """A snapshot asked for after the first difference has a lastUpdateId that the stream passes."""
    events, book_id = evidence.of("depth@100ms"), evidence.answer("book early").json["lastUpdateId"]
    inside = events[0]["U"] <= book_id + 1 and book_id <= events[-1]["u"]
    return Judgement(inside, "within the stream", f"{book_id} in {events[0]['U']}…{events[-1]['u']}")


def levels(evidence: Evidence) -> Judgement:
    """A snapshot of 1,000 levels has them, best first, and is not crossed."""
    body = evidence.answer("book early").json
    bids, asks = ([Decimal(price) for price, _ in body[side]] for side in ("bids", "asks"))
    ordered = bids == sorted(bids, reverse=True) and asks == sorted(asks)
    crossed = bool(bids and asks) and bids[0] >= asks[0]
    found = f"{len(bids)} bids, {len(asks)} asks, {'best first' if ordered else 'in no order'}"
    return Judgement(
        ordered and not crossed and 0 < len(bids) <= 1_000,
        "≤ 1,000, best first",
        f"{found}, crossed" if crossed else found,
    )


def folding(evidence: Evidence) -> Judgement:
    """A snapshot and the differences after it give the next snapshot."""
    late = evidence.answer("book late").json
    ours = next((book for book in _books(evidence) if book.update_id >= late["lastUpdateId"]), None)
    if ours is None or ours.update_id != late["lastUpdateId"]:
        raise UnseenError("no difference ends at the second snapshot's id")
    pairs = [
        (level, mine)
        for side, best in (("bids", ours.best_bids(DEEP)), ("asks", ours.best_asks(DEEP)))
        for level, mine in zip_longest(late[side][:DEEP], best)
    ]
    equal = sum(level == mine for level, mine in pairs)
    return Judgement(equal == len(pairs), "every level", f"{equal} of {len(pairs)} levels equal")


def best_prices(evidence: Evidence) -> Judgement:
    """A bookTicker's u is the book's update id: at equal ids, best prices and quantities are equal."""
    told = {event["u"]: [[event["b"], event["B"]], [event["a"], event["A"]]] for event in evidence.of("bookTicker")}
    equal = [
        told[book.update_id] == [*book.best_bids(1), *book.best_asks(1)]
        for book in _books(evidence)
        if book.update_id in told
    ]
    seen(equal, what="tickers at a difference's last id")
    return Judgement(all(equal), "equal", f"{sum(equal)} of {len(equal)} equal")


class _Book:
    """A book kept in the plainest way, so that a mistake of the client's own fold can't hide one of the exchange."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self.update_id = int(body["lastUpdateId"])
        self._bids, self._asks = (dict(body[side]) for side in ("bids", "asks"))

    def apply(self, event: Mapping[str, Any]) -> None:
        """Set the levels of a depth event. Raises GapError where updates are missing before it."""
        if event["U"] > self.update_id + 1:
            raise GapError(f"expected update {self.update_id + 1}, the next one starts at {event['U']}")
        for side, changes in ((self._bids, event["b"]), (self._asks, event["a"])):
            for price, quantity in changes:
                if Decimal(quantity):
                    side[price] = quantity
                else:
                    side.pop(price, None)
        self.update_id = event["u"]

    def best_bids(self, limit: int) -> list[list[str]]:
        """The highest bids as [price, quantity]."""
        return [[price, self._bids[price]] for price in nlargest(limit, self._bids, key=Decimal)]

    def best_asks(self, limit: int) -> list[list[str]]:
        """The lowest asks as [price, quantity]."""
        return [[price, self._asks[price]] for price in nsmallest(limit, self._asks, key=Decimal)]


def _books(evidence: Evidence) -> Iterator[_Book]:
    """The book after each difference that follows the first snapshot; the same object, moved on."""
    book = _Book(evidence.answer("book early").json)
    for event in evidence.of("depth@100ms"):
        if event["u"] > book.update_id:
            book.apply(event)
            yield book


CHECKS: tuple[Check, ...] = (cadence, continuity, joining, levels, folding, best_prices)
