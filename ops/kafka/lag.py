"""How far the workers are behind, as the broker knows it."""

from types import TracebackType
from typing import Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from trackrev_stream.brokers.port import APP_ID
from trackrev_stream.contracts.topics import TOPICS
from trackrev_stream.kafka.connection import Cluster

INPUTS = tuple(topic.name for topic in TOPICS if topic.consumer != "people")


class Lag:
    """Asks a cluster, for as long as the context lasts; it has to answer when that begins."""

    def __init__(self, cluster: Cluster, partitions: int) -> None:
        self._cluster = cluster
        self._places = [TopicPartition(name, n) for name in INPUTS for n in range(partitions)]

    async def __aenter__(self) -> Self:
        self._consumer = AIOKafkaConsumer(**self._cluster.options)
        self._admin = AIOKafkaAdminClient(**self._cluster.options)
        try:
            await self._consumer.start()
            await self._admin.start()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self._close()

    async def _close(self) -> None:
        await self._consumer.stop()
        await self._admin.close()

    async def records(self) -> dict[str, int]:
        """By topic, how many records the workers have not committed. Raises KafkaError."""
        # In this order: what comes in between counts as done, not as waiting.
        ends = await self._consumer.end_offsets(self._places)
        committed = await self._admin.list_consumer_group_offsets(APP_ID)
        behind = dict.fromkeys(INPUTS, 0)
        for place, end in ends.items():
            done = max(0, committed[place].offset) if place in committed else 0
            behind[place.topic] += max(0, int(end) - done)
        return behind


async def behind(cluster: Cluster, partitions: int) -> int | None:
    """How many records are not committed over all; None while the cluster does not say."""
    try:
        async with Lag(cluster, partitions) as lag:
            return sum((await lag.records()).values())
    except (KafkaError, OSError):
        return None
