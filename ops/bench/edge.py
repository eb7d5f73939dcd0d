"""`edge`: how many hits a second are taken and durable, with 64 connections that never rest."""

import asyncio
import json
import time
from dataclasses import dataclass
from pathlib import Path

import orjson

from ops.bench.figures import Result
from ops.bench.ground import Target, new, the_baseline, the_program
from ops.bench.traffic import WORKSPACE
from ops.bench.wire import Pool, request
from ops.demo.processes import DemoError, child

CONNECTIONS = 64
_CATCH_UP_S = 60.0


@dataclass(frozen=True, slots=True)
class Rushed:
    """What the load found: durations of the hits that were taken, and how many visitors landed in all."""

    a_second: float
    cpu_s: float
    waits_s: list[float]
    landed: int
    statuses: dict[str, int]


async def run(place: Path, seconds: float) -> Result:
    """Load the program, see when its agents have caught up, then load the baseline. Raises DemoError."""
    result = Result("edge", f"POST /e with one hit each, {CONNECTIONS} connections, {seconds:.0f} s")
    async with the_program(new(place, "program")) as target:
        rushed = await _rush(target, place, seconds)
        behind_s = await _caught_up(target, rushed.landed)
    result.add("taken", rushed.a_second, "requests/s")
    result.add_percentiles("answered", rushed.waits_s)
    each = 1_000 * rushed.cpu_s / len(rushed.waits_s)
    result.add("CPU of the program", each, "s/1000 hits", "with what its agents did meanwhile")
    refused = sum(count for status, count in rushed.statuses.items() if status != "202")
    result.add("not taken", refused, "requests", ", ".join(sorted(rushed.statuses.keys() - {"202"})))
    note = "until every visitor is in the read API" if behind_s < _CATCH_UP_S else "and not done by then"
    result.add("caught up after", behind_s, "s", note)
    async with the_baseline(new(place, "baseline")) as target:
        plain = await _rush(target, place, min(seconds, 5))
    result.add("baseline", plain.a_second, "requests/s", "bare aiohttp and fsync, same load")
    result.add("taken / baseline", rushed.a_second / plain.a_second, "times")
    return result


async def _rush(target: Target, place: Path, seconds: float) -> Rushed:
    out = place / "rush.json"
    arguments = ("--url", target.url, "--out", str(out), "--seconds", str(seconds))
    wide = ("--connections", str(CONNECTIONS))
    async with child(
        "the load", "-m", "ops.bench.rush", *arguments, *wide, errors=place / "rush.log"
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


async def _caught_up(target: Target, landed: int) -> float:
    """How long it takes until the read API knows so many visitors; at most a minute."""
    began, pool = time.monotonic(), Pool(target.url)
    url = f"{target.url}/api/workspaces/{WORKSPACE}/channels"
    raw = request("GET", url, {"Authorization": f"Bearer {target.key}"})
    while (behind_s := time.monotonic() - began) < _CATCH_UP_S:
        status, body = await pool.ask(raw)
        if status != 200:
            raise DemoError(f"the channels answered {status}: {body[:200]!r}")
        if orjson.loads(body)["total"]["visitors"] >= landed:
            return behind_s
        await asyncio.sleep(0.1)
    return _CATCH_UP_S
