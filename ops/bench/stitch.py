"""`stitch`: hits a second that one worker process stitches, beside one that only reads the same topic."""

import json
from pathlib import Path

from ops.bench.harness.cluster_processes import PARTITIONS, plain_reader
from ops.bench.harness.figures import Result
from ops.bench.harness.frames import HITS_EACH, preload
from ops.bench.harness.processes import new
from ops.demo.processes import child
from ops.kafka.broker import Broker
from trackrev_stream.contracts.topics import PIXEL_HITS

_HITS_A_SECOND = 20_000
"""So many are preloaded for each second that shall be measured, more or less."""


async def run(place: Path, seconds: float) -> Result:
    """Preload, read, stitch. Raises DemoError, or Missing without Java and Maven."""
    visitors = max(100, int(seconds * _HITS_A_SECOND / HITS_EACH))
    hits = visitors * HITS_EACH
    result = Result("stitch", f"{hits:,} hits in full frames over {PARTITIONS} partitions, one process each")
    with Broker(place / "kafka", lasting=True) as broker:
        frames = await preload(broker.address, visitors, PARTITIONS)
        result.add("a frame", hits / frames, "hits")
        plain = await plain_reader(place, broker, PIXEL_HITS.name, frames)
        stitch = await _stitch(new(place, "stitch"), broker, frames)
    _add(result, "plain", hits, plain, "aiokafka, poll and look at nothing")
    _add(result, "stitch", hits, stitch, "agent, table, changelog and outputs delivered")
    result.add("stitch / plain", plain["seconds"] / stitch["seconds"], "times")
    return result


async def _stitch(data: Path, broker: Broker, frames: int) -> dict[str, float]:
    arguments = ("--broker", broker.address, "--data", str(data), "--frames", str(frames))
    async with child(
        "stitch", "-m", "ops.bench.harness.stitcher", *arguments, errors=data / "errors.log"
    ) as process:
        found: dict[str, float] = json.loads(await process.line())
    return found


def _add(result: Result, name: str, hits: int, found: dict[str, float], note: str) -> None:
    result.add(name, hits / found["seconds"], "hits/s", note)
    result.add(f"{name}, a CPU second", hits / found["cpu_s"], "hits", "of its own process")
