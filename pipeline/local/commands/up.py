"""``./run up``: the whole stack on this machine, until it is stopped."""

import os
import resource
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path

import click

from pipeline.local import capacity, jars
from pipeline.local.places import root_of
from pipeline.local.plan import Plan, cache_folder, make_plan, parse_without
from pipeline.local.ports import PortBook
from pipeline.local.processes import STANDS_IN
from pipeline.local.screen import open_screen
from pipeline.local.signals import StopSignals
from pipeline.local.source import begin_anew, decide
from pipeline.local.stack import Stack
from pipeline.local.state import end_orphans_on, lock_root
from pipeline.settings import Settings

OPEN_FILES = 65_536


@click.command
@click.option("--without", metavar="NAME,…", help="Leave these parts out; says what stands in for each.")
def command(without: str | None) -> None:
    """Start the whole stack, print its address when it is ready, and stay until Ctrl-C."""
    signals = StopSignals()
    try:
        with ExitStack() as open_things:
            bring_up(os.environ, without=parse_without(without), signals=signals, open_things=open_things)
    except KeyboardInterrupt:  # before there was anything to stop
        click.echo("run: interrupted; nothing is left running", err=True)
        sys.exit(130)
    finally:
        signals.restore()


def bring_up(
    environment: Mapping[str, str], *, without: frozenset[str], signals: StopSignals, open_things: ExitStack
) -> None:
    """Run a stack for ``environment`` until ``signals`` ask it to stop. Raises Fault with the way out."""
    root = root_of(environment)
    open_things.enter_context(lock_root(root))
    _raise_file_limit()
    Settings.from_environment({**environment, "SOURCE": environment.get("SOURCE") or "auto"})
    said = [*_orphans_ended(root), *(f"without {name}: {STANDS_IN[name]}" for name in sorted(without))]
    source = decide(environment, root, tell=said.append)
    ports = open_things.enter_context(closing(PortBook()))  # the claims last as long as the stack
    plan = make_plan(environment, source, ports=ports, tell=said.append, without=without)
    said += _room(plan)
    downloaded = _fetch_jars(plan, environment)
    screen = open_screen()
    open_things.callback(screen.close)
    for line in said:
        screen.say(line)
    if plan.servers and begin_anew(source, root):
        screen.say(f"replay: emptied {source.data_dir}, where an earlier run of it was kept")
    stack = Stack(plan, root, screen=screen, signals=signals)
    stack.run(on_ready=lambda: screen.say(_ready_line(plan, environment, downloaded)))


def _orphans_ended(root: Path) -> list[str]:
    """End what a killed stack left running (the lock is ours, so nobody supervises it), and say so."""
    ended = end_orphans_on(root)
    return [f"ended what a killed stack left behind: {', '.join(ended)}"] if ended else []


def _room(plan: Plan) -> list[str]:
    """What to say of the room there is. Raises MisconfiguredError where disk or memory would not last."""
    capacity.require_memory(plan.parts, available=capacity.available_mb())
    if not plan.servers:
        return []
    folder, way_out = plan.source.data_dir, "free some, or set DATA_DIR to a place with more"
    need_mb = capacity.LOW_MB if folder.exists() else capacity.DATA_MB
    capacity.require_disk(folder, need_mb, what="a stack's data", way_out=way_out)
    left_mb = capacity.free_mb(folder)
    if left_mb >= capacity.AMPLE_MB:
        return []
    grows = f"what a stack keeps may grow to {capacity.AMPLE_MB // 1000} GB"
    return [f"{folder} has {left_mb} MB left, and {grows}; at {capacity.STOP_MB} MB it stops in good order"]


def _raise_file_limit() -> None:
    """Open files enough for all that is started, as far as the system allows: Kafka and mongod open hundreds."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    bound = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, bound), hard))


def _fetch_jars(plan: Plan, environment: Mapping[str, str]) -> int:
    """Bring Kafka's jars if we start Kafka; how many bytes came."""
    if all(server.name != "kafka" for server in plan.servers):
        return 0
    return jars.obtain(cache_folder(environment) / "jars")


def _ready_line(plan: Plan, environment: Mapping[str, str], downloaded: int) -> str:
    took = time.time() - float(environment.get("CANDLESTREAM_BEGAN") or time.time())
    total = downloaded + int(environment.get("CANDLESTREAM_SETUP_BYTES") or 0)
    came = f", {total / 1e6:.0f} MB downloaded" if total > 1_000_000 else ", nothing downloaded"
    where = "ready, without a page" if "web" in plan.without else f"ready: {plan.url}"
    return f"{where} ({plan.source.setting.partition(':')[0]}, {took:.0f} s{came})"
