"""How far the workers are behind, and who they are, as the cluster tells it."""

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from trackrev_stream.contracts.topics import TOPICS
from trackrev_stream.eventlog.faust_patches.app import APP_ID, COMMIT_INTERVAL_S
from trackrev_stream.eventlog.kafka.backoff import patient
from trackrev_stream.eventlog.kafka.cluster import Cluster
from trackrev_stream.eventlog.kafka.topics import committed_by

INPUTS = [topic.name for topic in TOPICS]
_LOOK_AGAIN_S = 0.1
_ANSWER_S = 10
_STILL_S = 3 * COMMIT_INTERVAL_S


class Lag:
    """Asks a cluster again and again; it may be away in between."""

    def __init__(self, cluster: Cluster, partitions: int) -> None:
        self._cluster = cluster
        self._places = [TopicPartition(name, n) for name in INPUTS for n in range(partitions)]
        self._consumer: AIOKafkaConsumer | None = None
        self._admin: AIOKafkaAdminClient | None = None

    async def behind(self) -> int | None:
        """How many records are not committed; None while the cluster does not say.

        When it says 0, nothing can follow: what comes of a record is durable before the record is committed,
        so it is among the ends, for they are asked last.
        """
        missing = await self.by_topic()
        return None if missing is None else sum(missing.values())

    async def by_topic(self) -> dict[str, int] | None:
        """As `behind`, topic by topic."""
        try:
            async with asyncio.timeout(_ANSWER_S):
                consumer, admin = await self._open()
                done = await committed_by(admin, APP_ID)
                ends = await consumer.end_offsets(self._places)
        except (KafkaError, OSError):
            await self.close()
            return None
        missing = dict.fromkeys(INPUTS, 0)
        for tp, end in ends.items():
            missing[tp.topic] += int(end) - done.get((tp.topic, tp.partition), 0)
        return missing

    async def members(self) -> int | None:
        """How many workers share the partitions; None while they are being shared out."""
        try:
            async with asyncio.timeout(_ANSWER_S):
                _, admin = await self._open()
                (answer,) = await admin.describe_consumer_groups([APP_ID])
        except (KafkaError, OSError):
            await self.close()
            return None
        code, _, state, _, _, members, *_ = answer.groups[0]
        return len(members) if code == 0 and state == "Stable" else None

    async def settled(self, patience_s: float = 600) -> None:
        """Return once the workers have committed all that there is to read. Raises TimeoutError."""
        async with asyncio.timeout(patience_s):
            while await self.behind() != 0:  # noqa: ASYNC110 - the broker tells nobody
                await asyncio.sleep(_LOOK_AGAIN_S)

    async def still(self, patience_s: float = 60) -> None:
        """Return once nothing is published or committed any more. Raises TimeoutError."""
        async with asyncio.timeout(patience_s):
            seen: list[int | None] = []
            while len(seen) < _STILL_S / _LOOK_AGAIN_S:
                seen = [*seen, now] if (now := await self.behind()) in seen else [now]
                await asyncio.sleep(_LOOK_AGAIN_S)

    async def shared_by(self, members: int, patience_s: float = 120) -> None:
        """Return once so many workers share the partitions. Raises TimeoutError."""
        async with asyncio.timeout(patience_s):
            while await self.members() != members:  # noqa: ASYNC110 - as above
                await asyncio.sleep(_LOOK_AGAIN_S)

    async def _open(self) -> tuple[AIOKafkaConsumer, AIOKafkaAdminClient]:
        if self._consumer is None or self._admin is None:
            self._consumer = AIOKafkaConsumer(**self._cluster.options)
            self._admin = AIOKafkaAdminClient(**self._cluster.options)
            patient(self._consumer._client)  # noqa: SLF001 - aiokafka hands it out nowhere
            await self._consumer.start()
            await self._admin.start()
        return self._consumer, self._admin

    async def close(self) -> None:
        """Let go of the connections; they are made anew when they are needed."""
        consumer, self._consumer = self._consumer, None
        admin, self._admin = self._admin, None
        if consumer is not None and admin is not None:
            await consumer.stop()
            await admin.close()
