"""A small Faust app over the real broker: counts the orders of each key, and says each total."""

import asyncio
import itertools
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import faust
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from trackrev_stream.eventlog.faust_patches import runtime
from trackrev_stream.eventlog.kafka import topics, transport
from trackrev_stream.eventlog.kafka.cluster import Cluster
from trackrev_stream.eventlog.kafka.lease import Lease

PARTITIONS = 2
# The workers are in the tests' own process: nobody shall lose partitions because the machine stood still.
SESSION_S = 60.0
_numbers = itertools.count()


class Counter:
    """The app's id, its topics, and workers of it."""

    def __init__(self, cluster: Cluster, directory: Path) -> None:
        self.cluster = cluster
        self.id = f"shop-{next(_numbers)}"
        self.orders, self.totals = f"{self.id}.orders", f"{self.id}.totals"
        self._directory = directory

    async def create(self) -> None:
        """Make the topics."""
        names = (self.orders, self.totals)
        specs = [topics.KafkaTopicSpec(name, PARTITIONS) for name in names]
        await topics.ensure(
            self.cluster, [*specs, topics.changelog_spec(f"{self.id}-counts-changelog", PARTITIONS)]
        )

    def worker(self, seen: list[tuple[int, int]], lease: Lease | None = None, **settings: Any) -> faust.App:
        """A worker that commits when it is told to, or when it stops; `seen` gets (partition, offset)."""
        defaults: dict[str, Any] = {
            "broker": f"kafka://{self.cluster.servers}",
            "store": "rocksdb://",
            "datadir": str(self._directory / f"worker-{next(_numbers)}"),
            "key_serializer": "raw",
            "value_serializer": "raw",
            "broker_commit_interval": 3600,
            "broker_session_timeout": SESSION_S,
        }
        app = faust.App(self.id, **(runtime.SETTINGS | transport.SETTINGS | defaults | settings))
        # In place of its default, which ends the process at once, and every other test with it.
        transport.attach(app, self.cluster, lease or Lease(SESSION_S, 3 * SESSION_S, self._lost))
        schema = faust.Schema(key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
        counts = app.Table("counts", partitions=PARTITIONS, key_type=bytes, value_type=bytes, schema=schema)

        async def count(stream: Any) -> None:
            async for event in stream.events():
                message = event.message
                row = json.loads(counts.get(event.key) or b'{"total": 0, "offset": -1}')
                if message.offset > row["offset"]:
                    row = {"total": row["total"] + 1, "offset": message.offset}
                counts[event.key] = json.dumps(row).encode()
                await app.topic(self.totals).send(
                    key=event.key, value=counts[event.key], partition=message.partition
                )
                seen.append((message.partition, message.offset))

        app.agent(app.topic(self.orders, partitions=PARTITIONS))(count)
        return app

    def _lost(self, reason: str) -> None:
        sys.stderr.write(f"{self.id}: {reason}\n")

    async def order(self, *keys: bytes) -> None:
        """One order for each key, in the partition that the key's first byte says."""
        async with AIOKafkaProducer(**self.cluster.options, acks="all") as producer:
            sent = [await producer.send(self.orders, b"x", key, key[0] % PARTITIONS) for key in keys]
            await asyncio.gather(*sent)

    async def said(self) -> list[tuple[bytes, int]]:
        """Every total that was said, (key, total), partition after partition."""
        async with AIOKafkaConsumer(**self.cluster.options, auto_offset_reset="earliest") as consumer:
            tps = [TopicPartition(self.totals, n) for n in range(PARTITIONS)]
            consumer.assign(tps)
            ends, found = await consumer.end_offsets(tps), {tp: list[Any]() for tp in tps}
            while any([await consumer.position(tp) < ends[tp] for tp in tps]):
                for tp, records in (await consumer.getmany(timeout_ms=100)).items():
                    found[tp] += records
        return [(r.key, json.loads(r.value)["total"]) for tp in tps for r in found[tp]]

    async def committed(self) -> dict[int, int]:
        """The next offset wanted, by partition of the orders."""
        admin = AIOKafkaAdminClient(**self.cluster.options)
        await admin.start()
        try:
            offsets = await admin.list_consumer_group_offsets(self.id)
        finally:
            await admin.close()
        return {
            tp.partition: at.offset
            for tp, at in offsets.items()
            if tp.topic == self.orders and at.offset >= 0
        }


async def until(condition: Callable[[], object], patience_s: float = 60.0) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.01)


async def until_true(condition: Callable[[], Awaitable[object]], patience_s: float = 60.0) -> None:
    """Wait for a condition that has to be asked for."""
    deadline = time.monotonic() + patience_s
    while not await condition():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.1)
