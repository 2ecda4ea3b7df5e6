"""The project's own processes in one table: command, port, what each needs, how it is known to be ready."""

import platform
import sys
import zlib
from collections.abc import Callable, Mapping, Sequence

from pipeline.local.child import ProcessSpec
from pipeline.local.http import answers
from pipeline.local.ports import LOOPBACK, is_listening

SERVERS = ("mongod", "valkey", "kafka")
OWN = ("exchange", "ingest", "cache", "archive", "web", "push")
STANDS_IN = {
    "exchange": "whatever BINANCE_REST_URL and BINANCE_WS_URL name is read instead",
    "ingest": "nothing new comes from the exchange; what Kafka holds is served",
    "cache": "nothing is pushed and Redis keeps what it has; pages read MongoDB",
    "archive": "no candle is stored; Kafka keeps them for 30 days",
    "web": "no page and no routes; sockets are served by push",
    "push": "the page falls back to the sockets of web",
    "mongod": "the server of MONGO_URI is expected to be there",
    "valkey": "the server of REDIS_HOST and REDIS_PORT is expected to be there",
    "kafka": "the broker of KAFKA_BOOTSTRAP is expected to be there",
}
"""What a stack does without a part, for ``--without``."""

_CONFIGURATION = "python:app.gunicorn"
"""The app's own word on workers, threads and time limits."""
_REFUSES = "candlestream: "
"""How the app begins the one line that says why it does not serve."""
_WEB_CONNECTIONS, _PUSH_CONNECTIONS = "1000", "6000"


def own_processes(environment: Mapping[str, str], *, simulated: bool) -> list[ProcessSpec]:
    """The project's processes for the settings in ``environment``; ``exchange`` only where it is simulated."""
    host, stores = environment.get("HTTP_HOST", LOOPBACK), (*SERVERS, "exchange")
    specs = [
        _stage("ingest", environment, needs=stores),
        _stage("cache", environment, needs=stores),
        _stage("archive", environment, needs=stores),
        _served("web", environment, host=host, port=int(environment["HTTP_PORT"])),
        _served("push", environment, host=host, port=int(environment["PUSH_PORT"])),
    ]
    return [_exchange(environment), *specs] if simulated else specs


def command_of(name: str, environment: Mapping[str, str]) -> tuple[str, ...]:
    """The command line of one process: what ``./run stage NAME`` runs in the foreground."""
    match name:
        case "exchange":
            return (sys.executable, "-m", "pipeline.simulator")
        case "web":
            return _gunicorn(
                "web", environment, port=environment.get("HTTP_PORT") or "8050", connections=_WEB_CONNECTIONS
            )
        case "push":
            port = environment.get("PUSH_PORT") or "8051"
            return _gunicorn("push", environment, port=port, connections=_PUSH_CONNECTIONS)
        case _:
            return (sys.executable, "-m", "pipeline", name)


def _exchange(environment: Mapping[str, str]) -> ProcessSpec:
    port = int(environment["SIMULATOR_PORT"])
    return ProcessSpec(
        name="exchange",
        command=command_of("exchange", environment),
        environment=environment,
        port=port,
        probe=lambda: answers(f"http://{LOOPBACK}:{port}/api/v3/ping"),
        ready_within_s=60,
    )


def _stage(name: str, environment: Mapping[str, str], *, needs: tuple[str, ...]) -> ProcessSpec:
    command = command_of(name, environment)
    own = {**environment, "CONSUMER_INSTANCE": f"{_instance(environment)}-{name}"}
    return ProcessSpec(name=name, command=command, environment=own, needs=needs, stop_within_s=15)


def _instance(environment: Mapping[str, str]) -> str:
    """A name that is this stack's alone, also where several share a broker."""
    folder = zlib.crc32(environment.get("DATA_DIR", "").encode())
    return environment.get("CONSUMER_INSTANCE") or f"{platform.node()}-{folder:08x}"


def _served(name: str, environment: Mapping[str, str], *, host: str, port: int) -> ProcessSpec:
    return ProcessSpec(
        name=name,
        command=command_of(name, environment),
        environment=environment,
        port=port,
        needs=("mongod", "valkey"),
        probe=_listening_on(host, port),
        explain=_refusal,
        stop_within_s=14,
    )


def _refusal(lines: Sequence[str]) -> str:
    """What the app itself says where its settings keep it from serving; gunicorn's own words come around it."""
    said = [line.removeprefix(_REFUSES) for line in lines if line.startswith(_REFUSES)]
    return said[-1] if said else ""


def _listening_on(host: str, port: int) -> Callable[[], bool]:
    return lambda: is_listening(LOOPBACK if host == "0.0.0.0" else host, port)  # noqa: S104 (compared, not bound)


def _gunicorn(name: str, environment: Mapping[str, str], *, port: str, connections: str) -> tuple[str, ...]:
    bind = f"{environment.get('HTTP_HOST') or LOOPBACK}:{port}"
    words = ("-c", _CONFIGURATION, "--no-control-socket", "--worker-connections", connections, "--bind", bind)
    return (sys.executable, "-m", "gunicorn", *words, f"app.wsgi:{name}")
