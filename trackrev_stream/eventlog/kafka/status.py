"""How a cluster stands, for who looks at it: nothing is made or changed by looking, and nobody waits long."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from aiokafka.errors import GroupCoordinatorNotAvailableError

from trackrev_stream.contracts.ports import Unavailable
from trackrev_stream.eventlog.faust_patches.app import APP_ID
from trackrev_stream.eventlog.kafka.cluster import Cluster, ClusterUnavailable
from trackrev_stream.eventlog.kafka.topics import admin, members, partition_counts

DEADLINE_S = 10.0


@dataclass(frozen=True, slots=True)
class ClusterStatus:
    """The topics with their partitions, and how many workers are at work; or why that is not known."""

    wrong: str = ""
    partitions: Mapping[str, int] = field(default_factory=dict)
    workers: int = 0


async def look_at(cluster: Cluster, topics: Iterable[str], deadline_s: float = DEADLINE_S) -> ClusterStatus:
    """How the cluster stands; within the deadline, whatever the brokers do."""
    wanted = set(topics)
    try:
        async with asyncio.timeout(deadline_s):
            async with admin(cluster) as client:
                known = await partition_counts(client)
            workers = await _workers(cluster)
    except TimeoutError:
        return ClusterStatus(f"no Kafka broker has answered at {cluster.servers} within {deadline_s:g} s")
    except (Unavailable, OSError) as error:
        return ClusterStatus(str(error))
    return ClusterStatus("", {name: count for name, count in known.items() if name in wanted}, workers)


async def _workers(cluster: Cluster) -> int:
    """How many are at work; none on a cluster on which nobody ever was. Raises ClusterUnavailable."""
    try:
        return await members(cluster, APP_ID)
    except ClusterUnavailable as error:
        if isinstance(error.__cause__, GroupCoordinatorNotAvailableError):
            return 0
        raise
