"""All topics of a cluster, and what is not as it shall be of those that are the program's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiokafka.errors import KafkaError

from trackrev_stream.eventlog.kafka import topics
from trackrev_stream.eventlog.kafka.cluster import Cluster, ClusterUnavailable
from trackrev_stream.eventlog.kafka.partitions import Partitions, partitions_of
from trackrev_stream.eventlog.kafka.temporary_configs import Config, config_of


@dataclass(frozen=True, slots=True)
class TopicFound:
    """A topic. ``retention_ms`` None keeps for ever; ``wrong`` is what needs doing, if anything does.

    ``partitions`` is 0 where it is not there: the next start makes it.
    """

    name: str
    ours: bool
    partitions: int
    wanted: int | None = None
    replicas: int = 0
    compact: bool = False
    retention_ms: int | None = None
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class TopicsReport:
    """All of them, and the number of partitions of ours."""

    topics: Sequence[TopicFound]
    partitions: Partitions


async def check_topics(cluster: Cluster, specs: Sequence[topics.KafkaTopicSpec], group: str) -> TopicsReport:
    """Look at all topics, and hold them against ``specs``. Raises ClusterUnavailable."""
    wanted = {spec.name: spec for spec in specs}
    try:
        async with topics.admin(cluster) as client:
            known = await topics.known_topics(client)
            configs = {name: await config_of(client, name) for name in sorted(known.keys() & wanted.keys())}
    except (KafkaError, OSError, TimeoutError) as error:
        raise ClusterUnavailable(f"the topics cannot be seen: {error!r}") from error
    partitions = partitions_of(known, specs[0].partitions, group)
    ours = [_ours(spec, known.get(spec.name), configs.get(spec.name, {})) for spec in specs]
    others = [
        TopicFound(name, ours=False, partitions=len(topic["partitions"]), replicas=_replicas(topic))
        for name, topic in sorted(known.items())
        if name not in wanted and not topic["is_internal"]
    ]
    return TopicsReport([*ours, *others], partitions)


def _ours(spec: topics.KafkaTopicSpec, topic: Mapping[str, Any] | None, config: Config) -> TopicFound:
    if topic is None:
        return TopicFound(spec.name, ours=True, partitions=0, wanted=spec.partitions)
    count = len(topic["partitions"])
    policy = config.get("cleanup.policy", "delete")
    retention = int(config.get("retention.ms", topics.BROKERS_RETENTION_MS)) if "delete" in policy else -1
    return TopicFound(
        spec.name,
        ours=True,
        partitions=count,
        wanted=spec.partitions,
        replicas=_replicas(topic),
        compact="compact" in policy,
        retention_ms=None if retention < 0 else retention,
        wrong=_wrong(spec, topic, count, policy),
    )


def _wrong(spec: topics.KafkaTopicSpec, topic: Mapping[str, Any], count: int, policy: str) -> str:
    if count != spec.partitions:
        return f"{count} partitions, not {spec.partitions}"
    leaderless = [str(one["partition"]) for one in topic["partitions"] if one["leader"] < 0]
    if leaderless:
        return f"no leader for {', '.join(leaderless)}"
    if spec.config["cleanup.policy"] == "compact" and policy != "compact":
        return f"cleanup.policy is {policy}: what is still needed goes by its age; set compact"
    if spec.config["cleanup.policy"] == "delete" and "compact" in policy:
        return f"cleanup.policy is {policy}: records go before their time; set delete"
    return ""


def _replicas(topic: Mapping[str, Any]) -> int:
    return min(len(one["replicas"]) for one in topic["partitions"])
