"""`recovery`: how long a worker that has lost its tables needs until it is at work again."""

import time
from pathlib import Path

from ops.bench.harness import changelog_rows
from ops.bench.harness.cluster_processes import PARTITIONS, plain_reader, role, settings_of
from ops.bench.harness.figures import Result
from ops.bench.harness.processes import new
from ops.kafka.broker import Broker

AIM_S = 120
_ROWS_A_SECOND = 10_000
_PATIENCE_S = 900.0


async def run(place: Path, seconds: float) -> Result:
    """Put rows into the changelog and start a worker on an empty directory. Raises DemoError, Missing."""
    visitors = int(seconds * _ROWS_A_SECOND)
    result = Result("recovery", f"{visitors:,} rows of visitors, one worker with an empty data directory")
    with Broker(place / "kafka", lasting=True) as broker:
        size = await changelog_rows.preload(broker.address, 0, PARTITIONS)
        idle_s, _, _ = await _start(new(place, "idle"), broker)
        size = await changelog_rows.preload(broker.address, visitors, PARTITIONS)
        plain = await plain_reader(place, broker, changelog_rows.CHANGELOG, visitors)
        took_s, cpu_s, peak_megabytes = await _start(new(place, "worker"), broker)
    result.add("a row", size / visitors, "bytes")
    restored_s = max(took_s - idle_s, 0.001)
    result.aim("ready after", took_s, AIM_S * visitors / 1_000_000, "s", f"; {AIM_S} s for a million rows")
    result.add("  of which without rows", idle_s, "s", "its start, and its turn in the group")
    result.add("restored", visitors / restored_s, "rows/s")
    result.add("CPU of the worker", 1e6 * cpu_s / visitors, "us/row", "all threads of it")
    result.add("memory of the worker", peak_megabytes, "MB", "at its peak")
    result.add("plain", visitors / plain["seconds"], "rows/s", "aiokafka, poll and look at nothing")
    result.add("restored / plain", plain["seconds"] / restored_s, "times")
    return result


async def _start(data: Path, broker: Broker) -> tuple[float, float, float]:
    """Seconds until the worker is ready, its CPU time until then, and its memory."""
    began = time.monotonic()
    async with role("worker", data, settings_of(broker, data), patience_s=_PATIENCE_S) as worker:
        return time.monotonic() - began, worker.cpu_s(), worker.peak_megabytes()
