"""``python -m bench [NAME]``: run one benchmark or all; a table, and JSON in ``bench/results``."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import latency

BENCHMARKS: dict[str, Callable[[list[str]], dict[str, Any]]] = {"latency": latency.run}
RESULTS = Path(__file__).parent / "results"


def main(arguments: list[str]) -> int:
    """Run the named benchmarks, all when none is named."""
    unknown = [name for name in arguments if name not in BENCHMARKS]
    if unknown:
        print(f"no benchmark {unknown[0]!r}; there are: {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    RESULTS.mkdir(exist_ok=True)
    for name in arguments or BENCHMARKS:
        result = BENCHMARKS[name]([])
        path = RESULTS / f"{name}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.json"
        path.write_text(json.dumps(result, indent=2))
        print(f"kept in {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
