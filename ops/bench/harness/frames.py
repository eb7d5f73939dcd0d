"""Frames of hits as the collectors make them, put into the log before a consumer is measured."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator

from aiokafka import AIOKafkaProducer

from ops.bench.harness.traffic import hit_record
from trackrev_stream.contracts.codec import MOST_BYTES_A_FRAME, MOST_HITS_A_FRAME, encode, encode_frame
from trackrev_stream.contracts.topics import PIXEL_HITS, TOPICS
from trackrev_stream.domain.values.ids import partition_of, visitor_key
from trackrev_stream.eventlog.kafka import topics
from trackrev_stream.eventlog.kafka.cluster import Cluster

HITS_EACH = 10
_APART = 2_000
"""So many visitors come between two hits of one: a full frame has hardly any of them twice."""


def crowd(visitors: int) -> Iterator[tuple[int, int]]:
    """The hits of so many visitors, mingled as in a stream: (visitor, the how-manieth of theirs)."""
    apart = min(_APART, max(1, visitors // HITS_EACH))
    for step in range(visitors + (HITS_EACH - 1) * apart):
        for number in range(HITS_EACH):
            if 0 <= (visitor := step - number * apart) < visitors:
                yield visitor, number


def frames(visitors: int, partitions: int) -> Iterator[tuple[int, bytes]]:
    """Full frames, each with its partition; the last one of a partition is as long as it is."""
    lanes: dict[int, list[bytes]] = defaultdict(list)
    sizes: dict[int, int] = defaultdict(int)
    for visitor, number in crowd(visitors):
        hit = hit_record(visitor, number, HITS_EACH)
        lane, raw = partition_of(visitor_key(hit.workspace, hit.visitor), partitions), encode(hit)
        if len(lanes[lane]) == MOST_HITS_A_FRAME or sizes[lane] + len(raw) > MOST_BYTES_A_FRAME:
            yield lane, encode_frame(lanes.pop(lane))
            del sizes[lane]
        lanes[lane].append(raw)
        sizes[lane] += 1 + len(raw)
    for lane, rest in lanes.items():
        yield lane, encode_frame(rest)


async def preload(address: str, visitors: int, partitions: int) -> int:
    """Put the frames of so many visitors into `pixel-hits`, all topics made; how many frames."""
    cluster, count = Cluster(address), 0
    await topics.ensure(cluster, (topics.spec_of(topic, partitions) for topic in TOPICS))
    async with AIOKafkaProducer(**cluster.options, max_batch_size=1 << 19) as producer:
        sent: list[asyncio.Future[object]] = []
        for lane, frame in frames(visitors, partitions):
            sent.append(await producer.send(PIXEL_HITS.name, frame, partition=lane))
            count += 1
        await asyncio.gather(*sent)
    return count
