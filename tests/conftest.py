"""Fixtures every room's tests may use, and the marker that follows from using them."""

from collections.abc import Iterator

import pytest
from hypothesis import settings as hypothesis_settings

from pipeline.settings import Settings
from tests.servers.namespaces import fresh_namespace
from tests.servers.running import running_servers

hypothesis_settings.register_profile("here", deadline=None)  # how long an example takes says how busy the machine is
hypothesis_settings.load_profile("here")


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Kafka, MongoDB and Valkey, started by the first test that asks, stopped after the last."""
    with running_servers(tmp_path_factory.mktemp("servers")) as settings:
        yield settings


@pytest.fixture
def namespace(servers: Settings) -> Iterator[Settings]:
    """Names on the session's servers that this test has to itself, wiped afterwards."""
    with fresh_namespace(servers) as settings:
        yield settings


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses the session's servers, so that nobody can forget to."""
    for item in items:
        if "servers" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.servers)
