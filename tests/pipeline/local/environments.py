"""The environment of a command that is to find nothing but what a test gives it."""

import os
from pathlib import Path

from bench.stack import clean
from pipeline.local.plan import cache_folder


def simulator_environment(data_dir: Path) -> dict[str, str]:
    """This process's environment without any setting of the project, for a simulator on ``data_dir``."""
    own = {"DATA_DIR": str(data_dir), "SOURCE": "simulator", "CANDLESTREAM_CACHE": str(cache_folder())}
    return {**clean(os.environ), **own}
