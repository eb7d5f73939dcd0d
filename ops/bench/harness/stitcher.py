"""`python -m ops.bench.harness.stitcher`: stitch alone, on Kafka, until all frames are done."""

import argparse
import asyncio
import json
import time
from dataclasses import replace
from pathlib import Path

import faust
import uvloop

from trackrev_stream import settings
from trackrev_stream.agents.step import InputRecord, Rows, StepResult
from trackrev_stream.agents.worker import AGENTS, Surroundings, Worker
from trackrev_stream.clock import now_ms
from trackrev_stream.domain.attribution.attribution_settings import SettingsTimeline
from trackrev_stream.eventlog.kafka_broker import KafkaBroker
from trackrev_stream.logs import quiet_libraries
from trackrev_stream.program.process import tune_memory
from trackrev_stream.settings import Settings


class NoCharges:
    """The settings that charges are decided by, where there are none."""

    book = SettingsTimeline()

    async def refresh(self) -> SettingsTimeline:
        """There is nothing newer."""
        return self.book


class Counted:
    """The agent's step; `done` once it has been through so many frames."""

    def __init__(self, frames: int) -> None:
        self.spec = next(spec for spec in AGENTS if spec.name == "stitch")
        self.done = asyncio.Event()
        self.began_s = self.began_cpu_s = 0.0
        self._left = frames

    def step(self, rows: Rows, record: InputRecord) -> StepResult:
        if not self.began_s:
            self.began_s, self.began_cpu_s = time.perf_counter(), time.process_time()
        outcome = self.spec.step(rows, record)
        self._left -= 1
        if self._left == 0:
            self.done.set()
        return outcome


async def stitch(chosen: Settings, frames: int) -> dict[str, float]:
    """Stitch so many frames, until all that comes of them is delivered; what that took."""
    counted, apps = Counted(frames), list[faust.App]()

    def define(app: faust.App) -> None:
        apps.append(app)
        given = Surroundings(
            chosen.partitions, now_ms, app.transport.fail, chosen.most_rejected, nobody_looks, NoCharges()
        )
        worker = Worker(app, given)
        worker.add(replace(counted.spec, step=counted.step))

    async def nobody_looks(_partition: int, _offset: int) -> None:
        """Dead letters are waited for; here are none."""

    async def no_writer() -> None:
        """What a worker waits for before it commits is its writer; here is none."""

    broker = await KafkaBroker.open(chosen, now_ms)
    agents = broker.agents(define, no_writer, lambda _: None)
    try:
        await agents.start()
        await counted.done.wait()
        await apps[0].producer.flush()
        took_s, cpu_s = time.perf_counter() - counted.began_s, time.process_time() - counted.began_cpu_s
    finally:
        await agents.stop()
        await broker.close()
    return {"seconds": took_s, "cpu_s": cpu_s}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m ops.bench.harness.stitcher")
    parser.add_argument("--broker", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--frames", type=int, required=True)
    given = parser.parse_args()
    chosen = settings.read_settings({"TRACKREV_BROKER": f"kafka://{given.broker}"}, data=str(given.data))
    quiet_libraries("warning")
    tune_memory()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(stitch(chosen, given.frames))), flush=True)


if __name__ == "__main__":
    main()
