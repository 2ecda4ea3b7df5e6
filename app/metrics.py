"""What Prometheus scrapes: requests by route, stores, processes, the age of every market's data, the push hub."""

import time
from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any

from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from app.api.route import Route
from app.parameters import NoQuery, Query
from app.push.counters import Counters
from app.reads import StoreReads
from app.reads.standing import age_ms
from pipeline.domain.faults import TransientError

MEDIA_TYPE = "text/plain"
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """One registry per app, so that two apps of one process (or test) do not share counts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("route", "method", "status")
        self.requests = Counter("candlestream_http_requests", "Answers sent", labels, registry=self.registry)
        self.seconds = Histogram(
            "candlestream_http_request_seconds", "Time to answer", ("route",), buckets=_BUCKETS, registry=self.registry
        )

    def observe(self, app: Flask) -> None:
        """Count and time every request of ``app``; paths nobody serves share one label."""
        app.before_request(_begin)
        app.after_request(self._end)

    def route(self) -> Route:
        """``/metrics``."""
        return Route(
            path="/metrics", answer=self._exposed, query=NoQuery, schema="Exposition", tag="operations",
            summary="Prometheus text exposition", media=MEDIA_TYPE,
        )  # fmt: skip

    def _end(self, response: Response) -> Response:
        rule = request.url_rule.rule if request.url_rule is not None else "unmatched"
        self.requests.labels(rule, request.method, str(response.status_code)).inc()
        began = g.get("began")
        if began is not None:
            self.seconds.labels(rule).observe(time.perf_counter() - began)
        return response

    def _exposed(self, _query: Query) -> Response:
        return Response(generate_latest(self.registry), content_type=CONTENT_TYPE_LATEST)


class StandingCollector(Collector):
    """Asked at each scrape: stores, heartbeats and ages; a store that is away only leaves its figures out."""

    def __init__(self, reads: StoreReads, now_ms: Callable[[], int]) -> None:
        self._reads = reads
        self._now_ms = now_ms

    def collect(self) -> Iterator[Metric]:
        """The figures of now."""
        up = GaugeMetricFamily("candlestream_store_up", "1 if the store answers", labels=["store"])
        took = GaugeMetricFamily("candlestream_store_ping_seconds", "How quickly it answered", labels=["store"])
        for store in self._reads.standing.stores():
            up.add_metric([store.name], float(store.up))
            took.add_metric([store.name], store.latency_ms / 1_000)
        yield from (up, took)
        try:
            yield self._ages()
            yield from self._processes()
        except TransientError:
            return

    def describe(self) -> list[Metric]:
        """Nothing: describing would ask the stores."""
        return []

    def _ages(self) -> Metric:
        ages = GaugeMetricFamily("candlestream_market_age_seconds", "How long nothing has come", labels=["symbol"])
        for symbol, fresh in self._reads.standing.freshness(self._reads.trading()).items():
            age = age_ms(fresh, now_ms=self._now_ms())
            if age is not None:
                ages.add_metric([symbol], age / 1_000)
        return ages

    def _processes(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("candlestream_process_up", "1 if the process beats", labels=["process"])
        told = GaugeMetricFamily("candlestream_process_figure", "What it counts", labels=["process", "figure"])
        for row in self._reads.standing.processes():
            name = row["process"]
            up.add_metric([name], float(row["state"] != "silent"))
            for figure, value in _figures(row.get("detail", {})):
                told.add_metric([name, figure], value)
        yield from (up, told)


class PushCollector(Collector):
    """The hub's counters."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters

    def collect(self) -> Iterator[Metric]:
        """The figures of now."""
        yield GaugeMetricFamily("candlestream_push_clients", "Sockets open", value=self._counters.clients)
        for each in fields(Counters):
            if each.name not in ("clients", "closed"):
                value = getattr(self._counters, each.name)
                yield CounterMetricFamily(f"candlestream_push_{each.name}", "Since the hub started", value=value)
        closed = CounterMetricFamily("candlestream_push_closed", "Sockets closed, by reason", labels=["reason"])
        for reason, count in list(self._counters.closed.items()):
            closed.add_metric([reason], count)
        yield closed


def _figures(detail: Any, prefix: str = "") -> Iterator[tuple[str, float]]:
    """The numbers of a heartbeat's detail, nested names joined by a dot."""
    for name, value in detail.items():
        if isinstance(value, dict):
            yield from _figures(value, f"{prefix}{name}.")
        elif isinstance(value, int | float):
            yield f"{prefix}{name}", float(value)


def _begin() -> None:
    g.began = time.perf_counter()
