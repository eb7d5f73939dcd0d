"""Faust's Kafka producer, made safe: all is sent in the order of the calls, and every delivery counts."""

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from aiokafka.errors import InvalidTimestampError, KafkaError
from aiokafka.protocol.produce import ProduceRequest
from faust.transport.drivers import aiokafka as driver
from faust.transport.producer import ProducerBuffer
from faust.types.tuples import RecordMetadata

from trackrev_stream.eventlog.faust_patches.ordered_sends import OrderedSends, Outgoing
from trackrev_stream.eventlog.kafka.backoff import patient
from trackrev_stream.eventlog.kafka.cluster import clock_refused
from trackrev_stream.eventlog.kafka.topics import LARGEST_RECORD

BATCH_BYTES = 256 * 1024
# A worker under load does a tenth more with it (ops/decisions/0006); a charge passes it five times.
LINGER_MS = 5
# Beyond these no further record is taken in until some are delivered.
MOST_UNDELIVERED = 10_000


class NotDelivered(Exception):
    """A record did not reach the cluster: nothing may be committed over it."""


@dataclass(frozen=True, slots=True)
class _Queued:
    record: Outgoing
    timestamp_ms: int
    delivered: asyncio.Future[RecordMetadata]


class Buffer(ProducerBuffer):  # type: ignore[misc]  # Faust has no types
    """Faust asks it before each event whether there is room; nothing is kept here.

    Mends transport/producer.py:99: above a hundred messages it waits for a tenth of a second each.
    """

    producer: "Producer"

    @property
    def size(self) -> int:
        """How many records are not delivered."""
        return len(self.producer.undelivered)

    async def flush(self) -> None:
        """The producer's flush does it all."""

    async def wait_until_ebb(self) -> None:
        """Return when there is room."""
        while self.size > MOST_UNDELIVERED and self.producer.transport.failure is None:
            await asyncio.wait(self.producer.undelivered, return_when=asyncio.FIRST_COMPLETED)


class Producer(OrderedSends, driver.Producer):  # type: ignore[misc]  # Faust has no types
    """Idempotent, acks=all. One queue and one task that empties it, so that order is that of the calls."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.undelivered: set[asyncio.Future[RecordMetadata]] = set()
        self._queue: deque[_Queued] = deque()
        self._arrived = asyncio.Event()
        self.buffer = Buffer(loop=self.loop, beacon=self.beacon)
        self.buffer.app, self.buffer.producer = self.app, self

    def _settings_default(self) -> Mapping[str, Any]:
        return {
            **self.transport.cluster.options,
            "client_id": self.client_id,
            "linger_ms": LINGER_MS,
            "max_batch_size": BATCH_BYTES,
            "max_request_size": LARGEST_RECORD,
            "request_timeout_ms": int(self.request_timeout * 1000),
        }

    def _settings_auth(self) -> Mapping[str, Any]:
        return {}

    def _settings_extra(self) -> Mapping[str, Any]:
        # Mends drivers/aiokafka.py:1320: idempotent under exactly_once alone, else a retry may reorder.
        return {"acks": "all", "enable_idempotence": True}

    async def on_start(self) -> None:
        """Connect, and let nothing out while it is unsure whether our partitions are still ours."""
        await super().on_start()
        client, lease = self._producer.client, self.transport.lease
        send = client.send
        patient(client)

        async def fenced(node_id: int, request: Any, **options: Any) -> Any:
            if isinstance(request, ProduceRequest):
                await lease.wait()
            return await send(node_id, request, **options)

        client.send = fenced
        self.add_future(self._empty_the_queue())

    async def on_stop(self) -> None:
        """Deliver what is under way; nothing of it if something was lost before."""
        if self.transport.failure is None:
            await self.flush()
        await super().on_stop()

    async def _empty_the_queue(self) -> None:
        while not self.should_stop:
            self._arrived.clear()
            while self._queue:
                await self._hand_over(self._queue.popleft())
            await self._arrived.wait()

    async def _hand_over(self, queued: _Queued) -> None:
        record = queued.record
        try:
            sent = await self._producer.send(
                record.topic,
                record.value,
                record.key,
                record.partition,
                timestamp_ms=queued.timestamp_ms,
                headers=list(record.header_pairs),
            )
        except (KafkaError, AssertionError) as error:
            self._settle(queued, error, None)
        else:
            sent.add_done_callback(partial(self._sent, queued))

    def _sent(self, queued: _Queued, sent: asyncio.Future[Any]) -> None:
        error = asyncio.CancelledError() if sent.cancelled() else sent.exception()
        self._settle(queued, error, None if error else sent.result())

    def _settle(self, queued: _Queued, error: BaseException | None, metadata: Any) -> None:
        delivered, record = queued.delivered, queued.record
        self.undelivered.discard(delivered)
        if error is not None:
            reason = (
                clock_refused(queued.timestamp_ms)
                if isinstance(error, InvalidTimestampError)
                else repr(error)
            )
            lost = NotDelivered(f"a record for {record.topic}[{record.partition}] is lost: {reason}")
            lost.__cause__ = error
            # Mends topics.py:470, which only logs it: the next commit would pass over what was lost.
            self.transport.fail(lost)
            if not delivered.done():
                delivered.set_exception(lost)
                delivered.exception()  # told above; nobody has to fetch it
        elif not delivered.done():
            delivered.set_result(metadata)

    def append(self, record: Outgoing) -> asyncio.Future[RecordMetadata]:
        if record.partition is None:
            raise ValueError(
                f"a record for {record.topic} without a partition: whoever sends it knows its route"
            )
        delivered: asyncio.Future[RecordMetadata] = self.loop.create_future()
        self.undelivered.add(delivered)
        self._queue.append(_Queued(record, record.timestamp_ms, delivered))
        self._arrived.set()
        return delivered

    async def flush(self) -> None:
        """Wait until all that was sent before is delivered, or has failed: see `CommitBarriers.failure`."""
        if waiting := set(self.undelivered):
            await asyncio.wait(waiting)

    async def create_topic(self, topic: str, partitions: int, replication: int, **options: Any) -> None:
        """Nothing: `trackrev_stream.eventlog.kafka.topics` has made them all before the app starts."""
