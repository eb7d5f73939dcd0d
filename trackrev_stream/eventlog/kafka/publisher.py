"""The collectors' way to Kafka: all replicas have a record, or the caller hears that they have not."""

import asyncio
import contextlib

from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidTimestampError, KafkaError

from trackrev_stream.contracts.ports import Unavailable
from trackrev_stream.eventlog.kafka.backoff import patient
from trackrev_stream.eventlog.kafka.cluster import Cluster, clock_refused
from trackrev_stream.eventlog.kafka.topics import LARGEST_RECORD
from trackrev_stream.eventlog.records import ClockRefused

LONGEST_WAIT_S = 10.0
BATCH_BYTES = 512 * 1024


class KafkaPublisher:
    """Publishes records one by one; those published while a request is under way share the next one.

    Idempotent, acks=all. After a failed delivery the producer is replaced: its sequence of numbers has a gap,
    which a broker does not forgive.
    """

    def __init__(self, cluster: Cluster, longest_wait_s: float = LONGEST_WAIT_S) -> None:
        self._cluster = cluster
        self._longest_wait_s = longest_wait_s
        self._opening: asyncio.Task[AIOKafkaProducer] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    async def publish(self, topic: str, partition: int, key: bytes | None, value: bytes) -> int:
        """Append a record; return its offset once all replicas that are in sync have it.

        Raises Unavailable when that is not so within the longest wait; it may arrive later all the same.
        Raises ClockRefused where the brokers are there and refuse the time that this machine gives it.
        """
        opening = self._opening
        if opening is None:
            opening = self._opening = asyncio.create_task(self._open())
        try:
            async with asyncio.timeout(self._longest_wait_s):
                producer = await asyncio.shield(opening)
                metadata = await producer.send_and_wait(topic, value, key, partition)
                return int(metadata.offset)
        except TimeoutError:
            raise Unavailable(f"Kafka has not confirmed within {self._longest_wait_s} s") from None
        except InvalidTimestampError as error:
            self._replace(opening)
            raise ClockRefused(clock_refused(self._cluster.servers)) from error
        except (KafkaError, OSError) as error:
            self._replace(opening)
            raise Unavailable(f"Kafka at {self._cluster.servers} did not take a record: {error!r}") from error

    async def stop(self) -> None:
        """Let go of the connections; what is under way is delivered first, or given up after its time."""
        if self._opening is not None:
            self._replace(self._opening)
        if self._closing:
            await asyncio.wait(self._closing)

    async def _open(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            **self._cluster.options,
            acks="all",
            enable_idempotence=True,
            max_batch_size=BATCH_BYTES,
            max_request_size=LARGEST_RECORD,
            request_timeout_ms=int(self._longest_wait_s * 1000),
        )
        patient(producer.client)
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        return producer

    def _replace(self, opening: asyncio.Task[AIOKafkaProducer]) -> None:
        if self._opening is not opening:
            return  # somebody was quicker
        self._opening = None
        task = asyncio.create_task(_close(opening))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


async def _close(opening: asyncio.Task[AIOKafkaProducer]) -> None:
    with contextlib.suppress(KafkaError, OSError):
        await (await opening).stop()
