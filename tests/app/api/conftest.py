"""A served app on real stores."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.factory import create_app
from pipeline.settings import Settings
from tests.app.api.shelves import Shelves


@pytest.fixture
def settings(namespace: Settings) -> Settings:
    return replace(namespace, symbols=("BTCUSDT", "ETHUSDT"), history_days=1)


@pytest.fixture
def shelves(settings: Settings) -> Iterator[Shelves]:
    filled = Shelves(settings)
    filled.follow("BTCUSDT", "ETHUSDT")
    yield filled
    filled.close()


@pytest.fixture
def app(settings: Settings, shelves: Shelves) -> Flask:
    return create_app(settings)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
