"""How a cluster stands, for who looks at it: nothing is made or changed by looking, and nobody waits long."""

import asyncio
from dataclasses import dataclass

from aiokafka.errors import GroupCoordinatorNotAvailableError

from trackrev_stream.contracts.ports import Unavailable
from trackrev_stream.eventlog.faust_patches.app import APP_ID
from trackrev_stream.eventlog.kafka.cluster import Cluster, ClusterUnavailable
from trackrev_stream.eventlog.kafka.partitions import Partitions
from trackrev_stream.eventlog.kafka.topics import admin, members, partitions

DEADLINE_S = 10.0


@dataclass(frozen=True, slots=True)
class ClusterStatus:
    """The topics with their partitions, and how many workers are at work; or why that is not known."""

    partitions: Partitions
    workers: int = 0
    wrong: str = ""


async def look_at(cluster: Cluster, wanted: int, deadline_s: float = DEADLINE_S) -> ClusterStatus:
    """How the cluster stands, where topics shall have so many partitions; within the deadline."""
    unknown = Partitions({}, wanted)
    try:
        async with asyncio.timeout(deadline_s):
            async with admin(cluster) as client:
                found = await partitions(client, wanted, APP_ID)
            workers = await _workers(cluster)
    except TimeoutError:
        wrong = f"no Kafka broker has answered at {cluster.servers} within {deadline_s:g} s"
        return ClusterStatus(unknown, wrong=wrong)
    except (Unavailable, OSError) as error:
        return ClusterStatus(unknown, wrong=str(error))
    return ClusterStatus(found, workers)


async def _workers(cluster: Cluster) -> int:
    """How many are at work; none on a cluster on which nobody ever was. Raises ClusterUnavailable."""
    try:
        return await members(cluster, APP_ID)
    except ClusterUnavailable as error:
        if isinstance(error.__cause__, GroupCoordinatorNotAvailableError):
            return 0
        raise
