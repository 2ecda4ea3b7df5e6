"""What ``./run doctor`` looks at: everything a start depends on, each with what was found and what to do about it.

Standard library only, so that it helps where the packages can't be installed.
"""

import json
import os
import platform
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from enum import StrEnum
from itertools import chain
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.domain.faults import Fault
from pipeline.local import capacity, java
from pipeline.local.exchange import Standing, ask_exchange, ask_stream
from pipeline.local.places import cache_of, root_of
from pipeline.local.ports import LOOPBACK, is_listening, why_not
from pipeline.settings import BINANCE_REST_URL, BINANCE_WS_URL, Settings

ROOT = Path(__file__).parents[2]
PORTS = {
    "HTTP_PORT": 8050, "PUSH_PORT": 8051, "KAFKA_PORT": 9092, "MONGO_PORT": 27017, "REDIS_PORT": 6379,
    "SIMULATOR_PORT": 9443,
}  # fmt: skip
"""The ports of a stack, by the variable that sets each."""
_MARKS = {"ok": "ok", "note": "note", "problem": "PROBLEM"}


class State(StrEnum):
    """Whether a start would stumble over it."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: what was found, and what to do where that is not well."""

    check: str
    state: State
    found: str
    advice: str = ""


def main(arguments: Sequence[str]) -> int:
    """Print what was found for ``./run doctor [--json]``; 1 if a start would fail, 0 if not."""
    if "--live" in arguments:
        print("run: --live needs the packages, which any other command installs: ./run status", file=sys.stderr)
        return 1
    findings = list(examine(os.environ, say=lambda words: print(words, file=sys.stderr, flush=True)))
    good = all(finding.state is not State.PROBLEM for finding in findings)
    if "--json" in arguments:
        print(json.dumps({"ok": good, "findings": [asdict(finding) for finding in findings]}))
    else:
        print("\n".join(report(findings)))
    return 0 if good else 1


def report(findings: Sequence[Finding]) -> list[str]:
    """The findings as lines, and the verdict last."""
    lines = [f"{_MARKS[finding.state]:<8} {finding.check:<15} {finding.found}" for finding in findings]
    hints = [f"{' ':<8} {'':<15} → {finding.advice}" if finding.advice else "" for finding in findings]
    problems = sum(finding.state is State.PROBLEM for finding in findings)
    verdict = f"{problems} to mend before ./run can work" if problems else "nothing stands in the way of ./run"
    return [line for line in chain.from_iterable(zip(lines, hints, strict=True)) if line] + [verdict]


def examine(environment: Mapping[str, str], *, say: Callable[[str], None] = lambda _: None) -> Iterator[Finding]:
    """Look at everything, the cheap things first; ``say`` is told before what takes seconds."""
    yield _settings(environment)
    yield _system()
    yield _python()
    yield _java(environment)
    yield _packages()
    yield from _disk(environment)
    if running := _running(environment):
        yield running
    else:
        yield _memory()
        yield from _ports(environment)
    yield from _servers(environment)
    say("asking the exchange …")
    yield from _exchange(environment)


def _settings(environment: Mapping[str, str]) -> Finding:
    try:
        Settings.from_environment({**environment, "SOURCE": environment.get("SOURCE") or "auto"})
    except Fault as fault:
        return Finding("settings", State.PROBLEM, str(fault), "mend it in the environment or in .env")
    return Finding("settings", State.OK, f"every variable can be read; SOURCE is {environment.get('SOURCE') or 'auto'}")


def _system() -> Finding:
    found = f"{platform.system()} {platform.machine()}"
    if found == "Linux x86_64":
        return Finding("system", State.OK, found)
    return Finding("system", State.PROBLEM, found, "Candlestream runs on Linux x86-64")


def _python() -> Finding:
    found = f"{platform.python_version()} at {sys.executable}"
    if (3, 11) <= sys.version_info[:2] <= (3, 12):
        return Finding("Python", State.OK, found)
    return Finding("Python", State.PROBLEM, found, "install Python 3.11 or 3.12")


def _java(environment: Mapping[str, str]) -> Finding:
    found, unfit = java.look_for_java(environment)
    if found:
        return Finding("Java", State.OK, f"{java.java_version(found)} at {found}")
    if environment.get("KAFKA_BOOTSTRAP") or environment.get("KAFKA_BROKER"):
        return Finding("Java", State.NOTE, unfit or "none", "not needed while Kafka runs elsewhere")
    advice = f"install {java.PACKAGE} (Debian, Ubuntu as root: ./run does), or set JAVA_HOME to Java 17 or 21"
    return Finding("Java", State.PROBLEM, unfit or "none", advice)


def _packages() -> Finding:
    if (ROOT / ".venv" / ".unfinished").exists():
        return Finding("packages", State.NOTE, "an installation was interrupted", "./run goes on with it")
    if not (ROOT / ".venv" / ".packages").exists():
        return Finding("packages", State.NOTE, "not installed yet", "./run fetches about 160 MB and installs them")
    return Finding("packages", State.OK, f"installed in {ROOT / '.venv'}")


