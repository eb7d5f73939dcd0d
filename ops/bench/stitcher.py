"""`python -m ops.bench.stitcher`: one process that reads all frames, as stitch does or `--plain`."""

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import faust
import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition

from trackrev_stream import settings
from trackrev_stream.agents.step import Outcome, Record, Rows
from trackrev_stream.agents.worker import AGENTS, Worker
from trackrev_stream.app import calm_the_collector, quiet_libraries
from trackrev_stream.brokers.kafka import KafkaBroker
from trackrev_stream.clock import now_ms
from trackrev_stream.contracts.topics import PIXEL_HITS
from trackrev_stream.kafka.connection import Cluster, servers_of
from trackrev_stream.settings import Settings

Found = dict[str, float]


async def plain(chosen: Settings, frames: int) -> Found:
    """A consumer of aiokafka with its defaults, that looks at nothing."""
    consumer = AIOKafkaConsumer(**Cluster(servers_of(chosen.broker)).options, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(PIXEL_HITS.name, number) for number in range(chosen.partitions)])
        seen, began_s, began_cpu_s = 0, time.perf_counter(), time.process_time()
        while seen < frames:
            seen += sum(map(len, (await consumer.getmany(timeout_ms=1_000)).values()))
        return {"seconds": time.perf_counter() - began_s, "cpu_s": time.process_time() - began_cpu_s}
    finally:
        await consumer.stop()


async def stitched(chosen: Settings, frames: int) -> Found:
    """The agent stitch of a worker, with its table and all that it sends, until that is delivered."""
    spec = next(spec for spec in AGENTS if spec.name == "stitch")
    seen, times, done = 0, list[tuple[float, float]](), asyncio.Event()

    def counting(rows: Rows, record: Record) -> Outcome:
        nonlocal seen
        if not seen:
            times.append((time.perf_counter(), time.process_time()))
        outcome = spec.step(rows, record)
        seen += 1
        if seen == frames:
            done.set()
        return outcome

    apps: list[faust.App] = []

    def define(app: faust.App) -> None:
        apps.append(app)
        worker = Worker(app, partitions=chosen.partitions, clock=now_ms, on_bug=app.transport.fail)
        worker.add(replace(spec, step=counting))

    async def nothing() -> None:
        pass

    broker = await KafkaBroker.open(chosen)
    agents = broker.agents(define, nothing, lambda _: None)
    try:
        await agents.start()
        await done.wait()
        await apps[0].producer.flush()
        times.append((time.perf_counter(), time.process_time()))
    finally:
        await agents.stop()
        await broker.close()
    return {"seconds": times[1][0] - times[0][0], "cpu_s": times[1][1] - times[0][1]}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m ops.bench.stitcher")
    parser.add_argument("--broker", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--frames", type=int, required=True)
    parser.add_argument("--plain", action="store_true")
    given = parser.parse_args()
    chosen = settings.read({"TRACKREV_BROKER": f"kafka://{given.broker}"}, data=str(given.data))
    quiet_libraries("warning")
    calm_the_collector()
    run: Callable[[Settings, int], Awaitable[Found]] = plain if given.plain else stitched
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(_run(run, chosen, given.frames))), flush=True)


async def _run(run: Callable[[Settings, int], Awaitable[Found]], chosen: Settings, frames: int) -> Found:
    return await run(chosen, frames)


if __name__ == "__main__":
    main()
