"""Forecasts and the models behind them: empty until there are any, and saying so."""

from app.api.markets import require_known
from app.api.route import Route, View
from app.parameters import ForecastsQuery, HistoryQuery, NoQuery, SymbolQuery
from app.problems import nothing_yet
from app.reads import StoreReads


def forecast_routes(reads: StoreReads) -> list[Route]:
    """Every route about forecasts."""
    answers = ForecastAnswers(reads)
    return [
        Route(
            path="/prediction/{symbol}", answer=answers.newest, query=SymbolQuery, schema="Prediction",
            tag="forecasts", summary="The newest forecast of one market",
        ),
        Route(
            path="/prediction/{symbol}/history", answer=answers.history, query=HistoryQuery, schema="Predictions",
            tag="forecasts", summary="Past forecasts of one market, newest first",
        ),
        Route(
            path="/predictions", answer=answers.every, query=ForecastsQuery, schema="Predictions",
            tag="forecasts", summary="The newest forecast of every market that has one",
        ),
        Route(
            path="/models", answer=answers.models, query=NoQuery, schema="Models",
            tag="forecasts", summary="The models in the registry",
        ),
    ]  # fmt: skip


class ForecastAnswers:
    """What each forecast route answers."""

    def __init__(self, reads: StoreReads) -> None:
        self._reads = reads

    def newest(self, query: SymbolQuery) -> View:
        """``/prediction/{symbol}``."""
        require_known(self._reads, query.symbol)
        prediction = self._reads.prediction(query.symbol)
        if prediction is None:
            raise nothing_yet(f"no forecast yet for {query.symbol}")
        return {"symbol": query.symbol, "prediction": prediction}

    def history(self, query: HistoryQuery) -> View:
        """``/prediction/{symbol}/history``: none is kept before the first model."""
        require_known(self._reads, query.symbol)
        return {"symbol": query.symbol, "count": 0, "predictions": []}

    def every(self, query: ForecastsQuery) -> View:
        """``/predictions``."""
        found = [self._reads.prediction(symbol) for symbol in self._reads.known()]
        predictions = [prediction for prediction in found if prediction is not None][: query.limit]
        return {"count": len(predictions), "predictions": predictions}

    def models(self, _query: NoQuery) -> View:
        """``/models``: the registry is empty before the first training."""
        return {"count": 0, "models": []}
