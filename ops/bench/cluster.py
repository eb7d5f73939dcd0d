"""`cluster`: all roles as processes over Kafka and PostgreSQL, under a load that lasts."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from collectors.publisher import Bounds
from ops.bench.harness import usage
from ops.bench.harness.cluster_processes import PARTITIONS, role, settings_of
from ops.bench.harness.figures import Result, percentile
from ops.bench.harness.ledger_reader import Rates, Seen, Sent, load, until, waits
from ops.bench.harness.processes import Target
from ops.bench.harness.traffic import DOMAIN, WEBHOOK_SECRET, WORKSPACE
from ops.demo.program import command
from ops.kafka.broker import Broker
from ops.kafka.lag import Lag
from ops.postgres import postgres
from trackrev_stream.eventlog.kafka.cluster import Cluster

MARK_S = 120.0
_MARK_SHARE = 0.2
_AROUND_SHARE = 0.05
_LOOK_EVERY_S = 1.0
_SLACK_S = 1.0
"""Commits come twice a second, so what a second brings is never a sign of lagging behind: so many records as
the collectors make of its hits, and one for each charge."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is tried: hits and charges a second, and how many workers share them."""

    rates: Rates
    workers: int


DEFAULT = Plan(Rates(hits=2_000, webhooks=20), workers=1)


@dataclass(slots=True)
class Running:
    """A cluster that runs: where hits go and entries are read, and every process by name."""

    edge: Target
    reader: Target
    key: str
    broker: Broker
    pids: dict[str, int]


@dataclass(slots=True)
class Behind:
    """How many records the workers are behind, at times since both rates were full."""

    looks: list[tuple[float, dict[str, int]]] = field(default_factory=list)

    async def watch(self, broker: Broker, full_from: float) -> None:
        """Look until cancelled."""
        lag = Lag(Cluster(broker.address), PARTITIONS)
        try:
            while True:
                if (found := await lag.by_topic()) is not None:
                    self.looks.append((time.monotonic() - full_from, found))
                await asyncio.sleep(_LOOK_EVERY_S)
        finally:
            await lag.close()

    def around(self, at_s: float, seconds: float) -> float:
        """The median number of records around a time; not a number where nobody looked."""
        near = [sum(found.values()) for when, found in self.looks if abs(when - at_s) <= seconds]
        return statistics.median(near) if near else float("nan")


async def run(place: Path, seconds: float, plan: Plan = DEFAULT) -> Result:
    """Start everything, load it for so long. Raises DemoError, or Missing where a server is not installed."""
    rates, workers = plan.rates, f"{plan.workers} worker{'s' * (plan.workers > 1)}"
    each = f" ({rates.together} a request)" * (rates.together > 1)
    about = f"{rates.hits:,} hits/s{each} and {rates.webhooks} charges/s for {seconds:.0f} s, {workers}"
    result = Result("cluster", f"{about}, all on one machine with broker, database and load")
    async with _running(place, plan) as cluster:
        seen, behind, peaks = Seen(), Behind(), usage.Peaks(cluster.pids)
        async with load(cluster.edge.url, place, seconds, rates) as under_way:
            cluster.pids["the load"] = under_way.process.process.pid
            looking = asyncio.create_task(seen.look(cluster.reader.url, cluster.key))
            watching = asyncio.create_task(behind.watch(cluster.broker, under_way.full_from))
            measuring = asyncio.create_task(peaks.watch())
            await until(under_way.full_from)
            before_s = {name: usage.cpu_s(pid) for name, pid in cluster.pids.items()}
            await until(under_way.full_until)
            cores = {
                name: (usage.cpu_s(pid) - before_s[name]) / seconds for name, pid in cluster.pids.items()
            }
            watching.cancel()
            sent = await under_way.ended()
        await seen.rest(sent, looking)
        measuring.cancel()
    _report_lag(result, behind, seconds, rates)
    _report(result, sent, seen, plan)
    for name, share in cores.items():
        each = f"{1_000 * share / sent.hits_a_second:.2f} s/1000 hits"
        note = f"{each}, {peaks.megabytes.get(name, 0.0):,.0f} MB at its peak"
        result.add(name, 100 * share, "% of a core", note)
    result.add("all processes", sum(cores.values()), "cores", "more than there are is not to be had")
    return result


@asynccontextmanager
async def _running(place: Path, plan: Plan) -> AsyncIterator[Running]:
    data = place / "data"
    data.mkdir()
    async with AsyncExitStack() as stack:
        broker = stack.enter_context(Broker(place / "kafka", lasting=True))
        server = stack.enter_context(postgres())
        settings = settings_of(broker, data, server.new_database())
        create = ("workspace", "create", WORKSPACE, "--domain", DOMAIN)
        key = (await command(data, *create, **settings))["api_key"]
        connect = ("stripe", "connect", WORKSPACE, "--key", "", "--webhook-secret", WEBHOOK_SECRET)
        await command(data, *connect, **settings)
        edge = await stack.enter_async_context(role("collect", place, settings))
        reader = await stack.enter_async_context(role("api", place, settings))
        pids = {"collect": edge.pid}
        for number in range(plan.workers):
            worker = await stack.enter_async_context(role("worker", place, settings, number=number))
            pids[f"worker {number + 1}"] = worker.pid
        lag = Lag(Cluster(broker.address), PARTITIONS)
        await lag.shared_by(plan.workers)
        await lag.close()
        pids |= {"api": reader.pid, "broker (Kafka)": broker.pid, "database (PostgreSQL)": server.pid}
        yield Running(edge, reader, key, broker, pids)


def _report_lag(result: Result, behind: Behind, seconds: float, rates: Rates) -> None:
    mark_s = MARK_S if seconds > 2 * MARK_S else _MARK_SHARE * seconds
    around_s = max(2 * _LOOK_EVERY_S, _AROUND_SHARE * seconds)
    early = behind.around(mark_s, around_s)
    late = behind.around(seconds - around_s, around_s)
    slack = _SLACK_S * (min(rates.hits, Bounds().frames_a_second) + rates.webhooks)
    result.add(f"lag after {mark_s:.0f} s", early, "records", "not yet committed, of all topics")
    note = f"; what came within {_SLACK_S:.0f} s apart"
    result.aim("lag at the end", late, max(early, slack), "records", note)


def _report(result: Result, sent: Sent, seen: Seen, plan: Plan) -> None:
    result.add_percentiles("charge to entry", waits(sent, seen.entered), "readable; from when it was due")
    result.add_percentiles("charge to credited entry", waits(sent, seen.credited), "with its channel")
    result.add_percentiles("hit acknowledged", sent.within(sent.hits_s))
    result.add("hits reached", sent.hits_a_second, "/s")
    if sent.hits_a_second < 0.99 * plan.rates.hits:
        result.shortfalls.append(f"{sent.hits_a_second:,.0f} hits/s were taken of {plan.rates.hits:,}")
    result.add(
        "sent after schedule", 1_000 * percentile(sent.sent_late_s, 0.99), "ms", "p99; the load itself"
    )
    refused = ", ".join(f"{name}: {count}" for name, count in sorted(sent.refused.items()))
    result.aim("not taken", sum(sent.refused.values()), 0, "requests", f" {refused}")
    result.aim("never credited", len(sent.charges.keys() - seen.credited.keys()), 0, "charges")
