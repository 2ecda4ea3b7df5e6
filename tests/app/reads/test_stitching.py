"""One candle a bucket: the fold of all minutes, else the exchange's own, else what minutes there are."""

from dataclasses import replace
from typing import Any

from app.reads.stitching import lacking, stitched
from pipeline.domain.candle import Candle, Revision
from pipeline.domain.folds import fold_minutes
from pipeline.domain.interval import Interval
from tests.words import a_candle


def own(hour: int, **other: Any) -> Candle:
    """The exchange's own hour."""
    words = {"interval": Interval.H1, "revision": Revision.REST, "source": "rest", "present": None, "verified_ms": 9}
    return a_candle(60 * hour, **(words | other))


def fold(hour: int, minutes: int, **other: Any) -> Candle:
    return fold_minutes([a_candle(60 * hour + m, **other) for m in range(minutes)], interval=Interval.H1)


def as_own(folded: Candle) -> Candle:
    """The exchange's own hour with the values of a fold."""
    return replace(folded, present=None, verified_ms=9, source="rest", revision=Revision.REST)


def test_what_lies_before_the_first_minute_is_the_exchange_s_own() -> None:
    whole = fold(3, 60)
    assert stitched([whole], [own(1), own(2)]) == [own(1), own(2), whole]


def test_a_bucket_with_all_its_minutes_is_their_fold() -> None:
    whole = fold(1, 60, close="101.00", high="101.00")
    assert stitched([whole], [own(1)]) == [whole]


def test_a_short_bucket_gives_way_to_the_exchange_s_own() -> None:
    assert stitched([fold(1, 20)], [own(1, close="77.00", low="77.00")]) == [own(1, close="77.00", low="77.00")]


def test_a_short_bucket_without_one_says_that_it_is_short() -> None:
    (short,) = stitched([fold(1, 20)], [])
    assert (short.present, short.complete, short.cause) == (20, False, None)
    assert lacking([short]) == [short]


def test_a_short_bucket_that_equals_the_exchange_s_own_is_verified_and_its_cause_is_known() -> None:
    short = fold(1, 20)
    (shown,) = stitched([short], [as_own(short)])
    assert (shown.present, shown.complete, shown.verified_ms, shown.cause) == (20, False, 9, "exchange")
    assert lacking([shown]) == []


def test_a_whole_bucket_that_equals_the_exchange_s_own_is_verified() -> None:
    whole = fold(1, 60)
    (shown,) = stitched([whole], [as_own(whole)])
    assert (shown.present, shown.complete, shown.verified_ms, shown.cause) == (60, True, 9, None)


def test_the_exchange_s_own_lacks_nothing() -> None:
    assert lacking([own(1)]) == []
