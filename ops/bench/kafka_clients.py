"""aiokafka against confluent-kafka behind the collectors' handlers: `python -m ops.bench.kafka_clients`.

Two patterns: every request publishes a record of its own (webhooks), and hits gather in frames (the pixel).
Each client is idempotent with acks=all, and every caller awaits its delivery. confluent-kafka is no
dependency of the program: where it is not installed, aiokafka is measured alone.
"""

import asyncio
import contextlib
import importlib
import itertools
import tempfile
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvloop
from aiokafka import AIOKafkaProducer

from collectors.publisher import HitPublisher
from ops.kafka.broker import Broker
from trackrev_stream.contracts.ports import Publisher
from trackrev_stream.domain.journeys.touch import Hit, HitKind
from trackrev_stream.domain.values.ids import uuid7
from trackrev_stream.eventlog.kafka.cluster import Cluster
from trackrev_stream.eventlog.kafka.topics import KafkaTopicSpec, ensure

PARTITIONS = 12
CALLERS = 400
SECONDS = 5.0
VALUE = bytes(range(97, 122)) * 12  # 300 bytes


class Aiokafka:
    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer

    async def publish(self, topic: str, partition: int, key: bytes | None, value: bytes) -> int:
        metadata = await self._producer.send_and_wait(topic, value, key, partition)
        return int(metadata.offset)

    @classmethod
    @asynccontextmanager
    async def open(cls, address: str) -> AsyncIterator[Publisher]:
        producer = AIOKafkaProducer(
            bootstrap_servers=address, acks="all", enable_idempotence=True, max_batch_size=1 << 19
        )
        await producer.start()
        try:
            yield cls(producer)
        finally:
            await producer.stop()


class Confluent:
    """librdkafka's threads send; what they deliver is handed to the loop in one go."""

    def __init__(self, producer: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._producer = producer
        self._loop = loop
        self._delivered: deque[tuple[asyncio.Future[int], Any, int]] = deque()
        self._waking = False

    async def publish(self, topic: str, partition: int, key: bytes | None, value: bytes) -> int:
        future: asyncio.Future[int] = self._loop.create_future()

        def told(error: Any, message: Any) -> None:
            self._delivered.append((future, error, message.offset()))
            if not self._waking:
                self._waking = True
                self._loop.call_soon_threadsafe(self._wake)

        self._producer.produce(topic, value, key, partition, told)
        return await future

    def _wake(self) -> None:
        self._waking = False
        while self._delivered:
            future, error, offset = self._delivered.popleft()
            if error is not None:
                future.set_exception(RuntimeError(str(error)))
            else:
                future.set_result(offset)

    @classmethod
    @asynccontextmanager
    async def open(cls, address: str) -> AsyncIterator[Publisher]:
        confluent_kafka = importlib.import_module("confluent_kafka")

        producer = confluent_kafka.Producer(
            {"bootstrap.servers": address, "acks": "all", "enable.idempotence": True, "linger.ms": 1}
        )
        ended = threading.Event()

        def poll() -> None:
            while not ended.is_set():
                producer.poll(0.1)

        thread = threading.Thread(target=poll)
        thread.start()
        try:
            yield cls(producer, asyncio.get_running_loop())
        finally:
            ended.set()
            thread.join()


async def callers(count: int, work: Callable[[int], Awaitable[object]]) -> tuple[float, float, float]:
    """How many a second `count` callers get through, the median and 99th percentile of one's wait in ms."""
    waits: list[float] = []
    started = time.perf_counter()

    async def call(number: int) -> None:
        for n in itertools.count(number, count):
            before = time.perf_counter()
            await work(n)
            waits.append(time.perf_counter() - before)
            if time.perf_counter() - started > SECONDS:
                return

    await asyncio.gather(*(call(number) for number in range(count)))
    waits.sort()
    rate = len(waits) / (time.perf_counter() - started)
    return rate, 1000 * waits[len(waits) // 2], 1000 * waits[len(waits) * 99 // 100]


async def records(publisher: Publisher) -> tuple[float, float, float]:
    return await callers(CALLERS, lambda n: publisher.publish("stripe-payments", n % PARTITIONS, b"k", VALUE))


async def frames(publisher: Publisher) -> tuple[float, float, float]:
    hits = HitPublisher(publisher, PARTITIONS)
    visitors = [uuid7(0, b"%010d" % n) for n in range(100)]
    url = "https://shop.example/" + "a" * 100

    def hit(n: int) -> Hit:
        return Hit("ws_1", f"hit-{n}", visitors[n % 100], HitKind.PAGEVIEW, n, n, url)

    return await callers(CALLERS, lambda n: hits.put([hit(n)], 60))


async def measure(address: str) -> None:
    specs = [KafkaTopicSpec(name, PARTITIONS) for name in ("stripe-payments", "pixel-hits")]
    await ensure(Cluster(address), specs)
    print(f"{'client':12} {'pattern':10} {'per s':>8} {'p50 ms':>8} {'p99 ms':>8} {'CPU us':>8}")
    for client in (Aiokafka, Confluent):
        with contextlib.suppress(ImportError):
            async with client.open(address) as publisher:
                for pattern in (records, frames):
                    await publisher.publish("pixel-hits", 0, None, b"warm")
                    spent = time.process_time()
                    rate, p50, p99 = await pattern(publisher)
                    each = 1e6 * (time.process_time() - spent) / (rate * SECONDS)
                    figures = f"{rate:8.0f} {p50:8.1f} {p99:8.1f} {each:8.0f}"
                    print(f"{client.__name__:12} {pattern.__name__:10} {figures}")


def main() -> None:
    with tempfile.TemporaryDirectory() as directory, Broker(Path(directory) / "kafka") as broker:
        uvloop.run(measure(broker.address))


if __name__ == "__main__":
    main()
