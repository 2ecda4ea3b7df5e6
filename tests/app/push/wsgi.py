"""A web application of nothing but push, for gunicorn: a memory publisher, or Redis when REDIS_PORT is set.

Run by hand: ``REDIS_PORT=6379 gunicorn -c python:app.gunicorn -b 127.0.0.1:8051 'tests.app.push.wsgi:create_app()'``.
"""

import os
import threading
from typing import Any

from flask import Flask, jsonify, request

from app.push.build import build_push
from app.push.client import Patience
from app.push.hub import Hub
from app.push.origins import Origins
from app.push.routes import register_push
from pipeline.settings import Settings
from tests.app.push.world import World


def create_app() -> Flask:
    """The application gunicorn's worker serves."""
    app = Flask(__name__)
    most = int(os.environ.get("MAX_CLIENTS", "5000"))
    if "REDIS_PORT" in os.environ:
        hub, snapshots = build_push(Settings.from_environment(), max_clients=most)
        register_push(app, hub, snapshots, knows=_known)
    else:
        world = World()
        hub = Hub(world, max_clients=most, patience=Patience(progress_s=1.0))
        register_push(app, hub, world, knows=_known, origins=Origins(listed=["https://page.example.org"]))
        _publishing(app, world)
    _stats(app, hub)
    return app


def _known(symbol: str) -> bool:
    return symbol.endswith("USDT")


def _publishing(app: Flask, world: World) -> None:
    @app.post("/publish")
    def publish() -> dict[str, Any]:
        stream, symbol = request.args["stream"], request.args["symbol"]
        for _ in range(int(request.args.get("count", "1"))):
            kind = request.args.get("kind", "realtime")
            world.publish(stream, symbol, kind=kind, pad=int(request.args.get("pad", "0")))
        return {"seq": world.sequences[stream, symbol]}


def _stats(app: Flask, hub: Hub) -> None:
    @app.get("/livez")
    def livez() -> str:
        return "ok"

    @app.get("/stat")
    def stat() -> Any:
        c = hub.counters
        names = ("clients", "opened", "received", "sends", "messages", "sent_bytes", "conflated", "missed", "gaps",
                 "malformed", "overflowed", "reconnects")  # fmt: skip
        counts = {name: getattr(c, name) for name in names}
        return jsonify(**counts, closed=dict(c.closed), threads=threading.active_count(), nr_conns=_nr_conns())


def _nr_conns() -> int:
    import gc

    from gunicorn.workers.gthread import ThreadWorker

    return next((int(found.nr_conns) for found in gc.get_objects() if isinstance(found, ThreadWorker)), -1)
