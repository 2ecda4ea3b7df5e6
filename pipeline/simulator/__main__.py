"""The exchange as a process: ``python -m pipeline.simulator`` listens on loopback until SIGTERM."""

import asyncio
import gc
import os
import signal
import sys

import orjson

from pipeline.domain.faults import MisconfiguredError
from pipeline.settings import Settings
from pipeline.simulator.market import Market
from pipeline.simulator.replay.market import ReplayMarket
from pipeline.simulator.seeded.market import SeededMarket
from pipeline.simulator.server import Exchange, wall_clock_ms

DEFAULT_PORT = 9_443


def market_of(settings: Settings) -> Market:
    """The market the settings ask for: a replay of ``replay:PATH``, else the seeded one."""
    if settings.source_kind == "replay":
        path = settings.source.partition(":")[2]
        return ReplayMarket.of_files(
            path, speed=settings.replay_speed, shift=settings.replay_shift, clock_ms=wall_clock_ms
        )
    return SeededMarket(
        settings.symbols, seed=settings.simulator_seed, rate=settings.simulator_rate, clock_ms=wall_clock_ms
    )


async def serve(settings: Settings, *, port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    exchange = Exchange(market_of(settings))
    gc.freeze()
    async with exchange.serving(port):
        _say({"event": "ready", "port": exchange.port, "source": settings.source})
        await exchange.until(stop)
    _say({"event": "stopped"})


def main() -> int:
    """Run the process; 2 if it is misconfigured."""
    try:
        port = int(os.environ.get("SIMULATOR_PORT") or DEFAULT_PORT)
        asyncio.run(serve(Settings.from_environment(), port=port))
    except (MisconfiguredError, ValueError, OSError) as error:
        sys.stderr.write(f"simulator: {error}\n")
        return 2
    return 0


def _say(line: dict[str, object]) -> None:
    sys.stdout.write(orjson.dumps(line).decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    # Not sys.exit, which would wait for a REST page still being computed: nothing here needs a tidy end.
    os._exit(main())
