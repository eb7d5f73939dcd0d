"""The topics on Kafka: made from what the program declares, never as a side effect of using one."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code
from aiokafka.protocol.commit import OffsetFetchRequest

from trackrev_stream.contracts.topics import Topic
from trackrev_stream.domain.values.days import DAY_MS
from trackrev_stream.eventlog.kafka.cluster import Cluster, ClusterUnavailable
from trackrev_stream.eventlog.kafka.partitions import Partitions, partitions_of
from trackrev_stream.eventlog.records import TopicMismatch

log = logging.getLogger(__name__)

# A tombstone stays for this long, so that a standby that was away for a week-end still sees it.
TOMBSTONE_MS = 7 * DAY_MS
MOST_REPLICAS = 3
BROKERS_RETENTION_MS = 7 * DAY_MS  # of a topic that says nothing of it
_COORDINATOR_TRIES = 150
_COORDINATOR_PAUSE_S = 0.2
# The journeys under a shared address are one record: fifty visitors with all their touches.
LARGEST_RECORD = 16 * 1024 * 1024
_NO_SUCH_GROUP = 69  # aiokafka has no name for it
_VISIBLE_S = 30.0
_LOOK_AGAIN_S = 0.1

Known = dict[str, Any]
"""All topics by name, as `describe_topics` has them."""


@dataclass(frozen=True, slots=True)
class KafkaTopicSpec:
    """A topic as it shall be. ``config`` has Kafka's own names."""

    name: str
    partitions: int
    config: Mapping[str, str] = field(default_factory=dict)


def spec_of(topic: Topic, partitions: int) -> KafkaTopicSpec:
    """The topic of the registry on Kafka."""
    return KafkaTopicSpec(topic.name, partitions, config(topic.retention_ms, compact=topic.compact))


def changelog_spec(name: str, partitions: int) -> KafkaTopicSpec:
    """A changelog: compacted and kept for ever, for it is the table."""
    return KafkaTopicSpec(name, partitions, config(None, compact=True))


def config(retention_ms: int | None, *, compact: bool) -> dict[str, str]:
    """How long a topic keeps its records: Kafka's defaults would drop them after a week."""
    if compact:
        return {"cleanup.policy": "compact", "delete.retention.ms": str(TOMBSTONE_MS)}
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(-1 if retention_ms is None else retention_ms),
        "retention.bytes": "-1",
    }


async def ensure(
    cluster: Cluster, specs: Iterable[KafkaTopicSpec], accept: Callable[[Known], None] | None = None
) -> None:
    """Make the topics that are missing; those that exist keep the configuration that an operator gave them.

    Each has three replicas, or as many as there are brokers. ``accept`` looks first at all topics that there
    are, by their names, and raises where they do not fit. Raises TopicMismatch, ClusterUnavailable.
    """
    wanted = {spec.name: spec for spec in specs}
    async with admin(cluster) as client:
        try:
            known = await known_topics(client)
            accept(known) if accept else _verify(wanted, known)
            missing = [spec for name, spec in wanted.items() if name not in known]
            if missing:
                await create(client, missing)
                # Another process may have been quicker, with other settings.
                known = await known_topics(client, wanted)
                accept(known) if accept else _verify(wanted, known)
        except (KafkaError, TimeoutError) as error:
            raise ClusterUnavailable(f"topics cannot be made on {cluster.servers}: {error!r}") from error


async def partitions(client: AIOKafkaAdminClient, wanted: int, group: str) -> Partitions:
    """How many the program's topics have now. Raises ClusterUnavailable."""
    try:
        return partitions_of(await known_topics(client), wanted, group)
    except (KafkaError, OSError, TimeoutError) as error:
        raise ClusterUnavailable(f"the topics cannot be seen: {error!r}") from error


async def known_topics(client: AIOKafkaAdminClient, awaited: Iterable[str] = ()) -> Known:
    """The topics by name, once all those ``awaited`` can be used: brokers hear of them late."""
    async with asyncio.timeout(_VISIBLE_S):
        while True:
            known = {topic["topic"]: topic for topic in await client.describe_topics()}
            if all(name in known and _is_led(known[name]) for name in awaited):
                return known
            await asyncio.sleep(_LOOK_AGAIN_S)


def _is_led(topic: Any) -> bool:
    return bool(topic["partitions"]) and all(place["leader"] >= 0 for place in topic["partitions"])


