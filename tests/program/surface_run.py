"""What a running program shows to others: its routes, its topics, and the files that it makes."""

import asyncio
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from sqlalchemy import create_engine

from tests.program.surface_sql import tables_of
from trackrev_stream.clock import now_ms
from trackrev_stream.contracts.topics import PIXEL_HITS
from trackrev_stream.eventlog.embedded.log import Log
from trackrev_stream.eventlog.kafka.tables_directory import TablesDirectory
from trackrev_stream.eventlog.spool import topics_seen
from trackrev_stream.eventlog.spool.spool import Spools
from trackrev_stream.program.program import Program
from trackrev_stream.settings import read_settings

Json = dict[str, Any]
SETTINGS = {"TRACKREV_PORT": "0", "TRACKREV_ADMIN_PORT": "0", "TRACKREV_RATES_URL": "off"}


def seen_running() -> Json:
    """Runs the program once, in this process and on a directory of its own, and notes what it shows."""
    with tempfile.TemporaryDirectory(prefix="trackrev-surface-") as name:
        data = Path(name) / "data"
        shown = asyncio.run(_run(data))
        engine = create_engine(f"sqlite:///{data / 'trackrev.db'}")
        shown["tables in SQLite, migrated"] = tables_of(engine)
        engine.dispose()
        (kafka := Path(name) / "kafka").mkdir()
        shown["files"] |= asyncio.run(_files_on_kafka(kafka))
        return shown


async def _run(data: Path) -> Json:
    program = Program(read_settings(SETTINGS, data=str(data)))
    with _noted_routes() as routes:
        await program.start()
    try:
        log = Log.open(data / "log")
        topics = {
            name: {"partitions": spec.partitions, "retention_ms": spec.retention_ms, "compact": spec.compact}
            for name, spec in log.topics().items()
        }
        await log.close()
        return {
            "routes": routes,
            "topics in the log": topics,
            "files": _files(data),
            "admin actions": await _admin_actions(data),
        }
    finally:
        await program.stop()


@contextmanager
def _noted_routes() -> Iterator[Json]:
    """Which server has which routes, as they are set up meanwhile."""
    found: Json = {}
    setup = web.AppRunner.setup

    async def noting(runner: web.AppRunner) -> None:
        await setup(runner)
        routes = [(each.method, each.resource) for each in runner.app.router.routes()]
        named = {f"{method} {resource.canonical}" for method, resource in routes if resource is not None}
        server = "admin" if "GET /metrics" in named else "public"
        found[server] = dict.fromkeys(sorted(named), "a route")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(web.AppRunner, "setup", noting)
        yield found


async def _admin_actions(data: Path) -> Json:
    """As commands find them: by the file in the data directory."""
    door = json.loads((data / "admin.json").read_text())
    headers = {"Authorization": f"Bearer {door['token']}"}
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{door['url']}/admin", headers=headers) as told,
    ):
        return dict.fromkeys((await told.json())["actions"], "an action")


def _files(data: Path) -> Json:
    """What is in a data directory; a database of RocksDB counts as one thing, for its files have numbers."""
    databases = {path.parent for path in data.rglob("CURRENT")}
    files = (path for path in data.rglob("*") if path.is_file() and path.parent not in databases)
    kept = [path for path in files if not path.name.endswith(("-wal", "-shm"))]
    named = dict.fromkeys((str(path.relative_to(data)) for path in kept), "a file")
    return named | dict.fromkeys((str(path.relative_to(data)) for path in databases), "a database of RocksDB")


async def _files_on_kafka(data: Path) -> Json:
    """What a collector and a worker on Kafka keep on their disk."""
    topics_seen.note_topics(read_settings({"TRACKREV_BROKER": "kafka://localhost:9092"}, data=str(data)))
    spool = await Spools(data, 1, 1 << 20, now_ms).own()
    await spool.put(PIXEL_HITS.name, 0, b"key", b"value")
    await spool.close()
    TablesDirectory(data).close(clean=True)
    return _files(data)
