"""Who gets which partitions: nobody any, once a topic has other partitions than the tables."""

from collections.abc import Mapping
from typing import Any

from aiokafka.cluster import ClusterMetadata
from faust.assignor import PartitionAssignor

from trackrev_stream.eventlog.kafka.partitions import RUNBOOK
from trackrev_stream.eventlog.kafka.watchdog import end


class SamePartitions(PartitionAssignor):  # type: ignore[misc]  # Faust has no types
    """Ends the worker that would share out partitions that do not belong together; nothing is committed.

    Mends assignor/partition_assignor.py:290: topics are grouped by their number of partitions, and each group
    is shared out by itself. One that grew leaves its group, so an agent's input may go to another worker than
    its table: that worker finds no rows, and writes its own over those of the owner in the changelog. It is
    the sure one of two guards: `topics_watch` mostly sees it first.
    """

    def _perform_assignment(
        self, cluster: ClusterMetadata, member_metadata: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        wanted = self.app.conf.topic_partitions
        names = sorted({topic for member in member_metadata.values() for topic in member.subscription})
        counts = {name: len(cluster.partitions_for_topic(name) or ()) for name in names}
        wrong = [f"{name} has {count}" for name, count in counts.items() if count not in (0, wanted)]
        if wrong:
            end(
                f"{', '.join(wrong)} partitions, and each topic shall have {wanted}: this worker ends here, "
                f"before anything is lost; see `trackrev topics check` ({RUNBOOK})"
            )
        assigned: Mapping[str, Any] = super()._perform_assignment(cluster, member_metadata)
        return assigned
