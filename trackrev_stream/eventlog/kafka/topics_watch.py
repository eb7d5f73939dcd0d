"""A running process looks at its topics: whether one has grown, and whether they are being repaired."""

import asyncio
import contextlib
import logging

from trackrev_stream import metrics
from trackrev_stream.contracts.ports import Unavailable
from trackrev_stream.errors import ForPeople
from trackrev_stream.eventlog.kafka import topics
from trackrev_stream.eventlog.kafka.cluster import Cluster, ClusterUnavailable
from trackrev_stream.eventlog.kafka.partitions import Partitions

log = logging.getLogger(__name__)

LOOK_S = 3.0


class TopicGrew(ForPeople):
    """The agents end here, before partitions are shared out that do not belong together."""


class TopicsWatch:
    """Looks at the topics every few seconds: one question for metadata.

    An agent's process ends where partitions were added (``agents``), with all that it has done committed:
    started again it says what to do. Others go on, for they name the partitions that they write to.
    """

    def __init__(self, cluster: Cluster, partitions: int, group: str) -> None:
        self._cluster = cluster
        self._partitions = partitions
        self._group = group
        self._told = ""
        self.agents = False
        #: Why nothing may be published now, for people; nothing where it may.
        self.paused = ""

    async def run(self) -> None:
        """Look until cancelled. Raises TopicGrew where there are agents."""
        while True:
            # A cluster that is away is noticed by whoever uses it.
            with contextlib.suppress(ClusterUnavailable):
                async with topics.admin(self._cluster) as client:
                    while True:
                        self.look(await topics.partitions(client, self._partitions, self._group))
                        await asyncio.sleep(LOOK_S)
            await asyncio.sleep(LOOK_S)

    def look(self, found: Partitions) -> None:
        """Take note of what there is. Raises TopicGrew where there are agents."""
        trouble = found.trouble()
        self.paused = f"topics are being made anew: {trouble}" if found.repairs else ""
        metrics.TOPICS_GROWN.set(len(found.grown) + len(found.short))
        if trouble != self._told:
            self._told = trouble
            log.error("%s", trouble) if trouble else log.warning("the topics are as they should be again")
        if trouble and self.agents:
            raise TopicGrew(f"the agents end here, before anything is lost: {trouble}")

    def refuse_while_paused(self) -> None:
        """Raises Unavailable while nothing may be published."""
        if self.paused:
            raise Unavailable(self.paused)
