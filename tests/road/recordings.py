"""The recorded session a test replays: the whole one where it is at hand, else the excerpt in the fixtures."""

import os
from pathlib import Path

import pytest

from bench.recorded import SESSION

EXCERPT = Path(__file__).parents[1] / "fixtures" / "recordings" / "btcusdt_20240808_excerpt.gz"


def whole_session() -> tuple[Path, ...]:
    """The two files of the 650 s session, or a skip that says where they are looked for."""
    folder = os.environ.get("MARKET_DATA_DIR")
    if not folder:
        pytest.skip("MARKET_DATA_DIR is not set: the whole recorded session is not replayed")
    return tuple(Path(folder) / "captures" / name for name in SESSION)
