"""`visitors`: the memory of a worker that knows a million visitors, while they come back."""

import asyncio
import random
import time
from pathlib import Path

from collectors.publisher import HitPublisher
from ops.bench.harness import changelog_rows, traffic, usage
from ops.bench.harness.cluster_processes import PARTITIONS, role, settings_of
from ops.bench.harness.figures import Result
from ops.bench.harness.processes import Target, new
from ops.kafka.broker import Broker
from ops.kafka.lag import Lag
from trackrev_stream.eventlog.kafka.cluster import Cluster
from trackrev_stream.eventlog.kafka.publisher import KafkaPublisher

VISITORS = 1_000_000
AIM_MEGABYTES = 1_024
HITS_A_SECOND = 2_000
_AT_ONCE_S = 0.05
_PATIENCE_S = 900.0


async def run(place: Path, seconds: float, visitors: int = VISITORS) -> Result:
    """Restore the visitors' rows, then let them come back at random. Raises DemoError, Missing."""
    about = f"one worker, {visitors:,} visitors, of whom {HITS_A_SECOND:,} a second land again"
    result = Result("visitors", about)
    with Broker(place / "kafka", lasting=True) as broker:
        await changelog_rows.preload(broker.address, 0, PARTITIONS)
        empty = new(place, "empty")
        async with role("worker", empty, settings_of(broker, empty)) as worker:
            result.add("no visitors", usage.megabytes(worker.pid), "MB", "at rest")
        size = await changelog_rows.preload(broker.address, visitors, PARTITIONS)
        data = new(place, "worker")
        async with role("worker", data, settings_of(broker, data), patience_s=_PATIENCE_S) as worker:
            result.add("restored", worker.peak_megabytes(), "MB", "at its peak")
            await _come_back(result, worker, broker, visitors, seconds)
            result.aim("under traffic", worker.peak_megabytes(), AIM_MEGABYTES, "MB", " at its peak")
            result.add("  at the end", usage.megabytes(worker.pid), "MB")
            result.add(
                "tables on the disk", _megabytes_of(data), "MB", f"rows of {size / visitors:.0f} bytes"
            )
            cached = usage.cached_megabytes(data)
            result.add("  in the page cache", cached, "MB", "the system's to take back")
    return result


async def _come_back(result: Result, worker: Target, broker: Broker, visitors: int, seconds: float) -> None:
    cluster, before_s = Cluster(broker.address), worker.cpu_s()
    publisher = KafkaPublisher(cluster)
    hits, rng, number, sent = HitPublisher(publisher, PARTITIONS), random.Random(7), 2, 0
    began = time.monotonic()
    while (passed := time.monotonic() - began) < seconds:
        number += 1
        some = [
            traffic.hit_record(rng.randrange(visitors), number, number + 1)
            for _ in range(int(HITS_A_SECOND * _AT_ONCE_S))
        ]
        await hits.put(some)
        sent += len(some)
        await asyncio.sleep(max(0.0, began + passed + _AT_ONCE_S - time.monotonic()))
    sent_s = time.monotonic() - began
    lag = Lag(cluster, PARTITIONS)
    await lag.settled()
    await lag.close()
    await publisher.stop()
    result.add("caught up after", time.monotonic() - began - sent_s, "s")
    result.add("sent", sent / sent_s, "hits/s", "each a landing of a visitor drawn at random")
    result.add("CPU of the worker", 1e6 * (worker.cpu_s() - before_s) / sent, "us/hit")


def _megabytes_of(directory: Path) -> float:
    return sum(path.stat().st_size for path in directory.rglob("*.sst")) / 1024**2
