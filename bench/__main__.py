"""``python -m bench [NAME…] [--json]``: run benchmarks; a table, and JSON in ``bench/results``."""

import json
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from bench import chaos, first_start, ingest, kills, latency, replays, session
from bench.machine import Unavailable

BENCHMARKS: dict[str, Callable[[], dict[str, Any]]] = {
    "latency": latency.run,
    "session": session.run,
    "ingest": ingest.run,
    "kills": kills.run,
    "first-start": first_start.run,
    "chaos": chaos.run,
    "replays": replays.run,
}
ONLY_NAMED = ("first-start", "replays")
"""Run only when asked for by name: one downloads everything several times and mounts disks, one takes half an hour."""
RESULTS = Path(__file__).parent / "results"


def main(arguments: list[str]) -> int:
    """Run the named benchmarks, or all but ONLY_NAMED; with ``--json`` standard output is one object.

    1 where a result says that it did not reach what it was to (``passed`` false).
    """
    names = [name for name in arguments if name != "--json"] or [name for name in BENCHMARKS if name not in ONLY_NAMED]
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"no benchmark {unknown[0]!r}; there are: {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    with redirect_stdout(sys.stderr if "--json" in arguments else sys.stdout):
        results = {name: _kept(name) for name in names}
    if any("unavailable" in result for result in results.values()) and len(names) == 1:
        return 1
    if "--json" in arguments:
        print(json.dumps(results))
    return 1 if any(result.get("passed") is False for result in results.values()) else 0


def _kept(name: str) -> dict[str, Any]:
    try:
        result = BENCHMARKS[name]()
    except Unavailable as reason:
        print(f"{name} was not run: {reason}")
        return {"name": name, "unavailable": str(reason)}
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.json"
    path.write_text(json.dumps(result, indent=2))
    print(f"kept in {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")
    return result


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
