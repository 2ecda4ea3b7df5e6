"""A web application of nothing but push, for gunicorn: a memory publisher, or Redis when REDIS_PORT is set.

Run by hand: ``REDIS_PORT=6379 gunicorn -c python:app.gunicorn -b 127.0.0.1:8051 'tests.app.push.wsgi:create_app()'``.
"""

import os
import threading
from functools import partial
from typing import Any

import redis
from flask import Flask, jsonify, request

from app import problems
from app.push.client import Patience
from app.push.hub import Hub
from app.push.origins import Origins
from app.push.routes import register_push
from app.push.snapshots import RedisSnapshots
from app.push.subscriber import RedisFeed
from tests.app.push.world import World


def create_app() -> Flask:
    """The application gunicorn's worker serves."""
    app = Flask(__name__)
    problems.register(app)
    most = int(os.environ.get("MAX_CLIENTS", "5000"))
    if "REDIS_PORT" in os.environ:
        connect = partial(redis.Redis, port=int(os.environ["REDIS_PORT"]), socket_timeout=5, socket_connect_timeout=3)
        hub = Hub(RedisFeed(connect, database=0), max_clients=most)
        register_push(app, hub, RedisSnapshots(connect()), knows=_known)
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
