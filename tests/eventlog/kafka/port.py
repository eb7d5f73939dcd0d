"""The log of the contract suite on a real Kafka, by aiokafka."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from ops.kafka.broker import Broker
from trackrev_stream.clock import now_ms
from trackrev_stream.eventlog import records as embedded
from trackrev_stream.eventlog.kafka import topics
from trackrev_stream.eventlog.kafka.cluster import Cluster
from trackrev_stream.eventlog.kafka.coordinator import listen
from trackrev_stream.eventlog.records import (
    NewRecord,
    OffsetOutOfRange,
    Record,
    TopicMismatch,
    TopicSpec,
    UnknownTopic,
)

_numbers = itertools.count()
# A segment for each batch of another millisecond: only whole segments, never the newest, are cleaned.
SMALL_SEGMENTS = {"segment.ms": "1"}
UNTOUCHED = {"min.cleanable.dirty.ratio": "1", "retention.ms": "-1"}
# The broker's clock runs on while a test looks.
SLACK_MS = 600_000


class KafkaPort:
    """Names are made unique, so that one broker serves all tests.

    A test's clock is not the broker's: what a topic shall forget is told it when the test asks for that.
    """

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._cluster = Cluster(broker.address)
        self._prefix = f"t{next(_numbers)}."
        self._partitions: dict[str, int] = {}
        self._specs: dict[str, TopicSpec] = {}
        self._producer: AIOKafkaProducer | None = None

    async def create(self, *specs: TopicSpec) -> None:
        for spec in specs:
            config = topics.config(None, compact=spec.compact)
            if spec.compact or spec.retention_ms:
                config |= SMALL_SEGMENTS | UNTOUCHED
            made = topics.KafkaTopicSpec(self._name(spec.name), spec.partitions, config)
            try:
                await topics.ensure(self._cluster, [made])
            except TopicMismatch as error:
                raise embedded.TopicMismatch(str(error).replace(self._prefix, "")) from error
            self._specs[spec.name] = spec

    def append(self, topic: str, partition: int, records: Sequence[NewRecord]) -> Awaitable[int]:
        return asyncio.ensure_future(self._append(topic, partition, records))

    async def _append(self, topic: str, partition: int, records: Sequence[NewRecord]) -> int:
        self._known(topic, partition)
        producer = await self.producer()
        sent = [
            await producer.send(
                self._name(topic),
                record.value,
                record.key,
                partition,
                timestamp_ms=record.timestamp,
                headers=list(record.headers),
            )
            for record in records
        ]
        first: int = min([done.offset for done in await asyncio.gather(*sent)])
        return first

    async def producer(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                **self._cluster.options, enable_idempotence=True, max_batch_size=16_384
            )
            self._producer = producer
            self._started = asyncio.ensure_future(producer.start())
        await self._started
        return self._producer

    async def fetch(
        self, topic: str, partition: int, offset: int, max_records: int = 500, max_bytes: int = 1 << 20
    ) -> list[Record]:
        self._known(topic, partition)
        tp = TopicPartition(self._name(topic), partition)
        async with self._consumer(None, max_partition_fetch_bytes=max_bytes) as consumer:
            start, high = (await consumer.beginning_offsets([tp]))[tp], (await consumer.end_offsets([tp]))[tp]
            if not start <= offset <= high:
                raise OffsetOutOfRange(topic, partition, offset, start, high)
            consumer.assign([tp])
            consumer.seek(tp, offset)
            found: list[Any] = []
            while offset < high and not found:
                found = (await consumer.getmany(tp, timeout_ms=1_000, max_records=max_records)).get(tp, [])
            return [Record(r.offset, r.timestamp, r.key, r.value, tuple(r.headers)) for r in found]

    async def start_offset(self, topic: str, partition: int) -> int:
        tp = TopicPartition(self._name(topic), partition)
        async with self._consumer(None) as consumer:
            return int((await consumer.beginning_offsets([tp]))[tp])

    async def high_watermark(self, topic: str, partition: int) -> int:
        tp = TopicPartition(self._name(topic), partition)
        async with self._consumer(None) as consumer:
            return int((await consumer.end_offsets([tp]))[tp])

    async def wait_for_data(self, positions: Mapping[tuple[str, int], int]) -> None:
        async with self._consumer(None) as consumer:
            tps = {TopicPartition(self._name(topic), n): at for (topic, n), at in positions.items()}
            consumer.assign(list(tps))
            for tp, at in tps.items():
                consumer.seek(tp, at)
            await consumer.getone()

    async def commit(self, group: str, offsets: Mapping[tuple[str, int], int]) -> None:
        tps = {TopicPartition(self._name(topic), n): at for (topic, n), at in offsets.items()}
        async with self._consumer(self._prefix + group) as consumer:
            consumer.assign(list(tps))
            await consumer.commit(tps)

    async def committed(self, group: str, topic: str, partition: int) -> int | None:
        tp = TopicPartition(self._name(topic), partition)
        async with self._consumer(self._prefix + group) as consumer:
            consumer.assign([tp])
            offset: int | None = await consumer.committed(tp)
            return offset

    async def enforce_retention(self, now_ms_of_test: int) -> None:
        """Set what is kept so that the broker's clock comes to what the test's would, and wait for it."""
        for spec in self._specs.values():
            if spec.retention_ms is None:
                continue
            keep_ms = now_ms() - now_ms_of_test + spec.retention_ms + SLACK_MS
            await self.configure(spec.name, {"retention.ms": str(keep_ms)} | SMALL_SEGMENTS)
            while await self.start_offset(spec.name, 0) == 0:  # noqa: ASYNC110 - the broker tells nobody
                await asyncio.sleep(0.05)

    async def compact(self, topic: str, partition: int, now: int, grace_ms: int) -> None:
        """Make everything but the newest segment worth cleaning, and wait until no record goes any more.

        The grace of a tombstone begins when it is first cleaned, whatever the time of its record.
        """
        del now
        before = await self.count(topic, partition)
        await self.configure(
            topic,
            {
                "cleanup.policy": "compact",
                "min.cleanable.dirty.ratio": "0.001",
                "delete.retention.ms": str(grace_ms),
                **SMALL_SEGMENTS,
            },
        )
        while before == (after := await self.count(topic, partition)):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.1)
        while after != (after := await self.count(topic, partition)):  # noqa: ASYNC110 - until it stays
            await asyncio.sleep(0.5)

    async def count(self, topic: str, partition: int) -> int:
        """How many records a topic still has."""
        tp, found = TopicPartition(self._name(topic), partition), 0
        async with self._consumer(None) as consumer:
            high = (await consumer.end_offsets([tp]))[tp]
            consumer.assign([tp])
            await consumer.seek_to_beginning(tp)
            while await consumer.position(tp) < high:
                found += len((await consumer.getmany(tp, timeout_ms=1_000)).get(tp, []))
        return found

    async def configure(self, topic: str, config: dict[str, str]) -> None:
        async with topics.admin(self._cluster) as client:
            resource = ConfigResource(ConfigResourceType.TOPIC, self._name(topic), config)
            (response,) = await client.alter_configs([resource])
            assert response.resources[0][0] == 0, response

    async def restart(self) -> None:
        await self.close()
        await asyncio.to_thread(self._broker.restart)

    async def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()

    def _name(self, topic: str) -> str:
        return self._prefix + topic

    def _known(self, topic: str, partition: int) -> None:
        if topic not in self._specs or partition >= self._specs[topic].partitions:
            raise UnknownTopic(topic, partition)

    @asynccontextmanager
    async def _consumer(self, group: str | None, **options: Any) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = AIOKafkaConsumer(
            **self._cluster.options,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="none",
            fetch_max_wait_ms=50,
            **options,
        )
        await consumer.start()
        if group is not None:
            listen(consumer)
        try:
            yield consumer
        finally:
            await consumer.stop()
