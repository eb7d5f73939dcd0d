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
        plain = await _measure(place, broker, frames, "plain", "--plain")
        stitch = await _measure(place, broker, frames, "stitch")
    _add(result, "plain", hits, plain, "aiokafka, poll and look at nothing")
    _add(result, "stitch", hits, stitch, "agent, table, outputs delivered")
    result.add("stitch / plain", plain["seconds"] / stitch["seconds"], "times")
    return result


async def _measure(place: Path, broker: Broker, frames: int, name: str, *more: str) -> dict[str, float]:
    data = new(place, name)
    arguments = ("--broker", broker.address, "--data", str(data), "--frames", str(frames), *more)
    async with child(name, "-m", "ops.bench.stitcher", *arguments, errors=data / "errors.log") as process:
        found: dict[str, float] = json.loads(await process.line())
    return found


def _add(result: Result, name: str, hits: int, found: dict[str, float], note: str) -> None:
    result.add(name, hits / found["seconds"], "hits/s", note)
    result.add(f"{name}, a CPU second", hits / found["cpu_s"], "hits", "of its own process, on one core")
