"""The publisher on a real Kafka: durable or Unavailable, within its time, and it recovers by itself."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from ops.kafka.broker import Broker
from trackrev_stream.contracts.ports import Unavailable
from trackrev_stream.eventlog.kafka.cluster import Cluster
from trackrev_stream.eventlog.kafka.publisher import KafkaPublisher
from trackrev_stream.eventlog.kafka.topics import KafkaTopicSpec, ensure

PATIENCE_S = 60.0
HITS = KafkaTopicSpec("publisher.hits", 2)


def on(cluster: Cluster, scenario: Callable[[KafkaPublisher], Awaitable[None]]) -> None:
    async def run() -> None:
        await ensure(cluster, [HITS])
        publisher = KafkaPublisher(cluster, longest_wait_s=2)
        try:
            await scenario(publisher)
        finally:
            await publisher.stop()

    asyncio.run(run())


async def taken(publisher: KafkaPublisher, value: bytes) -> int:
    """The offset of a record, offered until it is taken."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return await publisher.publish(HITS.name, 0, b"k", value)
        except Unavailable:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)


def test_offsets_are_those_of_the_log(cluster: Cluster) -> None:
    async def scenario(publisher: KafkaPublisher) -> None:
        first = await publisher.publish(HITS.name, 1, None, b"first")
        offsets = await asyncio.gather(
            *(publisher.publish(HITS.name, 1, b"k", b"%d" % n) for n in range(500))
        )
        assert sorted(offsets) == list(range(first + 1, first + 501))

    on(cluster, scenario)


def test_a_broker_that_hangs_is_unavailable_and_found_again(own: Broker) -> None:
    async def scenario(publisher: KafkaPublisher) -> None:
        await publisher.publish(HITS.name, 0, b"k", b"before")
        own.freeze()
        try:
            results = await asyncio.gather(
                *(publisher.publish(HITS.name, 0, b"k", b"%d" % n) for n in range(20)), return_exceptions=True
            )
        finally:
            own.thaw()
        assert {type(result) for result in results} == {Unavailable}
        await taken(publisher, b"after")
        assert await publisher.publish(HITS.name, 0, b"k", b"and so on") > 0

    on(Cluster(own.address), scenario)


def test_a_broker_that_was_killed_is_found_again(own: Broker, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(publisher: KafkaPublisher) -> None:
        before = await publisher.publish(HITS.name, 0, b"k", b"before")
        own.kill()
        with pytest.raises(Unavailable):
            await publisher.publish(HITS.name, 0, b"k", b"lost")
        await asyncio.to_thread(own.start)
        assert await taken(publisher, b"after") > before
        assert len(caplog.records) < 500  # it does not ask thousands of times a second

    on(Cluster(own.address), scenario)
