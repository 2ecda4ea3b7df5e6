"""What gunicorn serves: ``app.wsgi:web`` (pages and routes) or ``app.wsgi:push`` (sockets), built when asked for."""

import logging
import sys
from dataclasses import asdict

from flask import Flask
from gunicorn.http.wsgi import Response

from app.factory import create_app
from app.push.routes import HUB
from pipeline.adapters.heartbeat import Heartbeat
from pipeline.adapters.redis_reader import connect
from pipeline.domain.faults import MisconfiguredError
from pipeline.settings import Settings

APP_LOAD_ERROR = 4
"""The exit status on which gunicorn stops instead of starting the worker again."""


def __getattr__(name: str) -> Flask:
    if name not in ("web", "push"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    _hide_banner()
    try:
        settings = Settings.from_environment()
        built = create_app(settings, push_only=name == "push")
    except MisconfiguredError as error:
        print(f"candlestream: {error}", file=sys.stderr)  # noqa: T201 - the one line the user must see
        raise SystemExit(APP_LOAD_ERROR) from None
    _beat(built, settings, name)
    globals()[name] = built
    return built


def _beat(app: Flask, settings: Settings, name: str) -> None:
    """Let the others know that this process lives, and what its sockets do."""
    counters = app.extensions[HUB].counters
    client = connect(
        settings.redis_host, settings.redis_port, database=settings.redis_db, password=settings.redis_password
    )
    Heartbeat(client, name, lambda: asdict(counters)).start()


def _hide_banner() -> None:
    """gunicorn puts its name on every answer and has no setting for it."""
    told = Response.default_headers

    def without_server(response: Response) -> list[str]:
        return [line for line in told(response) if not line.startswith("Server:")]

    Response.default_headers = without_server
