"""Reading partitions from their first record to their last, outside of any group."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from trackrev_stream.eventlog.kafka.cluster import Cluster, ClusterUnavailable
from trackrev_stream.eventlog.kafka.topics import LARGEST_RECORD

_LONGEST_WAIT_MS = 1_000
_LONGEST_FETCH_MS = 10


class Reader:
    """Reads one partition after the other."""

    def __init__(self, cluster: Cluster, consumer: AIOKafkaConsumer) -> None:
        self._cluster = cluster
        self._consumer = consumer

    async def start(self, place: TopicPartition) -> int:
        """The first offset that a partition has. Raises KafkaError."""
        return int((await self._consumer.beginning_offsets([place]))[place])

    async def end(self, place: TopicPartition) -> int:
        """The offset that comes next. Raises KafkaError."""
        return int((await self._consumer.end_offsets([place]))[place])

    async def read(
        self, topic: str, partition: int, first: int = 0, newest: int | None = None
    ) -> AsyncIterator[Any]:
        """The records that the partition has now, as aiokafka has them, from the offset ``first`` on.

        Of the ``newest`` offsets alone, where it is given. Raises ClusterUnavailable.
        """
        place, consumer = TopicPartition(topic, partition), self._consumer
        try:
            end = await self.end(place)
            wanted = first if newest is None else end - newest
            first = max(wanted, await self.start(place))
            if first >= end:
                return
            consumer.assign([place])
            consumer.seek(place, first)
            # A position behind compacted or deleted records moves on by itself.
            while await consumer.position(place) < end:
                for record in (await consumer.getmany(place, timeout_ms=_LONGEST_WAIT_MS)).get(place, ()):
                    if record.offset < end:
                        yield record
        except (KafkaError, OSError) as error:
            where = f"{topic}/{partition} at {self._cluster.servers}"
            raise ClusterUnavailable(f"{where} cannot be read: {error!r}") from error


@asynccontextmanager
async def reading(cluster: Cluster) -> AsyncIterator[Reader]:
    """A reader. Raises ClusterUnavailable."""
    consumer = AIOKafkaConsumer(
        **cluster.options,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=LARGEST_RECORD,
        # A fetch that waits for more holds up the questions for offsets behind it.
        fetch_max_wait_ms=_LONGEST_FETCH_MS,
    )
    try:
        await consumer.start()
    except (KafkaError, OSError) as error:
        await consumer.stop()
        raise ClusterUnavailable(f"no Kafka broker answers us at {cluster.servers}: {error!r}") from error
    try:
        yield Reader(cluster, consumer)
    finally:
        await consumer.stop()
