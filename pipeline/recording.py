"""Where a recording's parts meet: the exchange and its sockets, the recorder, the file; one that runs."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.adapters import websocket
from pipeline.adapters.recording import RecordingFile
from pipeline.domain.faults import BadMessageError, Fault, MisconfiguredError, TransientError
from pipeline.domain.recording import answer_line, remark_line
from pipeline.exchanges.binance.venue import Binance
from pipeline.settings import Settings
from pipeline.stages.record import Kept, Recorder
from pipeline.stages.spool import Spool
from pipeline.wiring import exchange, first_of, is_here, open_markets, until_signalled

WATCH_EVERY_S = 1.0


class Recording:
    """What an exchange sends, kept in one file at ``path``; ``tell`` is told of every gap.

    Every method raises MisconfiguredError, with nothing left behind, if the exchange does not answer as one.
    """

    def __init__(self, settings: Settings, path: Path, *, tell: Callable[[str], None]) -> None:
        self.file, self.kept, self.symbols = RecordingFile(path), Kept(), settings.symbols
        self._settings, self._tell = settings, tell
        self._began_s = self._ended_s = 0.0

    @property
    def elapsed_s(self) -> float:
        """How long it has been running, or ran."""
        return (self._ended_s or time.monotonic()) - self._began_s

    def run(self, *, for_s: float | None, watch: "Callable[[Recording], None]") -> None:
        """Record for ``for_s`` seconds or until SIGTERM; ``watch`` is shown it every second."""
        asyncio.run(until_signalled(self.record(for_s=for_s, watch=watch)))

    def check(self) -> None:
        """See that the exchange answers and its streams open; nothing is written."""
        asyncio.run(until_signalled(self._checked()))

    async def record(self, *, for_s: float | None = None, watch: "Callable[[Recording], None]") -> None:
        """The same as ``run``, until cancelled."""
        async with exchange(self._settings) as (venue, session):
            preface = await self._preface(venue)
            recorder = Recorder(
                venue=venue, spool=Spool(self.file.append), symbols=self.symbols, kept=self.kept, preface=preface,
                connect=partial(websocket.frames, session, clock=time.time_ns), clock_ns=time.time_ns, tell=self._tell,
            )  # fmt: skip
            self._began_s = time.monotonic()
            watching = asyncio.create_task(self._watched(watch))
            try:
                async with asyncio.timeout(for_s):
                    await recorder.run()
            except TimeoutError:
                return
            except BaseExceptionGroup as group:
                fault = first_of(group.subgroup(Fault) or group)
                raise _unreachable(self._settings, fault) if isinstance(fault, TransientError) else fault from group
            finally:
                watching.cancel()
                self._ended_s = time.monotonic()
                self.file.close()

    async def _checked(self) -> None:
        async with exchange(self._settings) as (venue, session):
            await self._preface(venue)
            for url in venue.recording_urls(self.symbols):
                try:
                    async with websocket.frames(session, url):
                        pass
                except TransientError as error:
                    raise _unreachable(self._settings, error) from error

    async def _preface(self, venue: Binance) -> tuple[bytes, ...]:
        """What the file begins with: where from, and what the exchange lists of the symbols it trades."""
        try:
            self.symbols = tuple(m.symbol for m in open_markets(await venue.symbols(self.symbols), self.symbols))
            listing = await venue.raw_listing(self.symbols)
        except (TransientError, BadMessageError) as error:
            raise _unreachable(self._settings, error) from error
        if is_simulated(self._settings):
            self._tell("this exchange is simulated or replayed, and so is what is recorded")
        origin = f"{urlsplit(self._settings.binance_ws_url).hostname}: {', '.join(self.symbols)}"
        note = "SIMULATED or replayed market data" if is_simulated(self._settings) else "market data"
        return (remark_line(f"{note} of {origin}"), answer_line(listing, received_ns=time.time_ns()))

    async def _watched(self, watch: "Callable[[Recording], None]") -> None:
        while True:
            watch(self)
            await asyncio.sleep(WATCH_EVERY_S)


def is_simulated(settings: Settings) -> bool:
    """Whether what the exchange of these settings says is made up or played back."""
    return settings.source_kind in ("simulator", "replay") or is_here(settings.binance_rest_url)


def _unreachable(settings: Settings, error: BaseException) -> MisconfiguredError:
    where = f"BINANCE_REST_URL ({settings.binance_rest_url}) and BINANCE_WS_URL ({settings.binance_ws_url})"
    return MisconfiguredError(
        f"{error}; nothing was recorded: see that {where} name an exchange that can be reached from here, "
        "with no proxy or sign-in page before it"
    )
