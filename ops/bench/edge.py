"""`edge`: how many hits a second are taken and durable, with 64 connections that never rest."""

import asyncio
import time
from pathlib import Path

import orjson

from ops.bench.harness.closed_loop_runner import CONNECTIONS, rushed
from ops.bench.harness.figures import Result
from ops.bench.harness.http_client import Pool, request
from ops.bench.harness.processes import Target, new, the_baseline, the_program
from ops.bench.harness.traffic import WORKSPACE
from ops.demo.processes import DemoError

_CATCH_UP_S = 60.0


async def run(place: Path, seconds: float) -> Result:
    """Load the program, see when its agents have caught up, then load the baseline. Raises DemoError."""
    result = Result("edge", f"POST /e with one hit each, {CONNECTIONS} connections, {seconds:.0f} s")
    async with the_program(new(place, "program")) as target:
        found = await rushed(target, place, seconds)
        behind_s = await _caught_up(target, found.landed)
    result.add("taken", found.a_second, "requests/s")
    result.add_percentiles("answered", found.waits_s)
    each = 1_000 * found.cpu_s / len(found.waits_s)
    result.add("CPU of the program", each, "s/1000 hits", "with what its agents did meanwhile")
    refused = sum(count for status, count in found.statuses.items() if status != "202")
    result.add("not taken", refused, "requests", ", ".join(sorted(found.statuses.keys() - {"202"})))
    note = "until every visitor is in the read API" if behind_s < _CATCH_UP_S else "and not done by then"
    result.add("caught up after", behind_s, "s", note)
    async with the_baseline(new(place, "baseline")) as target:
        plain = await rushed(target, place, min(seconds, 5))
    result.add("baseline", plain.a_second, "requests/s", "bare aiohttp and fsync, same load")
    result.add("taken / baseline", found.a_second / plain.a_second, "times")
    return result


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
