"""The first figures of a process may be asked for by several threads at once."""

import subprocess
import sys

CODE = """
import sys
from flask import Flask
from flask_caching import Cache
from app.dashboard import mount_dashboard
from tests.callbacks.memory_reads import MemoryReads

server = Flask("fresh")
mount_dashboard(server, MemoryReads(now_ms=lambda: 0), Cache(server, config={"CACHE_TYPE": "SimpleCache"}), 1)
print(hasattr(sys.modules.get("numpy"), "ndarray"), "plotly.graph_objs" in sys.modules)
"""


def test_what_plotly_loads_lazily_is_whole_before_the_first_request() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["True", "True"]
