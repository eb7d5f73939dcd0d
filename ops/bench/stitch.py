"""`stitch`: hits a second that one worker process stitches, beside one that only reads the same topic."""

import json
from pathlib import Path

from ops.bench.figures import Result
from ops.bench.frames import HITS_EACH, preload
from ops.bench.ground import new
from ops.demo.processes import child
from ops.kafka.broker import Broker
from trackrev_stream.settings import read

_HITS_A_SECOND = 15_000
"""About what is stitched; so many are preloaded for each second that shall be measured."""


async def run(place: Path, seconds: float) -> Result:
    """Preload, read, stitch. Raises DemoError, or Missing without Java and Maven."""
    partitions = read({"TRACKREV_BROKER": "kafka://broker:9092"}).partitions
    visitors = max(100, int(seconds * _HITS_A_SECOND / HITS_EACH))
    hits = visitors * HITS_EACH
    result = Result("stitch", f"{hits:,} hits in full frames over {partitions} partitions, one process each")
    with Broker(place / "kafka") as broker:
        frames = await preload(broker.address, visitors, partitions)
        result.add("a frame", hits / frames, "hits")
        rates = {
            name: await _measure(result, name, place, broker.address, frames, hits)
            for name in ("plain", "stitch")
        }
    result.add("stitch / plain", rates["stitch"] / rates["plain"], "times")
    return result


async def _measure(result: Result, name: str, place: Path, address: str, frames: int, hits: int) -> float:
    data = new(place, name)
    arguments = ("--broker", address, "--data", str(data), "--frames", str(frames))
    more = ("--plain",) if name == "plain" else ()
    async with child(
        name, "-m", "ops.bench.stitcher", *arguments, *more, errors=data / "errors.log"
    ) as process:
        found = json.loads(await process.line())
    note = {"plain": "aiokafka, poll and look at nothing", "stitch": "agent, table, outputs delivered"}[name]
    result.add(f"{name}", hits / found["seconds"], "hits/s", note)
    result.add("  a core of its own", found["cpu_s"] / found["seconds"], "cores")
    return hits / found["seconds"]
