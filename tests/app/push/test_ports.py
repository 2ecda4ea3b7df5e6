"""Both ports answer alike to a socket asked for where there is none."""

import pytest

from app.factory import create_app
from pipeline.settings import Settings
from tests.app.push.reader import HANDSHAKE

NO_STORES = Settings(
    source="simulator", redis_port=9, mongo_uri="mongodb://127.0.0.1:9", http_port=8050, push_port=8051
)


@pytest.mark.parametrize("push_only", [False, True], ids=["web", "push"])
@pytest.mark.parametrize("path", ["/ws", "/ws/", "/ws/stream", "/ws/kline/", "/nothing"])
def test_a_socket_at_an_unknown_address_is_not_found(push_only: bool, path: str) -> None:
    answer = create_app(NO_STORES, push_only=push_only).test_client().get(path, headers=HANDSHAKE)
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
    assert answer.get_json()["type"] == "/docs#no-such-page"


@pytest.mark.parametrize("push_only", [False, True], ids=["web", "push"])
def test_a_route_that_is_no_socket_refuses_to_become_one(push_only: bool) -> None:
    answer = create_app(NO_STORES, push_only=push_only).test_client().get("/livez", headers=HANDSHAKE)
    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")
