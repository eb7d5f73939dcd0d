"""Appends batches to partitions, and knows at which offset each begins, whatever becomes of an answer.

Not by aiokafka's producer: it cannot send a batch twice, and after a lost answer it would not say whether the
records are there. Here the end of the partition tells.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, LeaderNotAvailableError, for_code
from aiokafka.protocol.produce import ProduceRequest

from trackrev_stream.eventlog.kafka.cluster import Cluster, ClusterUnavailable
from trackrev_stream.eventlog.kafka.reader import Reader, reading

_REQUEST_MS = 30_000
_TRIES = 60
_PAUSE_S = 0.5
_ALL = -1


class SomebodyWrites(Exception):
    """A batch did not come to stand where it should: another process writes to the same partition."""


class Appender:
    """The only one that writes to these topics."""

    def __init__(self, client: AIOKafkaClient, reader: Reader) -> None:
        self._client = client
        self._reader = reader

    async def end(self, place: TopicPartition) -> int:
        """The offset that comes next. Raises KafkaError."""
        return await self._reader.end(place)

    async def append(self, place: TopicPartition, raw: bytes, count: int, at: int) -> None:
        """Append a batch of so many records at this offset.

        Raises SomebodyWrites where it stands elsewhere, and KafkaError when it was tried in vain.
        """
        for left in reversed(range(_TRIES)):
            try:
                begins = await self._send(place, raw)
            except KafkaError as error:
                if not (left and error.retriable):
                    raise
                await asyncio.sleep(_PAUSE_S)
                await self._client.force_metadata_update()
                ends = await self._reader.end(place)
                if ends == at:
                    continue
                begins = ends - count  # it has arrived, and the answer was lost
            if begins != at:
                raise SomebodyWrites(f"{place.topic}/{place.partition} at {begins}, not {at}")
            return

    async def _send(self, place: TopicPartition, raw: bytes) -> int:
        await self._client.add_topic(place.topic)
        leader = self._client.cluster.leader_for_partition(place)
        if leader in (None, -1):
            raise LeaderNotAvailableError
        wanted = ProduceRequest(None, _ALL, _REQUEST_MS, [(place.topic, [(place.partition, raw)])])
        response = await self._client.send(leader, wanted)
        [(_, [(_, code, begins, *_)])] = response.topics
        if code:
            raise for_code(code)(f"{place.topic}/{place.partition} takes no batch")
        return int(begins)


@asynccontextmanager
async def appending(cluster: Cluster) -> AsyncIterator[Appender]:
    """An appender. Raises ClusterUnavailable."""
    client = AIOKafkaClient(**cluster.options, request_timeout_ms=2 * _REQUEST_MS)
    try:
        await client.bootstrap()
    except (KafkaError, OSError) as error:
        await client.close()
        raise ClusterUnavailable(f"no Kafka broker answers us at {cluster.servers}: {error!r}") from error
    try:
        async with reading(cluster) as reader:
            yield Appender(client, reader)
    finally:
        await client.close()