def _disk(environment: Mapping[str, str]) -> Iterator[Finding]:
    for check, place, need_mb, variable in (
        ("data directory", root_of, capacity.DATA_MB, "DATA_DIR"),
        ("downloads", cache_of, 200, "CANDLESTREAM_CACHE"),
    ):
        try:
            folder = place(environment)
        except Fault as fault:
            yield Finding(check, State.PROBLEM, str(fault), f"set {variable} to a folder of yours")
            continue
        left_mb = capacity.free_mb(folder)
        if not capacity.is_writable(folder):
            yield Finding(check, State.PROBLEM, f"{folder} can't be written", f"set {variable} to a folder of yours")
        elif left_mb < need_mb:
            advice = f"free some, or set {variable} to a place with at least {need_mb} MB"
            yield Finding(check, State.PROBLEM, f"{folder} has {left_mb} MB left", advice)
        else:
            yield Finding(check, State.OK, f"{folder}, {left_mb / 1000:.1f} GB left")


def _running(environment: Mapping[str, str]) -> Finding | None:
    """The stack on the data directory, where one runs: its ports and its memory are then no one else's."""
    with suppress(ImportError, Fault):
        from pipeline.local.state import read_state  # needs a package, so not before the first start

        stack = read_state(root_of(environment))
        if stack is not None and stack.is_running:
            return Finding("stack", State.OK, f"runs at {stack.url} (pid {stack.pid}, {stack.source})")
    return None


def _memory() -> Finding:
    need_mb, left_mb = sum(capacity.RESIDENT_MB.values()), capacity.available_mb()
    found = f"{left_mb} MB can be had, a whole stack takes about {need_mb} MB"
    if left_mb >= need_mb:
        return Finding("memory", State.OK, found)
    advice = "end other programs, leave parts out (./run --without …), or use servers elsewhere"
    return Finding("memory", State.PROBLEM, found, advice)


def _ports(environment: Mapping[str, str]) -> Iterator[Finding]:
    host = environment.get("HTTP_HOST") or LOOPBACK
    for variable, default in PORTS.items():
        given = environment.get(variable) or str(default)
        if not given.isdecimal() or int(given) > 65_535 or (variable == "REDIS_PORT" and environment.get("REDIS_HOST")):
            continue  # said by the settings, or another machine's
        why = why_not(host if variable in ("HTTP_PORT", "PUSH_PORT") else LOOPBACK, int(given))
        if not why:
            yield Finding(variable, State.OK, f"{given} is free")
        elif environment.get(variable):
            yield Finding(variable, State.PROBLEM, f"{given} {why}", "free it, or set another port or none")
        else:
            yield Finding(variable, State.NOTE, f"{given} {why}", "a start takes the next free port and says which")


def _servers(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Servers of the user, where any is named: whether something listens there."""
    kafka = environment.get("KAFKA_BOOTSTRAP") or environment.get("KAFKA_BROKER") or ""
    redis = f"{environment.get('REDIS_HOST') or ''}:{environment.get('REDIS_PORT') or 6379}"
    uri = urlsplit(environment.get("MONGO_URI") or "")
    mongo = uri.netloc.rpartition("@")[2] if uri.scheme == "mongodb" else ""  # +srv names no server to ask
    for variable, places, default in (
        ("KAFKA_BOOTSTRAP", kafka, 9092), ("REDIS_HOST", redis, 6379), ("MONGO_URI", mongo, 27017)
    ):  # fmt: skip
        for place in filter(None, places.split(",")):
            host, _, port = place.rpartition(":") if ":" in place else (place, "", str(default))
            if host and port.isdecimal() and int(port) <= 65_535:
                yield _server(variable, host, int(port))
            elif host:
                yield Finding(variable, State.PROBLEM, f"{place} names no port", "write it as host:port")


def _server(variable: str, host: str, port: int) -> Finding:
    if is_listening(host, port):
        return Finding(variable, State.OK, f"{host}:{port} accepts connections")
    return Finding(variable, State.PROBLEM, f"{host}:{port} accepts no connection", "start that server, or unset it")


def _exchange(environment: Mapping[str, str]) -> Iterator[Finding]:
    rest = environment.get("BINANCE_REST_URL") or BINANCE_REST_URL
    insisted = environment.get("SOURCE") == "binance"
    for check, preflight in (
        ("exchange REST", ask_exchange(rest)),
        ("exchange stream", ask_stream(environment.get("BINANCE_WS_URL") or BINANCE_WS_URL)),
    ):
        if preflight.standing is Standing.ANSWERS:
            yield Finding(check, State.OK, "answers: SOURCE=auto is the live market")
        else:
            state = State.PROBLEM if insisted else State.NOTE
            yield Finding(check, state, preflight.said, preflight.way_out)
