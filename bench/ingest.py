"""How many messages the road takes: one core from socket to acknowledged record, and all of it at 10,000 a second.

``BENCH_SECONDS`` (default 300) is how long the whole road is measured, ``BENCH_RATE`` and ``BENCH_SYMBOLS``
how busy it is.
"""

import os
from typing import Any

from bench.machine import machine_now
from bench.one_core import one_core
from bench.whole_road import whole_road


def run() -> dict[str, Any]:
    """Both, one after the other; the result as JSON."""
    before = machine_now()
    print(before.line())
    core = one_core()
    _print_core(core)
    road = whole_road(
        seconds=int(os.environ.get("BENCH_SECONDS") or 300),
        rate=float(os.environ.get("BENCH_RATE") or 10_000),
        symbols=int(os.environ.get("BENCH_SYMBOLS") or 200),
    )
    _print_road(road)
    after = machine_now()
    print(after.line())
    return {
        "name": "ingest", "machine": before.as_json(), "machine_after": after.as_json(), "one_core": core, "road": road,
    }  # fmt: skip


def _print_core(core: dict[str, Any]) -> None:
    print(f"one core, {core['frames']} frames ({core['session']}), {core['symbols']} symbols")
    print(f"{'':<34} {'frames/s':>10} {'CPU s':>7}")
    for name in ("plain_loop", "ingest", "generator_alone"):
        print(f"{name:<34} {core[name]['frames_per_s']:>10,.0f} {core[name]['cpu_s']:>7.2f}")
    print(
        f"ingest is {core['share_of_loop']:.0%} of the plain loop; the generator used {core['generator_cpu_s']:.2f} s"
    )
    print(f"books at the end: {core['books']}; dead letters {core['dead_letters']}; resyncs {core['resyncs']}")


def _print_road(road: dict[str, Any]) -> None:
    print(f"whole road, {road['symbols']} symbols, {road['seconds']:.0f} s, {road['messages_per_s']:,.0f} messages/s")
    print(f"{'process':<12} {'CPU %':>6} {'RSS MB first':>13} {'last':>6} {'most':>6}")
    for name, row in road["processes"].items():
        print(f"{name:<12} {row['cpu_percent']:>6.0f} {row['first_mb']:>13} {row['last_mb']:>6} {row['most_mb']:>6}")
    print(f"generator {road['generator']['cpu_percent']:.0f} % CPU, latest tick {road['generator']['late_ms']} ms late")
    print(f"lag in records: {road['lag']}; caught up after {road['caught_up_s']} s, whole {road['repaired_s']} s")
    for name in ("trades_in_kafka", "trades_in_redis", "minutes_in_mongodb"):
        print(f"{name:<20} {road[name]}")
