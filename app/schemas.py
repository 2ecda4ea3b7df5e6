"""The shapes of the answers as JSON Schema: the components of the OpenAPI document."""

from typing import Any

from app.problems import KINDS

Schema = dict[str, Any]

NUMBER: Schema = {"type": "number"}
WHOLE: Schema = {"type": "integer"}
TEXT: Schema = {"type": "string"}
TRUTH: Schema = {"type": "boolean"}
TIME: Schema = {"type": "integer", "description": "UTC epoch milliseconds"}
ANYTHING: Schema = {"type": "object"}


def maybe(schema: Schema) -> Schema:
    """``schema`` or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def ref(name: str) -> Schema:
    """A component by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def array(items: Schema) -> Schema:
    """A list."""
    return {"type": "array", "items": items}


def one_of(*values: str) -> Schema:
    """One of a few words."""
    return {"type": "string", "enum": list(values)}


def record(properties: dict[str, Schema], *, optional: dict[str, Schema] | None = None) -> Schema:
    """An object; more fields may come with a later version."""
    return {"type": "object", "required": list(properties), "properties": properties | (optional or {})}


def listing(name: str, items: Schema, **more: Schema) -> Schema:
    """``{"count", name: [...], …more}``."""
    return record(more | {"count": WHOLE, name: array(items)})


_AMOUNTS = {
    "volume": NUMBER, "quoteVolume": NUMBER, "trades": WHOLE,
    "takerBuyVolume": NUMBER, "takerBuyQuoteVolume": NUMBER,
}  # fmt: skip
_PROVENANCE = {
    "closeTime": TIME, "x": {"type": "boolean", "description": "Whether the candle is closed"}, "updatedAt": TIME,
    "source": TEXT, "revision": {"type": "integer", "description": "0 forming, 1 closed, 2 from REST"},
    "present": {**maybe(WHOLE), "description": "Minutes stored; null of the exchange's own longer candle"},
    "expected": WHOLE, "complete": TRUTH,
    "verifiedAt": {**maybe(TIME), "description": "When it was last found equal to the exchange's own"},
    "cause": {**maybe(TEXT), "description": "exchange: it lacks minutes that the exchange does not have either"},
}  # fmt: skip
_QUALITY = {
    "expected": WHOLE, "present": WHOLE, "missing": WHOLE, "completeShare": maybe(NUMBER),
    "verified": {"type": "integer", "description": "Minutes found equal to the exchange's own"},
    "verifiedShare": maybe(NUMBER), "revisions": record({"forming": WHOLE, "closed": WHOLE, "rest": WHOLE}),
    "missingBy": {"$ref": "#/components/schemas/MissingBy"},
}  # fmt: skip
_SERVED = {"servedAt": TIME, "ageMs": WHOLE, "stale": TRUTH}
_FORECAST = {
    "symbol": TEXT, "current_price": NUMBER, "predicted_price": NUMBER, "predicted_change": NUMBER,
    "direction": one_of("UP", "DOWN"), "prediction_time": TEXT, "target_time": TEXT, "confidence_score": NUMBER,
    "edge": {}, "interval80": {}, "interval90": {}, "interval95": {}, "model_version": {},
}  # fmt: skip

