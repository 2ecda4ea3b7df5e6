"""Asking the app over HTTP and reading its answer with every digit."""

from typing import Any

from flask.testing import FlaskClient

from pipeline.domain import jsontext


def get(client: FlaskClient, url: str, *, status: int = 200) -> Any:
    response = client.get(url)
    assert response.status_code == status, response.get_data(as_text=True)
    return jsontext.loads_exact(response.get_data())
