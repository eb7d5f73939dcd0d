"""`python -m ops.bench.harness.collector`: the edge alone, over a log that nobody reads."""

import argparse
from pathlib import Path

from aiohttp import web

from collectors.deps import EdgeDeps
from collectors.routes import add_routes
from ops.bench.harness.serving import run, serve
from trackrev_stream.clock import now_ms
from trackrev_stream.contracts.topics import TOPICS
from trackrev_stream.eventlog.embedded.log import Log
from trackrev_stream.eventlog.embedded.publisher import EmbeddedPublisher
from trackrev_stream.eventlog.records import TopicSpec
from trackrev_stream.program.process import tune_memory
from trackrev_stream.settings import read_settings
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.sealer import open_sealer
from trackrev_stream.store.workspaces.directory import StoreDirectory


async def _serve(data: Path) -> None:
    settings = read_settings({}, data=str(data))
    log, store = Log.open(data / "log"), Store.open(settings.store)
    log.create_topics([TopicSpec(topic.name, settings.partitions) for topic in TOPICS])
    directory = StoreDirectory(store, open_sealer(data), now_ms)
    app = web.Application()
    add_routes(app, EdgeDeps(directory, EmbeddedPublisher(log), settings.partitions, now_ms))
    await serve(app)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m ops.bench.harness.collector")
    parser.add_argument("--data", type=Path, required=True)
    given = parser.parse_args()
    tune_memory()  # as every role does
    run(_serve(given.data))


if __name__ == "__main__":
    main()
