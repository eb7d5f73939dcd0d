"""A Kafka cluster, shared by the processes of an installation."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

import faust

from trackrev_stream.brokers.port import APP_ID, POSTED, STOP_S, Agents, Barrier, Define, Released, new_app
from trackrev_stream.contracts.ports import Publisher
from trackrev_stream.contracts.topics import TOPICS
from trackrev_stream.kafka import topics, transport
from trackrev_stream.kafka.connection import Cluster, servers_of
from trackrev_stream.kafka.publisher import KafkaPublisher
from trackrev_stream.kafka.tables_directory import TablesDirectory
from trackrev_stream.kafka.watchdog import Watchdog
from trackrev_stream.settings import Settings
from trackrev_stream.store.engine import Store
from trackrev_stream.store.errors import PositionConflict
from trackrev_stream.store.positions import NOTHING, stored_positions
from trackrev_stream.streaming.runtime import Runtime

log = logging.getLogger(__name__)


class KafkaBroker:
    """A cluster, shared with other processes."""

    def __init__(self, settings: Settings, cluster: Cluster) -> None:
        self._settings = settings
        self._cluster = cluster
        self._app: faust.App | None = None
        self._publisher = KafkaPublisher(cluster)
        self.publisher: Publisher = self._publisher

    @classmethod
    async def open(cls, settings: Settings) -> "KafkaBroker":
        """The cluster, with the topics of the registry. Raises TopicMismatch, ClusterUnavailable."""
        kafka = settings.kafka
        cluster = Cluster(
            servers_of(settings.broker),
            kafka.security,
            kafka.mechanism,
            kafka.username,
            kafka.password,
            kafka.ca_file,
        )
        await topics.ensure(cluster, (topics.spec_of(topic, settings.partitions) for topic in TOPICS))
        return cls(settings, cluster)

    async def resume(self, store: Store) -> None:
        """Refuse a database that is older than what the group has committed. Raises PositionConflict.

        A worker must not set the group's offsets back by itself: others may be at work.
        """
        # In this order: other workers go on meanwhile, and what is committed was in the database before.
        committed = await topics.committed(self._cluster, APP_ID)
        stored = await store.read(stored_positions)
        for partition, offset in committed.items():
            wanted = stored.get(partition, NOTHING) + 1
            if partition[0] in POSTED and offset > wanted:
                raise PositionConflict(
                    f"the database holds {partition[0]}/{partition[1]} up to offset {wanted - 1}, but the "
                    f"workers have committed offset {offset}: it is older than the stream. Stop all "
                    f"workers and set the offsets of the group {APP_ID!r} on {', '.join(POSTED)} back to "
                    "those of the table `positions`, plus one (ops/runbooks/backup.md)"
                )

    def agents(self, define: Define, barrier: Barrier, released: Released) -> Agents:
        """Agents that share the partitions with those of other workers."""
        place = TablesDirectory(self._settings.data)
        app = self._app = new_app(self._settings, place.path, **transport.SETTINGS)
        over = transport.attach(app, self._cluster)
        over.commit_barriers.append(barrier)
        over.on_revoked.append(released)
        define(app)
        return KafkaAgents(app, self._cluster, self._settings, place)

    def chores(self) -> list[Coroutine[Any, Any, None]]:
        """None: brokers keep house themselves."""
        return []

    def lag(self, topic: str) -> int:
        """As far as the partitions are ours."""
        return int(self._app.consumer.lag(topic)) if self._app is not None and self._app.started else 0

    async def close(self) -> None:
        """Let go of the connections."""
        await self._publisher.stop()


class KafkaAgents:
    """Runs an app over Kafka, with its changelogs made first and a watchdog beside it."""

    def __init__(self, app: faust.App, cluster: Cluster, settings: Settings, place: TablesDirectory) -> None:
        self._app = app
        self._runtime = Runtime(app)
        self._cluster = cluster
        self._settings = settings
        self._place = place
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Return once the partitions that this worker was given are recovered."""
        names = sorted(self._app.tables.changelog_topics)
        await topics.ensure(
            self._cluster, (topics.changelog_spec(name, self._settings.partitions) for name in names)
        )
        watchdog = Watchdog(self._app.consumer.progress, self._settings.stuck_s)
        self._watching = asyncio.create_task(watchdog.run())
        await self._runtime.start()

    async def run(self) -> None:
        """Keep them at work."""
        await self._runtime.wait()

    async def stop(self) -> None:
        """Finish and commit; the tables are kept if all of it is done."""
        clean = False
        if self._watching is not None:
            self._watching.cancel()
        try:
            await asyncio.wait_for(self._runtime.stop(), STOP_S)
            clean = self._app.transport.failure is None and not self._app.crashed
        except TimeoutError:
            log.warning(
                "the agents did not stop within %d s; what they had not finished is read again", STOP_S
            )
        finally:
            self._place.close(clean=clean)
