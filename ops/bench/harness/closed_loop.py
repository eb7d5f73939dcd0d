"""`python -m ops.bench.harness.closed_loop`: a closed loop.

Each connection sends its next request when one is answered.
"""

import argparse
import asyncio
import itertools
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from ops.bench.harness import traffic
from ops.bench.harness.http_client import Pool

HITS_EACH = 10
"""The first hit of each visitor is a landing, and the only one that counts a click."""
_WARM_UP_S = 1.0


@dataclass(slots=True)
class Log:
    """What came of it: durations of what was answered within the time that counts."""

    waits_s: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    landed: int = 0


async def rush(url: str, seconds: float, connections: int, start: float, *, webhooks: bool = False) -> Log:
    """Keep so many connections busy until so many seconds after the warm-up."""
    log, pool, numbers = Log(), Pool(url), itertools.count()
    until = start + _WARM_UP_S + seconds
    good = 200 if webhooks else 202

    async def keep_busy() -> None:
        for number in _before(until, numbers):
            visitor, nth = divmod(number, HITS_EACH)
            if webhooks:
                raw = traffic.webhook(url, number, int(time.time()))
            else:
                raw = traffic.hit(url, visitor, nth, landing=nth == 0)
            began = time.monotonic()
            status, _ = await pool.ask(raw)
            log.statuses[str(status)] += 1
            log.landed += status == 202 and nth == 0
            now = time.monotonic()
            if start + _WARM_UP_S <= now < until and status == good:
                log.waits_s.append(now - began)

    await asyncio.gather(*(keep_busy() for _ in range(connections)))
    pool.close()
    return log


def _before(until: float, numbers: Iterator[int]) -> Iterator[int]:
    while time.monotonic() < until:
        yield next(numbers)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m ops.bench.harness.closed_loop")
    parser.add_argument("--url", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--webhooks", action="store_true", help="webhooks of charges in place of hits")
    given = parser.parse_args()
    start = time.monotonic()
    print(json.dumps({"start": start + _WARM_UP_S}), flush=True)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        log = runner.run(rush(given.url, given.seconds, given.connections, start, webhooks=given.webhooks))
    found = {"waits_s": log.waits_s, "statuses": log.statuses, "landed": log.landed}
    given.out.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
