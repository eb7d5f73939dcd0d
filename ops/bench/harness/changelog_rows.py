"""Rows of visitors in the changelog of stitch's table, as a worker has left them."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

from aiokafka import AIOKafkaProducer

from ops.bench.harness import traffic
from tables import TOUCHES_BY_VISITOR
from trackrev_stream.contracts.codec import encode
from trackrev_stream.contracts.topics import PIXEL_HITS, TOPICS
from trackrev_stream.domain.journeys.journey import VisitorRow, absorb_hits
from trackrev_stream.domain.values.days import DAY_MS
from trackrev_stream.domain.values.ids import partition_of, visitor_key
from trackrev_stream.eventlog.faust_patches.app import APP_ID
from trackrev_stream.eventlog.kafka import topics
from trackrev_stream.eventlog.kafka.cluster import Cluster

CHANGELOG = f"{APP_ID}-{TOUCHES_BY_VISITOR.name}-changelog"
_KINDS = 300


async def preload(address: str, visitors: int, partitions: int) -> int:
    """Put so many rows into the changelog, all topics made; how many bytes they have."""
    cluster, size = Cluster(address), 0
    specs = [topics.spec_of(topic, partitions) for topic in TOPICS]
    await topics.ensure(cluster, [*specs, topics.changelog_spec(CHANGELOG, partitions)])
    async with AIOKafkaProducer(**cluster.options, max_batch_size=1 << 19, linger_ms=20) as producer:
        sent: list[asyncio.Future[object]] = []
        for key, row in rows(visitors):
            lane = partition_of(key, partitions)
            sent.append(await producer.send(CHANGELOG, row, key.encode(), partition=lane))
            size += len(row)
            if len(sent) == 20_000:
                await asyncio.gather(*sent)
                sent.clear()
        await asyncio.gather(*sent)
    return size


def rows(visitors: int) -> Iterator[tuple[str, bytes]]:
    """Keys and rows: some visitors' rows are made of their hits, and given to all others in turn."""
    kinds = [_row(number) for number in range(_KINDS)]
    for visitor in range(visitors):
        known, row = visitor % _KINDS, kinds[visitor % _KINDS]
        for name in (traffic.visitor_id, _start_of_ids, _identity):
            row = row.replace(name(known).encode(), name(visitor).encode())
        yield visitor_key(traffic.WORKSPACE, traffic.visitor_id(visitor)), row


def _row(visitor: int) -> bytes:
    """One to five landings, some days apart; every other one has identified."""
    landing = traffic.hit_record(visitor, 0, 2)
    hits = [
        replace(
            landing,
            id=f"{visitor:x}-{day:x}-8f14e45fceea167a5a36",
            occurred_at=traffic.START_MS - day * DAY_MS,
        )
        for day in range(1 + visitor % 5)
    ]
    hits += [traffic.hit_record(visitor, 1, 2)] * (visitor % 2)
    row = VisitorRow(landing.workspace, landing.visitor, positions={PIXEL_HITS.name: -1})
    absorb_hits(row, hits)
    return encode(row)


def _start_of_ids(visitor: int) -> str:
    return f'"{visitor:x}-'


def _identity(visitor: int) -> str:
    return traffic.email_key(visitor)
