"""One stage in the foreground: ``python -m pipeline NAME``, with its settings from the environment."""

import logging
import sys
from collections.abc import Callable

from pipeline.domain.faults import Fault, MisconfiguredError
from pipeline.ingesting import run_ingest
from pipeline.settings import Settings
from pipeline.wiring import run_archive, run_cache

STAGES: dict[str, Callable[[Settings], None]] = {"ingest": run_ingest, "cache": run_cache, "archive": run_archive}
MISCONFIGURED = 78
"""Exit code for a fault no restart will mend (EX_CONFIG of sysexits.h)."""
AWAY = 75
"""Exit code for a server that is away: start again, however often it takes (EX_TEMPFAIL)."""


def main(arguments: list[str]) -> int:
    """Run the named stage until it is told to stop; the process's exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if len(arguments) != 1 or arguments[0] not in STAGES:
        sys.stderr.write(f"usage: python -m pipeline {{{'|'.join(STAGES)}}}\n")
        return 2
    try:
        STAGES[arguments[0]](Settings.from_environment())
    except Fault as fault:
        logging.getLogger(arguments[0]).error("%s", fault)
        return MISCONFIGURED if isinstance(fault, MisconfiguredError) else AWAY
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
