"""What a client may ask with: one model a route, read strictly from the query string and described in OpenAPI."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from werkzeug.datastructures import MultiDict

from app.problems import FieldError, bad_parameters
from app.reads.candles import CandleRange
from pipeline.domain.interval import DAY_MS, Interval

MOST_DAYS = 366
MAX_MS = 9_999_999_999_999
"""The year 2286; a larger number is not in milliseconds."""
_WHOLE = re.compile(r"[0-9]{1,18}")
_SHOWN = 60

Q = TypeVar("Q", bound="Query")


def _whole(value: object) -> object:
    if not isinstance(value, str):
        return value
    if not _WHOLE.fullmatch(value):
        raise ValueError("expected a whole number")
    return int(value)


def _epoch_ms(value: object) -> object:
    number = _whole(value)
    if isinstance(number, int) and number > MAX_MS:
        raise ValueError("expected UTC epoch milliseconds; this many digits look like microseconds")
    return number


Symbol = Annotated[
    str,
    Field(
        pattern="^[A-Za-z0-9]{2,20}$",
        description="A market, as the exchange names it; /symbols lists them",
        examples=["BTCUSDT"],
    ),
    AfterValidator(str.upper),
]
_READ = BeforeValidator(_whole)
EpochMs = Annotated[int, Field(ge=0, le=MAX_MS), BeforeValidator(_epoch_ms)]


class Query(BaseModel):
    """A route's parameters; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NoQuery(Query):
    """No parameters."""


class SymbolQuery(Query):
    """One market."""

    symbol: Symbol


class OhlcQuery(SymbolQuery):
    """A range of candles of one interval."""

    interval: Annotated[Interval | None, Field(json_schema_extra={"default": "5m"})] = None
    collection: Annotated[
        Literal["1m_kline", "5m_kline", "1h_kline", "4h_kline", "1d_kline"] | None,
        Field(description="Names the interval by its collection instead; must agree with interval where both are"),
    ] = None
    limit: Annotated[int, Field(ge=1, le=2000), _READ] = 200
    start: Annotated[EpochMs | None, Field(description="Open time of the oldest candle wanted, inclusive")] = None
    end: Annotated[EpochMs | None, Field(description="Open time of the newest candle wanted, inclusive")] = None

    def wanted(self) -> CandleRange:
        """The range asked for. Raises ProblemError where two parameters contradict one another."""
        named = Interval(self.collection.partition("_")[0]) if self.collection else self.interval or Interval.M5
        if self.interval not in (None, named):
            detail = f"{self.collection} holds {named.value} candles, but interval is {self.interval.value}"
            raise bad_parameters([FieldError("collection", detail)])
        if self.start is not None and self.end is not None and self.start > self.end:
            raise bad_parameters([FieldError("start", f"{self.start} is after end, {self.end}")])
        return CandleRange(interval=named, limit=self.limit, start_ms=self.start, end_ms=self.end)


class RealtimeQuery(SymbolQuery):
    """The newest closed minutes; ``start`` pages back."""

    limit: Annotated[int, Field(ge=1, le=2000), _READ] = 200
    start: Annotated[EpochMs | None, Field(description="Only candles opened strictly before this")] = None
    end: Annotated[EpochMs | None, Field(description="Only candles opened at or before this")] = None


class DepthQuery(SymbolQuery):
    """How many levels a side."""

    limit: Annotated[int, Field(ge=1, le=100), _READ] = 20


class TradesQuery(SymbolQuery):
    """How many trades."""

    limit: Annotated[int, Field(ge=1, le=100), _READ] = 50


class RankingQuery(Query):
    """How many markets, ranked over which window."""

    limit: Annotated[int, Field(ge=1, le=1000), _READ] = 100
    type: Annotated[
        Literal["gainers", "losers"] | None, Field(description="Turns the ranking round; the path's own by default")
    ] = None
    window: Literal["1m", "5m", "15m", "1h", "4h", "24h"] = "24h"


class QualityQuery(Query):
    """Which UTC days of which markets."""

    symbol: Annotated[
        str | None,
        Field(
            pattern="^[A-Za-z0-9]{2,20}(,[A-Za-z0-9]{2,20})*$",
            max_length=4_000,
            description="A market, or several divided by commas; every one that is followed by default",
            examples=["BTCUSDT", "BTCUSDT,ETHUSDT"],
        ),
    ] = None
    days: Annotated[
        int, Field(ge=1, le=MOST_DAYS, description="How many UTC days before end; of no account beside start"), _READ
    ] = 7
    start: Annotated[EpochMs | None, Field(description="The first day is the one that holds this time")] = None
    end: Annotated[EpochMs | None, Field(description="The last day is the one that holds the ms before; now")] = None

    def asked_days(self, now_ms: int) -> int:
        """How many days are asked for. Raises ProblemError where start and end contradict one another."""
        if self.start is None:
            return self.days
        end_ms = self.end if self.end is not None else now_ms + 1
        if self.start >= end_ms:
            raise bad_parameters([FieldError("start", f"{self.start} is not before end, {end_ms}")])
        return -(-end_ms // DAY_MS) - self.start // DAY_MS

    def symbols(self) -> tuple[str, ...]:
        """The markets asked for, each once; empty where none is named."""
        return tuple(dict.fromkeys(self.symbol.upper().split(","))) if self.symbol else ()


class ForecastsQuery(Query):
    """How many forecasts."""

    limit: Annotated[int, Field(ge=1, le=1000), _READ] = 100


class HistoryQuery(SymbolQuery):
    """How many past forecasts of one market."""

    limit: Annotated[int, Field(ge=1, le=1000), _READ] = 100


def read_query(model: type[Q], args: "MultiDict[str, str]", path: Mapping[str, str]) -> Q:
    """The parameters of a request. Raises ProblemError (400) that names every one which is off."""
    errors = [FieldError(name, "given more than once") for name in args if len(args.getlist(name)) > 1]
    errors += [FieldError(name, "is part of the path, not of the query") for name in args if name in path]
    if errors:
        raise bad_parameters(errors)
    try:
        return model.model_validate({**args.to_dict(), **path})
    except ValidationError as invalid:
        raise bad_parameters([_field_error(model, error) for error in invalid.errors()]) from invalid


def _field_error(model: type[Query], error: Mapping[str, Any]) -> FieldError:
    name = str(error["loc"][0])[:_SHOWN]
    if error["type"] == "missing":
        return FieldError(name, "is required")
    if error["type"] == "extra_forbidden":
        return FieldError(name, f"is no parameter here; known are {', '.join(model.model_fields) or 'none'}")
    said = str(error["msg"]).removeprefix("Value error, ")
    return FieldError(name, f"{said}, got {str(error['input'])[:_SHOWN]!r}")
