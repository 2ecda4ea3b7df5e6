"""Builds the server: reads, cache, routes, push, page and guards, from one Settings."""

import time
from collections.abc import Sequence
from functools import partial

from flask import Flask
from flask_compress import Compress

from app import problems, security
from app.api.forecasts import forecast_routes
from app.api.markets import market_routes
from app.api.quality import quality_routes
from app.api.rankings import ranking_routes
from app.api.route import Route, blueprint
from app.caching import redis_cache
from app.callbacks_guard import only_known_callbacks
from app.dashboard import mount_dashboard, mount_markets, mount_quality, mount_system
from app.docs import documented
from app.health import health_routes
from app.metrics import Metrics, PushCollector, StandingCollector
from app.pages import only_known_pages
from app.push.hub import Hub
from app.push.origins import Origins
from app.push.routes import register_push
from app.push.snapshots import RedisSnapshots
from app.push.subscriber import RedisFeed
from app.reads import StoreReads
from app.reads.quality_page import StoreQuality
from app.reads.ranking import StoreRanking
from app.reads.system import StoreSystem
from pipeline.adapters import redis_reader
from pipeline.settings import Settings


def create_app(settings: Settings, *, push_only: bool = False) -> Flask:
    """The Flask app of one serving process; nothing is started and no store is asked yet.

    ``push_only`` leaves out the page and the REST routes. Raises MisconfiguredError where the settings would open
    the server to everybody.
    """
    security.refuse_open_door(settings)
    app = Flask("candlestream", static_folder=None)
    reads = StoreReads.connected(settings)
    metrics = Metrics()
    metrics.observe(app)
    metrics.registry.register(StandingCollector(reads, now_ms))
    problems.register(app)
    operations = [*health_routes(reads, source=settings.source_kind, now_ms=now_ms), metrics.route()]
    app.register_blueprint(blueprint("operations" if push_only else "api", _routes(reads, operations, push_only)))
    hub = _push(app, settings, reads)
    metrics.registry.register(PushCollector(hub.counters))
    if push_only:
        security.harden(app, settings, script_hashes=list)
    else:
        _page(app, settings, reads)
    return app


def now_ms() -> int:
    """Our clock, UTC epoch milliseconds."""
    return time.time_ns() // 1_000_000


def _routes(reads: StoreReads, operations: Sequence[Route], push_only: bool) -> Sequence[Route]:
    if push_only:
        return operations
    markets = [*market_routes(reads, now_ms), *quality_routes(reads, now_ms)]
    return documented([*markets, *ranking_routes(reads), *forecast_routes(reads), *operations])


def _push(app: Flask, settings: Settings, reads: StoreReads) -> Hub:
    connect = partial(
        redis_reader.connect,
        settings.redis_host,
        settings.redis_port,
        database=settings.redis_db,
        password=settings.redis_password,
    )
    hub = Hub(RedisFeed(connect, database=settings.redis_db))
    register_push(
        app,
        hub,
        RedisSnapshots(connect(), history=reads.candles),
        knows=lambda symbol: symbol in reads.known(),
        origins=Origins(ports=(settings.http_port, settings.push_port)),
    )
    return hub


def _page(app: Flask, settings: Settings, reads: StoreReads) -> None:
    app.config["COMPRESS_STREAMS"] = False
    Compress(app)
    cache = redis_cache(app, settings)
    pages = [
        mount_dashboard(app, reads, cache, settings.push_port),
        mount_markets(app, StoreRanking(reads), cache, source=settings.source_kind),
        mount_quality(app, StoreQuality(reads), cache, source=settings.source_kind),
        mount_system(app, StoreSystem(reads), cache, source=settings.source_kind),
    ]
    only_known_pages(app)
    for page in pages:
        only_known_callbacks(app, page)
    security.harden(app, settings, script_hashes=lambda: [line for page in pages for line in page.csp_hashes()])
