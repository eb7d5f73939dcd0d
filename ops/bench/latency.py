"""`latency`: from a webhook to the entry that anybody can read, with hits beside it."""

import asyncio
import json
import time
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from ops.bench.figures import Result, percentile
from ops.bench.ground import Target, new, the_baseline, the_program
from ops.bench.load import LIFE_S
from ops.bench.traffic import WORKSPACE
from ops.bench.wire import Pool, request
from ops.demo.processes import DemoError, child

HITS_A_SECOND, WEBHOOKS_A_SECOND = 500, 50
TARGET_P99_MS = 250
_BASELINE_S = 10.0
_PAUSE_S = 0.04
_REST_S = 30.0
_GOOD = ("hit 202", "webhook 200")


@dataclass(frozen=True, slots=True)
class Sent:
    """What the load generator found, and the CPU time of the target while both rates were full.

    `hits_s` and `webhooks_s` are pairs of when a request was due and how long after that it was answered;
    `charges` tells when the webhook of each was due.
    """

    seconds: float
    cpu_s: float
    sent_late_s: list[float]
    hits_s: list[tuple[float, float]]
    webhooks_s: list[tuple[float, float]]
    charges: dict[str, float]
    statuses: dict[str, int]

    def within(self, answered: list[tuple[float, float]]) -> list[float]:
        """Durations of what was due while both rates were full."""
        return [wait for at_s, wait in answered if LIFE_S <= at_s < LIFE_S + self.seconds]


@dataclass(slots=True)
class Seen:
    """What the poller saw in the ledger: when each charge first stood there, and when it had a channel."""

    entered: dict[str, float] = field(default_factory=dict)
    credited: dict[str, float] = field(default_factory=dict)
    gaps_s: list[float] = field(default_factory=list)


async def run(place: Path, seconds: float) -> Result:
    """Load the program, then the baseline. Raises DemoError when either does not start."""
    about = f"{WEBHOOKS_A_SECOND} webhooks/s with {HITS_A_SECOND} hits/s beside them for {seconds:.0f} s"
    result = Result("latency", about)
    async with the_program(new(place, "program")) as target:
        seen = Seen()
        polling = asyncio.create_task(_poll(target, seen))
        sent = await _load(target, place, seconds)
        await _rest(sent, seen, polling)
        _report(result, sent, seen)
        result.add("memory of the program", target.peak_megabytes(), "MB", "at its peak")
    async with the_baseline(new(place, "baseline")) as target:
        plain = await _load(target, place, min(seconds, _BASELINE_S))
    _compare(result, _waits(sent, seen.entered), sent, plain)
    return result


async def _load(target: Target, place: Path, seconds: float) -> Sent:
    """Send the load, and watch what it costs the target while both rates are full."""
    out = place / "load.json"
    arguments = ("--url", target.url, "--out", str(out), "--seconds", str(seconds))
    rates = ("--hits", str(HITS_A_SECOND), "--webhooks", str(WEBHOOKS_A_SECOND))
    async with child(
        "the load", "-m", "ops.bench.load", *arguments, *rates, errors=place / "load.log"
    ) as load:
        start = json.loads(await load.line())["start"]
        await asyncio.sleep(start + LIFE_S - time.monotonic())
        before_s = target.cpu_s()
        await asyncio.sleep(start + LIFE_S + seconds - time.monotonic())
        cpu_s = target.cpu_s() - before_s
        if await load.process.wait():
            raise DemoError(load.ended())
    found = json.loads(out.read_text())
    if not found["hits_s"] or not found["webhooks_s"]:
        raise DemoError(f"the load was not taken: {found['statuses']}")
    return Sent(seconds=seconds, cpu_s=cpu_s, **found)


async def _poll(target: Target, seen: Seen) -> None:
    """One reader of the ledger, again and again; each entry is seen when its page has arrived."""
    pool, after, before = Pool(target.url), 0, time.monotonic()
    headers = {"Authorization": f"Bearer {target.key}"}
    while True:
        url = f"{target.url}/api/workspaces/{WORKSPACE}/ledger?limit=1000&after={after}"
        status, body = await pool.ask(request("GET", url, headers))
        now = time.monotonic()
        if status != 200:
            raise DemoError(f"the ledger answered {status}: {body[:200]!r}")
        seen.gaps_s.append(now - before)
        before = now
        for entry in orjson.loads(body)["entries"]:
            after = entry["seq"]
            seen.entered.setdefault(entry["charge"], now)
            if entry["channel"] != "unattributed":
                seen.credited.setdefault(entry["charge"], now)
        await asyncio.sleep(_PAUSE_S)


async def _rest(sent: Sent, seen: Seen, polling: asyncio.Task[None]) -> None:
    """Wait until all charges that were taken are seen with a channel, for a while."""
    deadline = time.monotonic() + _REST_S
    while sent.charges.keys() - seen.credited.keys() and time.monotonic() < deadline and not polling.done():
        await asyncio.wait([polling], timeout=0.1)
    if polling.done():
        polling.result()
    polling.cancel()


def _report(result: Result, sent: Sent, seen: Seen) -> None:
    entered = _waits(sent, seen.entered)
    met = "met" if 1_000 * percentile(entered, 0.99) < TARGET_P99_MS else "missed"
    result.add_percentiles("webhook to readable entry", entered, f"target p99 < {TARGET_P99_MS} ms: {met}")
    result.add_percentiles("webhook to credited entry", _waits(sent, seen.credited), "with its channel")
    looks_ms = 1_000 * percentile(seen.gaps_s, 0.99)
    result.add("resolution of the reader", looks_ms, "ms", "p99 between two looks at the ledger")
    webhooks, hits = sent.within(sent.webhooks_s), sent.within(sent.hits_s)
    result.add_percentiles("webhook acknowledged", webhooks)
    result.add_percentiles("hit acknowledged", hits)
    result.add("webhooks reached", len(webhooks) / sent.seconds, "/s")
    result.add("hits reached", len(hits) / sent.seconds, "/s")
    late_ms = 1_000 * percentile(sent.sent_late_s, 0.99)
    result.add("sent after schedule", late_ms, "ms", "p99; part of all durations")
    refused = {name: count for name, count in sent.statuses.items() if name not in _GOOD}
    result.add("not taken", sum(refused.values()), "requests", ", ".join(sorted(refused)))
    result.add("never credited", len(sent.charges.keys() - seen.credited.keys()), "charges")
    result.add("CPU of the program", 1_000 * sent.cpu_s / len(hits), "s/1000 hits", "with webhooks and looks")
    result.add("CPU of the program", 100 * sent.cpu_s / sent.seconds, "% of a core")


def _compare(result: Result, entered: list[float], sent: Sent, plain: Sent) -> None:
    """Beside the baseline, which had the same load on the same machine."""
    base_s = plain.within(plain.webhooks_s)
    result.add_percentiles("baseline: webhook on the disk", base_s, "bare aiohttp and fsync, same load")
    for label, share in (("p50", 0.50), ("p99", 0.99)):
        result.add(
            f"readable / baseline {label}", percentile(entered, share) / percentile(base_s, share), "times"
        )
    cpu = (sent.cpu_s / sent.seconds) / max(plain.cpu_s / plain.seconds, 0.001)
    result.add("CPU / CPU of the baseline", cpu, "times")


def _waits(sent: Sent, seen: dict[str, float]) -> list[float]:
    return [seen[charge] - at for charge, at in sent.charges.items() if charge in seen]
