"""Topics as the registry declares them, credentials, and what people are told when something does not fit."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import GroupLoadInProgressError
from aiokafka.protocol.commit import OffsetFetchRequest

from trackrev_stream.contracts.topics import TOPICS
from trackrev_stream.eventlog.kafka.cluster import Cluster, ClusterUnavailable
from trackrev_stream.eventlog.kafka.topics import (
    admin,
    changelog_spec,
    committed,
    committed_by,
    ensure,
    spec_of,
)
from trackrev_stream.eventlog.records import TopicMismatch


def test_topics_are_made_as_declared_once(cluster: Cluster) -> None:
    async def scenario() -> None:
        declared = [replace(topic, name=f"declared.{topic.name}") for topic in TOPICS]
        specs = [*(spec_of(topic, 3) for topic in declared), changelog_spec("declared.changelog", 3)]
        await ensure(cluster, specs)
        await ensure(cluster, specs)
        async with admin(cluster) as client:
            known = {topic["topic"]: topic for topic in await client.describe_topics()}
            for spec in specs:
                assert len(known[spec.name]["partitions"]) == 3
                found = await configured(client, spec.name)
                assert {name: found[name] for name in spec.config} == dict(spec.config)

    asyncio.run(scenario())


async def configured(client: object, name: str) -> dict[str, str]:
    (response,) = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])  # type: ignore[attr-defined]  # aiokafka has no types
    return {entry[0]: entry[1] for entry in response.resources[0][4]}


def test_another_number_of_partitions_is_refused(cluster: Cluster) -> None:
    async def scenario() -> None:
        await ensure(cluster, [changelog_spec("refused", 3)])
        with pytest.raises(TopicMismatch, match=r"'refused' has 3 partitions .* TRACKREV_PARTITIONS=3"):
            await ensure(cluster, [changelog_spec("refused", 4)])

    asyncio.run(scenario())


def test_a_coordinator_that_still_loads_has_not_committed_nothing(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    loading = [GroupLoadInProgressError.errno] * 3
    send = AIOKafkaAdminClient._send_request

    async def slow(client: Any, request: Any, node: Any = None) -> Any:
        answer = await send(client, request, node)
        if isinstance(request, OffsetFetchRequest) and loading:  # as a broker answers after its restart
            answer.topics, answer.error_code = [], loading.pop()
        return answer

    async def scenario() -> None:
        await ensure(cluster, [changelog_spec("loading", 1)])
        async with AIOKafkaConsumer(
            **cluster.options, group_id="loaders", enable_auto_commit=False
        ) as consumer:
            consumer.assign([place := TopicPartition("loading", 0)])
            await consumer.commit({place: 7})
        monkeypatch.setattr(AIOKafkaAdminClient, "_send_request", slow)
        async with admin(cluster) as client:
            with pytest.raises(GroupLoadInProgressError):
                await committed_by(client, "loaders")
        assert await committed(cluster, "loaders") == {("loading", 0): 7}
        assert not loading

    asyncio.run(scenario())


def test_nobody_at_the_address_is_said(cluster: Cluster) -> None:
    with pytest.raises(ClusterUnavailable, match=r"no Kafka broker answers us at 127.0.0.1:1 "):
        asyncio.run(ensure(Cluster("127.0.0.1:1"), []))
