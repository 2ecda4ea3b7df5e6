"""The exchange as a process: ``python -m pipeline.simulator [--script FILE]`` listens on loopback until SIGTERM."""

import argparse
import asyncio
import gc
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import orjson

from pipeline.domain.faults import MisconfiguredError
from pipeline.settings import Settings
from pipeline.simulator.market import Market
from pipeline.simulator.mischief.script import Step, read_script
from pipeline.simulator.replay.market import ReplayMarket
from pipeline.simulator.seeded.market import SeededMarket
from pipeline.simulator.server import Exchange, wall_clock_ms

DEFAULT_PORT = 9_443


def market_of(settings: Settings) -> Market:
    """The market the settings ask for: a replay of ``replay:PATH``, else the seeded one."""
    if settings.source_kind == "replay":
        path = settings.source.partition(":")[2]
        return ReplayMarket.of_files(
            path, speed=settings.replay_speed, shift=settings.replay_shift, clock_ms=wall_clock_ms,
            hold=settings.replay_hold,
        )  # fmt: skip
    return SeededMarket(
        settings.symbols, seed=settings.simulator_seed, rate=settings.simulator_rate, clock_ms=wall_clock_ms
    )


async def serve(settings: Settings, *, port: int, script: Sequence[Step] = ()) -> None:
    """Serve until SIGTERM or SIGINT; the script's faults begin with the first moment."""
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    exchange = Exchange(market_of(settings))
    gc.freeze()
    async with exchange.serving(port):
        exchange.script.begin(script, now_ms=exchange.now_ms())
        _say({"event": "ready", "port": exchange.port, "source": settings.source})
        await exchange.until(stop)
    _say({"event": "stopped"})


def main() -> int:
    """Run the process; 2 if it is misconfigured."""
    try:
        port, settings = int(os.environ.get("SIMULATOR_PORT") or DEFAULT_PORT), Settings.from_environment()
        path = _script_named(sys.argv[1:]) or settings.simulator_script
        asyncio.run(serve(settings, port=port, script=read_script(path) if path else ()))
    except (MisconfiguredError, ValueError, OSError) as error:
        sys.stderr.write(f"simulator: {error}\n")
        return 2
    return 0


def _script_named(arguments: Sequence[str]) -> Path | None:
    parser = argparse.ArgumentParser(prog="python -m pipeline.simulator", description=__doc__)
    parser.add_argument("--script", type=Path, metavar="FILE", help="faults and their times (docs/how-to/faults.md)")
    script: Path | None = parser.parse_args(arguments).script
    return script


def _say(line: dict[str, object]) -> None:
    sys.stdout.write(orjson.dumps(line).decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    # Not sys.exit, which would wait for a REST page still being computed: nothing here needs a tidy end.
    os._exit(main())
