"""Which of two candles is true."""

from decimal import Decimal

from pipeline.domain.candle import Revision
from tests.words import a_candle, forming


def test_the_higher_revision_wins_whatever_its_time() -> None:
    rest = a_candle(revision=Revision.REST, event_ms=1)
    assert rest.supersedes(a_candle(event_ms=2))
    assert not a_candle(event_ms=2).supersedes(rest)
    assert a_candle(event_ms=1).supersedes(forming(event_ms=2))


def test_among_equals_the_later_event_wins() -> None:
    early, late = a_candle(event_ms=1), a_candle(event_ms=2, volume=Decimal(9))
    assert late.supersedes(early)
    assert not early.supersedes(late)


def test_equal_values_change_nothing() -> None:
    assert not a_candle(event_ms=2).supersedes(a_candle(event_ms=1))


def test_anything_supersedes_nothing() -> None:
    assert forming().supersedes(None)
