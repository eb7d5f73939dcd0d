"""`python -m ops.bench.harness.open_loop`: an open-loop load in a process of its own.

Everything is sent on schedule whether or not earlier answers have come, and each duration is counted from
the scheduled time, so that a slow answer cannot hide the wait of those behind it. Times are those of the
monotonic clock, which on Linux is the same in all processes.
"""

import argparse
import asyncio
import heapq
import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop

from ops.bench.harness import traffic
from ops.bench.harness.http_client import Pool

LIFE_S = 5.0
"""How long after their first hit a visitor pays, who does; all hits come in the first half of it."""
HITS_EACH = 10
IDENTIFYING = 5
"""One of so many of those who do not pay says who they are too."""
_KEPT_A_SECOND = 500
_MOST_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True, order=True)
class Due:
    """One request: of a visitor, so many `hits`, or the charge where there are none.

    `raw` is made already, except for webhooks, which have to be of their time.
    """

    at_s: float
    visitor: int
    hits: int = field(compare=False)
    raw: bytes | None = field(compare=False, repr=False)


@dataclass(slots=True)
class Log:
    """What came of the requests."""

    sent_late_s: list[float] = field(default_factory=list)
    hits_s: list[tuple[float, float]] = field(default_factory=list)
    webhooks_s: list[tuple[float, float]] = field(default_factory=list)
    charges: dict[str, float] = field(default_factory=dict)
    statuses: Counter[str] = field(default_factory=Counter)


def schedule(
    url: str, seconds: float, hits_a_second: int, webhooks_a_second: int, together: int = 1
) -> Iterator[Due]:
    """What is due, in order. From LIFE_S on, for so many seconds, both rates are as wanted.

    `together` hits of a visitor, a divisor of HITS_EACH, are due in one request, with the last of them.
    """
    visitors = Visitors(hits_a_second // HITS_EACH, hits_a_second // HITS_EACH // webhooks_a_second)
    firsts = range(0, HITS_EACH, together)
    return heapq.merge(
        *(visitors.hits(url, range(first, first + together), seconds) for first in firsts),
        visitors.charges(seconds),
    )


@dataclass(frozen=True, slots=True)
class Visitors:
    """So many a second, each with HITS_EACH hits; one of `per_payer` pays."""

    a_second: int
    per_payer: int

    def hits(self, url: str, numbers: range, seconds: float) -> Iterator[Due]:
        """Those hits of all, in one request each."""
        for visitor in range(int(self.a_second * (seconds + LIFE_S))):
            at_s = visitor / self.a_second + numbers[-1] * LIFE_S / 2 / HITS_EACH
            if at_s < seconds + LIFE_S:
                known = visitor % self.per_payer == 0 or visitor % IDENTIFYING == 0
                raw = traffic.batch(url, visitor, numbers, HITS_EACH, known=known)
                yield Due(at_s, visitor, len(numbers), raw)

    def charges(self, seconds: float) -> Iterator[Due]:
        """The charges of those who pay."""
        for visitor in range(0, int(self.a_second * seconds), self.per_payer):
            yield Due(visitor / self.a_second + LIFE_S, visitor, 0, None)


async def send_all(url: str, due: Iterable[Due], start: float, keep: int = 1) -> Log:
    """Send everything when it is due; returns when all is answered. One request with hits of `keep` is timed.

    When too much is under way the rest is late, and its durations show it.
    """
    pool, log, room = Pool(url), Log(), asyncio.Semaphore(_MOST_AT_ONCE)
    async with asyncio.TaskGroup() as tasks:
        for one in due:
            wait_s = start + one.at_s - time.monotonic()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            await room.acquire()
            timed = not one.hits or one.visitor % keep == 0
            task = tasks.create_task(_send(pool, url, one, start, log, timed=timed))
            task.add_done_callback(lambda _: room.release())
    pool.close()
    return log


async def _send(pool: Pool, url: str, one: Due, start: float, log: Log, *, timed: bool) -> None:
    scheduled = start + one.at_s
    if timed:
        log.sent_late_s.append(time.monotonic() - scheduled)
    raw = one.raw if one.raw is not None else traffic.webhook(url, one.visitor, int(time.time()))
    try:
        status = str((await pool.ask(raw))[0])
    except (OSError, TimeoutError) as error:
        status = type(error).__name__
    kind, good = ("hit", "202") if one.hits else ("webhook", "200")
    log.statuses[f"{kind} {status}"] += 1
    if status != good or not timed:
        return
    answered = time.monotonic()
    (log.hits_s if one.hits else log.webhooks_s).append((one.at_s, answered - scheduled))
    if not one.hits:
        log.charges[traffic.charge_id(one.visitor)] = scheduled


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m ops.bench.harness.open_loop")
    parser.add_argument("--url", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--hits", type=int, default=500)
    parser.add_argument("--webhooks", type=int, default=50)
    parser.add_argument("--together", type=int, default=1)
    given = parser.parse_args()
    due = schedule(given.url, given.seconds, given.hits, given.webhooks, given.together)
    keep = max(1, given.hits // given.together // _KEPT_A_SECOND)
    start = time.monotonic() + 0.5
    print(json.dumps({"start": start}), flush=True)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        log = runner.run(send_all(given.url, due, start, keep))
    given.out.write_text(json.dumps(_as_json(log, keep * given.together)))


def _as_json(log: Log, hits_per_kept: int) -> dict[str, Any]:
    return {
        "sent_late_s": log.sent_late_s,
        "hits_s": log.hits_s,
        "webhooks_s": log.webhooks_s,
        "charges": log.charges,
        "statuses": log.statuses,
        "hits_per_kept": hits_per_kept,
    }


if __name__ == "__main__":
    main()