def _verify(wanted: Mapping[str, KafkaTopicSpec], known: Mapping[str, Any]) -> None:
    for name, spec in wanted.items():
        if name in known and (found := len(known[name]["partitions"])) != spec.partitions:
            raise TopicMismatch(
                f"{name!r} has {found} partitions and is now declared with {spec.partitions}: set "
                f"TRACKREV_PARTITIONS={found}, for records are found by their partition and cannot move"
            )


async def create(
    client: AIOKafkaAdminClient, specs: Iterable[KafkaTopicSpec], replicas: int | None = None
) -> None:
    """Make topics, with so many replicas, or as many as are safe. Raises KafkaError."""
    replicas = replicas or await usual_replicas(client)
    safe = {
        "min.insync.replicas": str(max(1, replicas - 1)),
        "max.message.bytes": str(LARGEST_RECORD),
    }
    news = [NewTopic(spec.name, spec.partitions, replicas, None, safe | dict(spec.config)) for spec in specs]
    response = await client.create_topics(news)
    for name, code, *reason in response.topic_errors:
        if code not in (0, TopicAlreadyExistsError.errno):
            raise for_code(code)(f"topic {name}: {reason[0] if reason else code}")
        log.info("topic %s is there", name)


async def usual_replicas(client: AIOKafkaAdminClient) -> int:
    """How many replicas a new topic gets. Raises KafkaError."""
    return min(MOST_REPLICAS, len((await client.describe_cluster())["brokers"]))


async def committed(cluster: Cluster, group: str) -> dict[tuple[str, int], int]:
    """The offsets that a group wants next, where it has committed any. Raises ClusterUnavailable."""
    reason: KafkaError | None = None
    async with admin(cluster) as client:
        for _ in range(_COORDINATOR_TRIES):
            try:
                return await committed_by(client, group)
            except KafkaError as error:
                reason = error
                if not error.retriable:
                    break
            # A new cluster makes its coordinator when it is first asked for one; a restarted one loads it.
            await asyncio.sleep(_COORDINATOR_PAUSE_S)
    raise ClusterUnavailable(
        f"the brokers at {cluster.servers} do not say what the group {group!r} has committed: {reason!r}"
    )


async def members(cluster: Cluster, group: str) -> int:
    """How many are at work in a group. Raises ClusterUnavailable, also while the brokers do not know."""
    reason: KafkaError | None = None
    async with admin(cluster) as client:
        for _ in range(_COORDINATOR_TRIES):
            try:
                [response] = await client.describe_consumer_groups([group])
                [(code, _, _, _, _, found, *_)] = response.groups
                if code not in (0, _NO_SUCH_GROUP):
                    raise for_code(code)(f"the group {group}")
            except KafkaError as error:
                reason = error
                if not error.retriable:
                    break
            else:
                return len(found)
            await asyncio.sleep(_COORDINATOR_PAUSE_S)
    raise ClusterUnavailable(f"the group {group!r} cannot be seen: {reason!r}")


async def committed_by(client: AIOKafkaAdminClient, group: str) -> dict[tuple[str, int], int]:
    """The same over an open client. Raises KafkaError, while the group's coordinator loads as well.

    Mends aiokafka/admin/client.py:533: the answer's own error is not looked at there, so while the
    coordinator is still loading, the group seems to have committed nothing.
    """
    coordinator = await client.find_coordinator(group)
    answer = await client._send_request(OffsetFetchRequest(group, None), coordinator)  # noqa: SLF001 - see above
    for code in (answer.error_code, *(code for _, places in answer.topics for *_, code in places)):
        if code:
            raise for_code(code)(f"the offsets of the group {group}")
    return {
        (topic, partition): offset
        for topic, places in answer.topics
        for partition, offset, *_ in places
        if offset >= 0
    }


@asynccontextmanager
async def admin(cluster: Cluster) -> AsyncIterator[AIOKafkaAdminClient]:
    """An administrator's client. Raises ClusterUnavailable when the cluster does not answer."""
    client = AIOKafkaAdminClient(**cluster.options, request_timeout_ms=10_000)
    try:
        await client.start()
    except (KafkaError, OSError) as error:
        await client.close()
        raise ClusterUnavailable(
            f"no Kafka broker answers us at {cluster.servers} ({cluster.security}), see the log: {error}"
        ) from error
    try:
        yield client
    finally:
        await client.close()
