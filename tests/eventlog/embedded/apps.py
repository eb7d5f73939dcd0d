"""Small Faust apps over the embedded log, and how a test runs one."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import faust

from trackrev_stream.eventlog.embedded.log import Log
from trackrev_stream.eventlog.faust_patches.runtime import SETTINGS, Runtime
from trackrev_stream.eventlog.records import NewRecord, Record, TopicSpec

GROUP = "shop"
KEYS = (b"a", b"b", b"c", b"d")
TOPICS = (TopicSpec("orders", 2), TopicSpec("returns", 2), TopicSpec("totals", 2))


@asynccontextmanager
async def open_log(directory: Path, *topics: TopicSpec) -> AsyncIterator[Log]:
    log = Log.open(directory / "log")
    log.create_topics(topics or TOPICS)
    try:
        yield log
    finally:
        await log.close()


def make_app(directory: Path, **settings: Any) -> faust.App:
    """An app with raw keys and values that commits when it is told to, or when it stops."""
    directory.mkdir(exist_ok=True)
    defaults: dict[str, Any] = {
        "broker": f"embedded://{directory}/log",
        "store": "rocksdb://",
        "datadir": str(directory / "data"),
        "key_serializer": "raw",
        "value_serializer": "raw",
        "broker_commit_interval": 3600,
    }
    return faust.App(GROUP, **SETTINGS, **defaults | settings)


def raw_table(app: faust.App, name: str, partitions: int = 2) -> Any:
    schema = faust.Schema(key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
    return app.Table(name, partitions=partitions, key_type=bytes, value_type=bytes, schema=schema)


def counting_app(directory: Path, seen: list[tuple[str, int, int]], **settings: Any) -> faust.App:
    """Counts the orders and returns of each key, each exactly once in effect, and says each total.

    The row carries the offset that it was last changed by, for each input: a record that comes again changes
    nothing, and its output is said again.
    """
    app = make_app(directory, **settings)
    counts = raw_table(app, "counts")

    async def count(stream: Any) -> None:
        async for event in stream.events():
            message = event.message
            row = json.loads(counts.get(event.key) or b'{"total": 0}')
            if message.offset > row.get(message.topic, -1):
                row["total"] += 1
                row[message.topic] = message.offset
            counts[event.key] = json.dumps(row).encode()
            await app.topic("totals").send(
                key=event.key, value=counts[event.key], partition=message.partition
            )
            seen.append((message.topic, message.partition, message.offset))

    app.agent(app.topic("orders", "returns"))(count)

    app.counts = counts
    return app


async def until(condition: Callable[[], object]) -> None:
    """Wait for a condition; the test's time limit is the limit."""
    while not condition():  # noqa: ASYNC110  # nobody tells when it comes true
        await asyncio.sleep(0.005)


async def add(log: Log, topic: str, *keys: bytes) -> None:
    """One record for each key, in the partition that the key's first byte says."""
    await asyncio.gather(*(log.append(topic, key[0] % 2, [NewRecord(1, key, b"x")]) for key in keys))


def read(log: Log, topic: str) -> list[Record]:
    """Everything, partition after partition."""
    return [
        record
        for number in range(log.topics()[topic].partitions)
        for record in log.fetch(topic, number, log.start_offset(topic, number), 10**6, 10**9)
    ]


def totals(log: Log) -> dict[bytes, int]:
    """The last total said for each key."""
    return {record.key or b"": json.loads(record.value or b"")["total"] for record in read(log, "totals")}


__all__ = ["Runtime", "add", "counting_app", "make_app", "open_log", "raw_table", "read", "totals", "until"]
