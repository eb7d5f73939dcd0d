"""`python -m ops.bench.collector`: the edge of the program alone, over an embedded log that nobody reads."""

import argparse
import asyncio
import json
from pathlib import Path

import uvloop
from aiohttp import web

from collectors.app import add_routes
from collectors.deps import EdgeDeps
from trackrev_stream.clock import now_ms
from trackrev_stream.contracts.topics import TOPICS
from trackrev_stream.embedded.log import Log
from trackrev_stream.embedded.publisher import EmbeddedPublisher
from trackrev_stream.embedded.records import TopicSpec
from trackrev_stream.process import calm_the_collector
from trackrev_stream.settings import read
from trackrev_stream.store.directory import StoreDirectory
from trackrev_stream.store.engine import Store
from trackrev_stream.store.secrets import open_sealer


async def _serve(data: Path) -> None:
    settings = read({}, data=str(data))
    log, store = Log.open(data / "log"), Store.open(settings.store)
    log.create_topics([TopicSpec(topic.name, settings.partitions) for topic in TOPICS])
    directory = StoreDirectory(store, open_sealer(data), now_ms)
    app = web.Application()
    add_routes(app, EdgeDeps(directory, EmbeddedPublisher(log), settings.partitions, now_ms))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    print(json.dumps({"url": f"http://127.0.0.1:{runner.addresses[0][1]}"}), flush=True)
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m ops.bench.collector")
    parser.add_argument("--data", type=Path, required=True)
    given = parser.parse_args()
    calm_the_collector()  # as every role does
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(given.data))


if __name__ == "__main__":
    main()
