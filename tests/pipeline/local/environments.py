"""The environment of a command that is to find nothing but what a test gives it."""

import os
from pathlib import Path

OURS = (
    "HTTP_PORT", "KAFKA_BOOTSTRAP", "KAFKA_BROKER", "MONGO_DB", "MONGO_PORT", "MONGO_URI", "PUSH_PORT", "REDIS_HOST",
    "REDIS_PORT", "SIMULATOR_SEED", "SOURCE", "SYMBOLS",
)  # fmt: skip


def simulator_environment(data_dir: Path) -> dict[str, str]:
    """This process's environment without the variables that choose servers, for a simulator on ``data_dir``."""
    given = {name: value for name, value in os.environ.items() if name not in OURS}
    return {**given, "DATA_DIR": str(data_dir), "SOURCE": "simulator"}
