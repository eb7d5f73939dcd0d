"""What is configured of topics, and how an erasure changes it for a while; topics.py makes them."""

import asyncio
from collections.abc import Mapping

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import for_code

_OF_TOPIC = 1  # the source of what was set for this topic, DYNAMIC_TOPIC_CONFIG
_SETTLED_S = 15.0
_LOOK_AGAIN_S = 0.05
_APPLIED_S = 0.5  # a broker shows a change a moment before its log heeds it
_DELETING = {"retention.ms": "-1", "retention.bytes": "-1"}  # nothing goes by its age or by its size

Config = dict[str, str]


async def config_of(client: AIOKafkaAdminClient, topic: str) -> Config:
    """What is set for this topic itself, but for what `allowing_deletion` left. Raises KafkaError."""
    return _before(await _set_for(client, topic))


def allowing_deletion(config: Mapping[str, str]) -> Config:
    """The same, but records may be deleted of a compacted topic too."""
    if "delete" in config.get("cleanup.policy", "delete"):
        return dict(config)
    return {**config, "cleanup.policy": "compact,delete", **_DELETING}


def begins_segments(config: Mapping[str, str]) -> Config:
    """The same, but a record that is younger than the last one begins a new segment."""
    return {**config, "segment.ms": "1"}


async def set_configs(client: AIOKafkaAdminClient, configs: Mapping[str, Config]) -> None:
    """Set all that is set for these topics, and wait until it holds. Raises KafkaError, TimeoutError."""
    wanted = [ConfigResource(ConfigResourceType.TOPIC, topic, config) for topic, config in configs.items()]
    for response in await client.alter_configs(wanted):
        for code, message, _, topic in response.resources:
            if code:
                raise for_code(code)(f"the configuration of {topic}: {message}")
    async with asyncio.timeout(_SETTLED_S):
        for topic, config in configs.items():
            while await _set_for(client, topic) != config:  # noqa: ASYNC110 - a broker does not tell
                await asyncio.sleep(_LOOK_AGAIN_S)
    await asyncio.sleep(_APPLIED_S)


def _before(config: Config) -> Config:
    """What was set before somebody broke off in between."""
    kept = {name: value for name, value in config.items() if (name, value) != ("segment.ms", "1")}
    policy = kept.get("cleanup.policy", "")
    if policy == "compact,delete" and _DELETING.items() <= kept.items():
        kept = {name: value for name, value in kept.items() if name not in _DELETING}
        kept["cleanup.policy"] = "compact"
    return kept


async def _set_for(client: AIOKafkaAdminClient, topic: str) -> Config:
    [response] = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    [(code, message, _, _, entries)] = response.resources
    if code:
        raise for_code(code)(f"the configuration of {topic}: {message}")
    return {name: value for name, value, _, source, *_ in entries if source == _OF_TOPIC}
