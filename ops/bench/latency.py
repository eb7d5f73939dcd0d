"""`latency`: from a webhook to the entry that anybody can read, with hits beside it."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from ops.bench.harness.figures import Result, percentile
from ops.bench.harness.ledger_reader import Rates, Seen, Sent, load, until, waits
from ops.bench.harness.processes import Target, new, the_baseline, the_program

RATES = Rates(hits=500, webhooks=50)
TARGET_P99_MS = 250
_BASELINE_S = 10.0


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the load found, and the CPU time of the target while both rates were full."""

    sent: Sent
    cpu_s: float

    @property
    def cores(self) -> float:
        return self.cpu_s / self.sent.seconds


async def run(place: Path, seconds: float) -> Result:
    """Load the program, then the baseline. Raises DemoError when either does not start."""
    about = f"{RATES.webhooks} webhooks/s with {RATES.hits} hits/s beside them for {seconds:.0f} s"
    result = Result("latency", about)
    async with the_program(new(place, "program")) as target:
        seen = Seen()
        looking = asyncio.create_task(seen.look(target.url, target.key))
        loaded = await _load(target, place, seconds)
        await seen.rest(loaded.sent, looking)
        _report(result, loaded, seen)
        result.add("memory of the program", target.peak_megabytes(), "MB", "at its peak")
    async with the_baseline(new(place, "baseline")) as target:
        plain = await _load(target, place, min(seconds, _BASELINE_S))
    _compare(result, waits(loaded.sent, seen.entered), loaded, plain)
    return result


async def _load(target: Target, place: Path, seconds: float) -> Loaded:
    """Send the load, and watch what it costs the target while both rates are full."""
    async with load(target.url, place, seconds, RATES) as under_way:
        await until(under_way.full_from)
        before_s = target.cpu_s()
        await until(under_way.full_until)
        cpu_s = target.cpu_s() - before_s
        return Loaded(await under_way.ended(), cpu_s)


def _report(result: Result, loaded: Loaded, seen: Seen) -> None:
    sent, entered = loaded.sent, waits(loaded.sent, seen.entered)
    met = "met" if 1_000 * percentile(entered, 0.99) < TARGET_P99_MS else "missed"
    result.add_percentiles("webhook to readable entry", entered, f"target p99 < {TARGET_P99_MS} ms: {met}")
    result.add_percentiles("webhook to credited entry", waits(sent, seen.credited), "with its channel")
    looks_ms = 1_000 * percentile(seen.gaps_s, 0.99)
    result.add("resolution of the reader", looks_ms, "ms", "p99 between two looks at the ledger")
    webhooks, hits = sent.within(sent.webhooks_s), sent.within(sent.hits_s)
    result.add_percentiles("webhook acknowledged", webhooks)
    result.add_percentiles("hit acknowledged", hits)
    result.add("webhooks reached", len(webhooks) / sent.seconds, "/s")
    result.add("hits reached", sent.hits_a_second, "/s")
    late_ms = 1_000 * percentile(sent.sent_late_s, 0.99)
    result.add("sent after schedule", late_ms, "ms", "p99; part of all durations")
    result.add("not taken", sum(sent.refused.values()), "requests", ", ".join(sorted(sent.refused)))
    result.add("never credited", len(sent.charges.keys() - seen.credited.keys()), "charges")
    each = 1_000 * loaded.cores / sent.hits_a_second
    result.add("CPU of the program", each, "s/1000 hits", "with webhooks and looks")
    result.add("CPU of the program", 100 * loaded.cores, "% of a core")


def _compare(result: Result, entered: list[float], loaded: Loaded, plain: Loaded) -> None:
    """Beside the baseline, which had the same load on the same machine."""
    base_s = plain.sent.within(plain.sent.webhooks_s)
    result.add_percentiles("baseline: webhook on the disk", base_s, "bare aiohttp and fsync, same load")
    for label, share in (("p50", 0.50), ("p99", 0.99)):
        result.add(
            f"readable / baseline {label}", percentile(entered, share) / percentile(base_s, share), "times"
        )
    cpu = loaded.cores / max(plain.cores, 0.001)
    result.add("CPU / CPU of the baseline", cpu, "times")
