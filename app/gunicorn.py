"""gunicorn's settings for both serving processes, and how its signals reach the push hub.

Use: ``gunicorn -c python:app.gunicorn -b HOST:PORT app.wsgi:web`` or ``app.wsgi:push``.
"""

import logging
import os
import resource
import signal
from types import FrameType
from typing import Any

from app.push.hub import Hub
from app.push.routes import HUB
from pipeline.lifeline import die_with

worker_class = "gthread"
workers = 1
threads = 32
worker_connections = 512
keepalive = 15
graceful_timeout = 10
timeout = 30
control_socket_disable = True
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - gunicorn's own choice

CLOSE_WITHIN_S = 5.0
log = logging.getLogger(__name__)


def post_fork(server: Any, _worker: Any) -> None:
    """Tie the worker to its master: by itself it notices only seconds later that that was killed."""
    die_with(server.pid)()


def post_worker_init(worker: Any) -> None:
    """Start the hub in the worker, and close its sockets with 1001 as soon as the worker is told to go."""
    hub = _hub(worker)
    if hub is None:
        return
    _raise_file_limit()
    hub.on_crash = _end_worker
    hub.start()
    gunicorn_handler = signal.getsignal(signal.SIGTERM)

    def on_term(number: int, frame: FrameType | None) -> None:
        hub.stop()
        if callable(gunicorn_handler):
            gunicorn_handler(number, frame)

    signal.signal(signal.SIGTERM, on_term)
    signal.siginterrupt(signal.SIGTERM, False)


def worker_exit(_server: Any, worker: Any) -> None:
    """Let the close frames reach their peers."""
    hub = _hub(worker)
    if hub is not None:
        hub.stop()
        if not hub.join(CLOSE_WITHIN_S):
            log.warning("the push hub did not end within %.0f s", CLOSE_WITHIN_S)


def _hub(worker: Any) -> Hub | None:
    hub = getattr(getattr(worker, "wsgi", None), "extensions", {}).get(HUB)
    return hub if isinstance(hub, Hub) else None


def _end_worker() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def _raise_file_limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