SCHEMAS: dict[str, Schema] = {
    "Candle": record(
        {
            "openTime": TIME,
            "y": {
                "type": "array",
                "items": NUMBER,
                "minItems": 4,
                "maxItems": 4,
                "description": "open, high, low, close",
            },
        }
        | _AMOUNTS
        | _PROVENANCE
    ),
    "Candles": listing("candles", ref("Candle"), symbol=TEXT, interval=TEXT, forming=maybe(ref("Candle"))),
    "Latest": record(
        {
            "symbol": TEXT,
            "interval": TEXT,
            "openTime": TIME,
            "open": NUMBER,
            "high": NUMBER,
            "low": NUMBER,
            "close": NUMBER,
        }
        | _AMOUNTS
        | _PROVENANCE
        | _SERVED
    ),
    "Level": record({"price": NUMBER, "quantity": NUMBER, "total": NUMBER}),
    "OrderBook": record(
        {
            "symbol": TEXT,
            "lastUpdateId": WHOLE,
            "state": one_of("synced", "resyncing", "failed"),
            "timestamp": TIME,
            "receivedTime": TIME,
            "bids": array(ref("Level")),
            "asks": array(ref("Level")),
        }
        | _SERVED
    ),
    "Trade": record(
        {
            "symbol": TEXT,
            "price": NUMBER,
            "quantity": NUMBER,
            "time": TIME,
            "isBuyerMaker": TRUTH,
            "tradeId": WHOLE,
        },
        optional={"lastTradeId": WHOLE},
    ),
    "Trades": listing("trades", ref("Trade"), symbol=TEXT),
    "Symbol": record(
        {
            "symbol": TEXT,
            "status": TEXT,
            "baseAsset": TEXT,
            "quoteAsset": TEXT,
            "tickSize": {"type": ["string", "number"]},
            "stepSize": {"type": ["string", "number"]},
        }
    ),
    "Symbols": listing("symbols", ref("Symbol")),
    "MissingBy": record({"exchange": WHOLE, "ours": WHOLE, "unexplained": WHOLE}),
    "QualityTotals": record(_QUALITY),
    "QualityDay": record(
        {"symbol": TEXT, "day": TIME, "date": TEXT, "complete": TRUTH, "stored": WHOLE, "healed": WHOLE} | _QUALITY
    ),
    "Gap": record(
        {
            "symbol": TEXT,
            "stream": TEXT,
            "start": TIME,
            "end": {**TIME, "description": "UTC epoch milliseconds, not part of it"},
            "minutes": WHOLE,
            "cause": {"type": "string", "description": "exchange: it has nothing either; ours: it was missed here"},
            "reason": TEXT,
            "detectedAt": TIME,
            "healedAt": maybe(TIME),
            "state": one_of("open", "healed", "lasting"),
        }
    ),
    "MarketQuality": record(
        {
            "symbol": TEXT,
            "book": record(
                {
                    "state": maybe(TEXT),
                    "resyncs": maybe(WHOLE),
                    "ticker": record({"checked": WHOLE, "matched": WHOLE, "share": maybe(NUMBER)}),
                    "audit": record({"levels": WHOLE, "matched": WHOLE, "share": maybe(NUMBER), "at": maybe(TIME)}),
                }
            ),
            "trades": record({"openGaps": WHOLE, "missingIds": WHOLE, "healedGaps": WHOLE, "lastingGaps": WHOLE}),
            "lastEventAt": maybe(TIME),
            "ageMs": maybe(WHOLE),
        }
    ),
    "Quality": listing(
        "days",
        ref("QualityDay"),
        interval=TEXT,
        servedAt=TIME,
        start=TIME,
        end=TIME,
        totals=ref("QualityTotals"),
        gaps=array(ref("Gap")),
        markets=array(ref("MarketQuality")),
    ),
    "RankingRow": record(
        {
            "symbol": TEXT,
            "price": NUMBER,
            "percent_change": NUMBER,
            "volume": {"type": "number", "description": "Quote volume in the window"},
            "baseVolume": NUMBER,
            "market_cap": maybe(NUMBER),
            "timestamp": TIME,
            "source": TEXT,
        }
    ),
    "Ranking": listing(
        "rankings",
        ref("RankingRow"),
        type=one_of("gainers", "losers"),
        window=TEXT,
        source=TEXT,
        updated_at=maybe({"type": "string", "format": "date-time"}),
        pending={**array(TEXT), "description": "Markets whose reference minute is not stored yet"},
    ),
    "Forecast": record({"symbol": TEXT}, optional=_FORECAST),
    "Prediction": record({"symbol": TEXT, "prediction": ref("Forecast")}),
    "Predictions": listing("predictions", ref("Forecast")),
    "Models": listing("models", ANYTHING),
    "Liveness": record({"status": one_of("alive"), "servedAt": TIME}),
    "Readiness": record({"status": one_of("ready"), "servedAt": TIME}),
    "Health": record(
        {
            "status": one_of("ok", "degraded"),
            "source": TEXT,
            "servedAt": TIME,
            "stores": array(ANYTHING),
            "processes": array(ANYTHING),
            "later": array(ANYTHING),
            "markets": array(ANYTHING),
            "history": ANYTHING,
        }
    ),
    "Exposition": TEXT,
    "OpenApi": ANYTHING,
    "Page": TEXT,
    "FieldError": record({"field": TEXT, "detail": TEXT}),
    "Problem": record(
        {
            "type": {"type": "string", "description": "What kind of problem: " + ", ".join(KINDS)},
            "title": TEXT,
            "status": WHOLE,
            "detail": TEXT,
            "instance": TEXT,
        },
        optional={"field": TEXT, "errors": array(ref("FieldError")), "reasons": array(TEXT)},
    ),
}
