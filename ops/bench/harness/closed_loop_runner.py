"""The load of many connections that never rest, as a process of its own, and what came of it."""

import asyncio
import json
import time
from dataclasses import dataclass
from pathlib import Path

from ops.bench.harness.processes import Target
from ops.demo.processes import DemoError, child

CONNECTIONS = 64


@dataclass(frozen=True, slots=True)
class Rushed:
    """What the load found: durations of what was taken, and how many visitors landed in all."""

    a_second: float
    cpu_s: float
    waits_s: list[float]
    landed: int
    statuses: dict[str, int]


async def rushed(target: Target, place: Path, seconds: float, *more: str) -> Rushed:
    """Load a server for so long with connections that never rest. Raises DemoError."""
    out = place / "rush.json"
    arguments = ("--url", target.url, "--out", str(out), "--seconds", str(seconds))
    wide = ("--connections", str(CONNECTIONS), *more)
    async with child(
        "the load", "-m", "ops.bench.harness.closed_loop", *arguments, *wide, errors=place / "rush.log"
    ) as load:
        start = json.loads(await load.line())["start"]
        await asyncio.sleep(start - time.monotonic())
        before_s = target.cpu_s()
        await asyncio.sleep(start + seconds - time.monotonic())
        cpu_s = target.cpu_s() - before_s
        if await load.process.wait():
            raise DemoError(load.ended())
    found = json.loads(out.read_text())
    if not found["waits_s"]:
        raise DemoError(f"the load was not taken: {found['statuses']}")
    return Rushed(a_second=len(found["waits_s"]) / seconds, cpu_s=cpu_s, **found)
