"""Forecasts: absent and saying so until there are any."""

from decimal import Decimal

from flask.testing import FlaskClient

from pipeline.domain import jsontext, names
from tests.app.api.asking import get
from tests.app.api.shelves import Shelves

FORECAST = {
    "symbol": "BTCUSDT", "current_price": Decimal("100.10"), "predicted_price": Decimal("100.20"),
    "predicted_change": Decimal("0.0999"), "direction": "UP", "prediction_time": "2023-11-15T12:00:00Z",
    "target_time": "2023-11-15T12:05:00Z", "confidence_score": Decimal("0.51"), "model_version": "3",
}  # fmt: skip


def test_no_forecast_yet_is_404_and_says_so(client: FlaskClient) -> None:
    problem = get(client, "/prediction/BTCUSDT", status=404)
    assert problem["detail"] == "no forecast yet for BTCUSDT"


def test_a_forecast_is_answered_as_it_lies_in_redis(client: FlaskClient, shelves: Shelves) -> None:
    shelves.redis.set(names.prediction_key("BTCUSDT"), jsontext.dumps(FORECAST))
    assert get(client, "/prediction/BTCUSDT") == {"symbol": "BTCUSDT", "prediction": FORECAST}
    assert get(client, "/predictions") == {"count": 1, "predictions": [FORECAST]}


def test_before_any_model_every_list_is_empty(client: FlaskClient) -> None:
    assert get(client, "/predictions") == {"count": 0, "predictions": []}
    assert get(client, "/models") == {"count": 0, "models": []}
    assert get(client, "/prediction/BTCUSDT/history") == {"symbol": "BTCUSDT", "count": 0, "predictions": []}
