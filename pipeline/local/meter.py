"""How a recording goes, on standard error: one living line on a terminal, a plain line every ten seconds elsewhere."""

import sys
import time
from collections.abc import Callable

from rich.console import Console
from rich.live import Live
from rich.text import Text

from pipeline.recording import Recording

PLAIN_EVERY_S = 10.0


class Meter:
    """Where a recording reports to; ``show`` is called about once a second."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, living: bool | None = None) -> None:
        self._clock, self._shown_at, self._frames = clock, clock(), 0
        console = Console(stderr=True)
        is_living = sys.stderr.isatty() if living is None else living
        self._live = Live(console=console, auto_refresh=False, transient=True) if is_living else None
        if self._live:
            self._live.start()

    def tell(self, line: str) -> None:
        """One line that stays."""
        print(line, file=sys.stderr, flush=True)

    def show(self, recording: Recording) -> None:
        """Show how far it is, if it is time to."""
        since_s = self._clock() - self._shown_at
        if since_s < (0 if self._live else PLAIN_EVERY_S):
            return
        text = progress(recording, frames=recording.kept.total - self._frames, within_s=since_s)
        self._shown_at, self._frames = self._clock(), recording.kept.total
        if self._live:
            self._live.update(Text(text, overflow="ellipsis", no_wrap=True), refresh=True)
        else:
            self.tell(text)

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._live:
            self._live.stop()


def progress(recording: Recording, *, frames: int, within_s: float) -> str:
    """Elapsed time, frames, frames a second (``frames`` of them came ``within_s``), bytes written, reconnects."""
    seconds, kept = int(recording.elapsed_s), recording.kept
    rate = frames / within_s if within_s else 0.0
    return (
        f"recording {seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}  {kept.total:,} frames  {rate:,.0f}/s  "
        f"{size(recording.file.size)} written  {kept.reconnects} reconnects"
    )


def size(count: int) -> str:
    """Bytes in the unit that reads best."""
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count / 1e3:.1f} kB"
