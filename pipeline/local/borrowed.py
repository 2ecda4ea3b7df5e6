"""Servers for the length of one command: the running stack's, the user's own, or ours, started for the moment."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from io import TextIOWrapper
from pathlib import Path

from pipeline.domain.faults import MisconfiguredError
from pipeline.local import jars
from pipeline.local.commands.stage import stage_environment
from pipeline.local.places import root_of
from pipeline.local.plan import PASSED_ON, Plan, cache_folder, make_plan
from pipeline.local.ports import PortBook
from pipeline.local.processes import SERVERS, own_processes
from pipeline.local.signals import StopSignals
from pipeline.local.source import Source, decide
from pipeline.local.state import end_orphans_on, lock_root, logs_of, read_state
from pipeline.local.stores import claim_stores
from pipeline.local.supervisor import Supervisor
from pipeline.settings import Settings

READY_WITHIN_S = 90.0
LOCKED_WITHIN_S = 20.0
_LOOK_EVERY_S = 0.1
_ADDRESSES = {
    "mongod": ("MONGO_URI",),
    "valkey": ("REDIS_HOST",),
    "kafka": ("KAFKA_BOOTSTRAP", "KAFKA_BROKER"),
    "exchange": ("BINANCE_REST_URL",),
}
"""By which variables a user names a server, or an exchange, of their own."""
_NOT_OURS = ("HTTP_PORT", "PUSH_PORT")
"""Ports of processes that are not started here, and that somebody else may well hold."""
_REMEMBERED = tuple(name for name in PASSED_ON if not name.startswith("BINANCE_"))
"""What of the last start still holds; the exchange it had on this machine is gone."""
_NO_PAST = (
    "a replay's exchange is there only while its stack runs: start it with ./run, and give this command meanwhile; "
    "or set SOURCE to binance or simulator"
)
Tell = Callable[[str], None]


@contextmanager
def borrowed(environment: Mapping[str, str], servers: Collection[str], *, tell: Tell) -> Iterator[Settings]:
    """Settings with which ``servers`` (names of SERVERS, and ``exchange``) are reached as long as the context lasts.

    Those of the stack that runs on DATA_DIR, if one does; else those the environment names; what it does not name is
    started on the data directory of the source, claimed for it, and stopped afterwards. Who asks for the ``exchange``
    writes market data, so the user's servers are claimed as well; it is started only where it is simulated, with the
    seed of the last start. Raises MisconfiguredError with the way out.
    """
    root = root_of(environment)
    lock = _lock_unless_running(root) if "exchange" in servers or _to_start(environment, servers) else None
    if lock is None:
        yield Settings.from_environment(stage_environment(environment))
        return
    with lock:
        end_orphans_on(root)
        words = _with_source(environment, root)
        source = decide(words, root, tell=tell)
        if "exchange" in servers and source.setting.startswith("replay:"):
            raise MisconfiguredError(_NO_PAST)
        with closing(PortBook()) as ports:
            plan = _plan(words, source, _to_start(words, servers), ports)
            claimed = [name for name in servers if name in SERVERS] if "exchange" in servers else _names(plan)
            with _started(plan, root, claimed=claimed, tell=tell) as settings:
                yield settings


def _to_start(environment: Mapping[str, str], servers: Collection[str]) -> list[str]:
    """Of ``servers`` those that the environment names no address of."""
    return [name for name in servers if not any(environment.get(variable) for variable in _ADDRESSES[name])]


def _lock_unless_running(root: Path) -> TextIOWrapper | None:
    """The data directory for ourselves, or None where a stack runs on it. Waits for another command to end."""
    deadline = time.monotonic() + LOCKED_WITHIN_S
    while True:
        stack = read_state(root)
        if stack and stack.is_running:
            return None
        try:
            return lock_root(root)
        except MisconfiguredError as error:
            if time.monotonic() > deadline or not isinstance(error.__cause__, BlockingIOError):
                raise
            time.sleep(_LOOK_EVERY_S)


def _with_source(environment: Mapping[str, str], root: Path) -> dict[str, str]:
    """Where SOURCE leaves it open, what was last started on ``root``: its store is the one that is meant."""
    is_open = (environment.get("SOURCE") or "auto") == "auto"
    last = read_state(root)
    if not is_open or last is None:
        return dict(environment)
    words = {name: last.environment[name] for name in _REMEMBERED if name in last.environment}
    return {**words, **{name: value for name, value in environment.items() if value}, "SOURCE": last.source}


def _plan(environment: Mapping[str, str], source: Source, servers: Collection[str], ports: PortBook) -> Plan:
    without = {*SERVERS, "exchange"} - set(servers)
    words = {name: value for name, value in environment.items() if name not in _NOT_OURS}
    return make_plan(words, source, ports=ports, tell=lambda _: None, without=without)


@contextmanager
def _started(plan: Plan, root: Path, *, claimed: Collection[str], tell: Tell) -> Iterator[Settings]:
    """The plan's servers and exchange, ready, and the stores claimed; stopped in the end, whoever asks for it."""
    signals, supervisor = StopSignals(), Supervisor(logs_of(root))
    try:
        if names := [*_names(plan), *(["exchange"] if plan.runs_exchange else [])]:
            tell(f"no stack runs on {root}; starting {', '.join(names)} for the moment")
        _bring_up(plan, supervisor)
        settings = Settings.from_environment(plan.environment)
        claim_stores(settings, mark=plan.source.mark, stores=claimed, ours=plan.servers)
        yield settings
    finally:
        signals.interrupting = False
        supervisor.stop(hurry=lambda: signals.hurried)
        signals.restore()


def _names(plan: Plan) -> list[str]:
    return [server.name for server in plan.servers]


def _bring_up(plan: Plan, supervisor: Supervisor) -> None:
    if any(server.name == "kafka" for server in plan.servers):
        jars.obtain(cache_folder() / "jars")
    for server in plan.servers:
        server.prepare()
    supervisor.add(server.spec() for server in plan.servers)
    if plan.runs_exchange:
        supervisor.add(spec for spec in own_processes(plan.environment, simulated=True) if spec.name == "exchange")
    deadline = time.monotonic() + READY_WITHIN_S
    while not supervisor.are_ready(supervisor.children):
        supervisor.tick()
        late = list(supervisor.children.values()) if time.monotonic() > deadline else supervisor.failed()
        for child in late:
            raise MisconfiguredError(f"{child.spec.name} does not start: {child.why}")
        time.sleep(_LOOK_EVERY_S / 2)


def archives_elsewhere(environment: Mapping[str, str]) -> bool:
    """Whether a stack that runs on the data directory of ``environment`` stores what is published."""
    stack = read_state(root_of(environment))
    return stack is not None and stack.is_running and any(process.name == "archive" for process in stack.processes)
