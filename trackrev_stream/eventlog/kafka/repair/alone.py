"""One repair at a time, on whatever machine: whoever repairs is the only member of a group for that."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from trackrev_stream.contracts.ports import Unavailable
from trackrev_stream.eventlog.kafka import topics
from trackrev_stream.eventlog.kafka.cluster import Cluster

_SESSION_MS = 6_000  # a repair that was killed is a member for so long
_PATIENCE_S = 15.0
_LOOK_AGAIN_S = 0.2


class AnotherRepair(Unavailable):
    """Somebody else repairs just now."""


@asynccontextmanager
async def alone(cluster: Cluster, group: str, topic: str) -> AsyncIterator[None]:
    """Be the only one who repairs; ``topic`` is one that stays. Raises AnotherRepair, ClusterUnavailable."""
    own = f"{group}-repair"
    consumer = AIOKafkaConsumer(
        topic, **cluster.options, group_id=own, enable_auto_commit=False, session_timeout_ms=_SESSION_MS
    )
    try:
        await _wait_for(cluster, own, 0)
        await consumer.start()
        await _wait_for(cluster, own, 1)
        consumer.pause(*consumer.assignment())
        yield
    finally:
        await consumer.stop()


async def _wait_for(cluster: Cluster, group: str, members: int) -> None:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            while await _members(cluster, group) != members:  # noqa: ASYNC110 - a broker does not tell
                await asyncio.sleep(_LOOK_AGAIN_S)
    except TimeoutError as error:
        raise AnotherRepair("another `trackrev topics repair` is at work: wait for it") from error


async def _members(cluster: Cluster, group: str) -> int | None:
    try:
        return await topics.members(cluster, group)
    except KafkaError:
        return None
