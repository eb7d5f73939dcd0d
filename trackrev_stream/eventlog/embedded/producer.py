"""Faust's producer over the embedded log."""

import asyncio
from functools import partial
from typing import Any

from aiokafka.partitioner import DefaultPartitioner
from faust.transport.producer import Producer as BaseProducer
from faust.types.tuples import TP, RecordMetadata
from mode.utils.times import want_seconds

from trackrev_stream.eventlog.faust_patches.ordered_sends import OrderedSends, Outgoing
from trackrev_stream.eventlog.records import NewRecord


class Producer(OrderedSends, BaseProducer):  # type: ignore[misc]  # Faust has no types
    """Everything sent reaches the log in the order in which it was sent, changelogs included."""

    _pending: asyncio.Future[int] | None = None

    async def on_start(self) -> None:
        """Open the log."""
        await super().on_start()
        self._partitioner = self.partitioner or DefaultPartitioner()
        self._log = self.transport.log

    async def on_stop(self) -> None:
        """Deliver what is under way and let go of the log."""
        await self.flush()
        await super().on_stop()
        await self.transport.close()

    def append(self, record: Outgoing) -> asyncio.Future[RecordMetadata]:
        topic, partition, timestamp_ms = record.topic, record.partition, record.timestamp_ms
        if partition is None:
            partition = self.key_partition(topic, record.key).partition
        new = NewRecord(timestamp_ms, record.key, record.value, record.header_pairs)
        appended = self._pending = self._log.append(topic, partition, [new])
        delivered: asyncio.Future[RecordMetadata] = self.loop.create_future()
        appended.add_done_callback(partial(self._on_appended, delivered, TP(topic, partition), timestamp_ms))
        return delivered

    def _on_appended(
        self, delivered: asyncio.Future[RecordMetadata], tp: TP, timestamp_ms: int, done: asyncio.Future[int]
    ) -> None:
        error = done.exception()
        if error is not None:
            # Mends topics.py:470, which only logs it: the next commit would pass over what was lost.
            self.transport.fail(error)
        if delivered.done():
            return
        if error is not None:
            delivered.set_exception(error)
            delivered.exception()  # told above; nobody has to fetch it
        else:
            delivered.set_result(RecordMetadata(*tp, tp, done.result(), timestamp_ms / 1000, 0))

    async def flush(self) -> None:
        """Wait until all that was sent before is durable, or has failed: see `Transport.failure`.

        Mends transport/producer.py:84, which looks at the length of its queue only. Appends become durable in
        the order in which they were called, so the last one speaks for all.
        """
        if self._pending is None:
            return
        if not self._pending.done():
            await asyncio.wait([self._pending])
        elif (error := self._pending.exception()) is not None:
            self.transport.fail(error)  # whoever is to be told of it may not have been yet

    async def create_topic(self, topic: str, partitions: int, replication: int, **options: Any) -> None:
        """Create the topic if it is not there; there is nothing to replicate to."""
        del replication
        retention = options.get("retention")
        self.transport.create_topic(
            topic,
            partitions,
            want_seconds(retention) if retention else None,
            compact=bool(options.get("compacting")),
        )

    def key_partition(self, topic: str, key: bytes | None) -> TP:
        """The partition of a key: the same as on Kafka, so that data can move there."""
        partitions = list(range(self._log.topics()[topic].partitions))
        return TP(topic, self._partitioner(key, partitions, partitions))

    def supports_headers(self) -> bool:
        """Yes."""
        return True
