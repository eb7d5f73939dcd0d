"""A Kafka cluster, shared by the processes of an installation."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import faust

from trackrev_stream.clock import Clock
from trackrev_stream.contracts.ports import (
    NOTHING_APPLIED,
    Directory,
    LedgerPositions,
    PositionConflict,
    Publisher,
    Unavailable,
)
from trackrev_stream.contracts.topics import TOPICS
from trackrev_stream.eventlog.faust_patches.app import APP_ID, new_app
from trackrev_stream.eventlog.faust_patches.rocksdb_memory import taken_by_tables
from trackrev_stream.eventlog.faust_patches.runtime import Runtime
from trackrev_stream.eventlog.history import ErasureScope, PausableAgents
from trackrev_stream.eventlog.kafka import topics, transport
from trackrev_stream.eventlog.kafka.assignor import SamePartitions
from trackrev_stream.eventlog.kafka.cluster import Cluster, ClusterUnavailable, cluster_of
from trackrev_stream.eventlog.kafka.partitions import partitions_of
from trackrev_stream.eventlog.kafka.publisher import KafkaPublisher
from trackrev_stream.eventlog.kafka.reader import reading
from trackrev_stream.eventlog.kafka.rewrite import KafkaPast
from trackrev_stream.eventlog.kafka.tables_directory import TablesDirectory
from trackrev_stream.eventlog.kafka.topics_watch import TopicsWatch
from trackrev_stream.eventlog.kafka.watchdog import Watchdog
from trackrev_stream.eventlog.port import (
    POSTED,
    STOP_S,
    Agents,
    Barrier,
    Define,
    Intake,
    Released,
    partitions_differ,
)
from trackrev_stream.eventlog.records import TopicMismatch
from trackrev_stream.eventlog.spool import topics_seen
from trackrev_stream.eventlog.spool.erasure_filter import WithoutErased
from trackrev_stream.eventlog.spool.publishers import Spooling, Straight
from trackrev_stream.eventlog.spool.spool import Spools
from trackrev_stream.settings import Settings, SettingsError

log = logging.getLogger(__name__)

# So long a request waits before its record goes to the spool; who follows a link waits for 2 s at most.
LONGEST_ACK_S = 1.5


class KafkaBroker:
    """A cluster, shared with other processes."""

    exclusive = False

    def __init__(self, settings: Settings, cluster: Cluster, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._tables_since = 0
        self.cluster = cluster
        self._app: faust.App | None = None
        self._away = False
        self._strict = True
        self._watch = TopicsWatch(cluster, settings.partitions, APP_ID)
        allowed = self._watch.refuse_while_paused
        self._publisher = KafkaPublisher(cluster, allowed=allowed)
        self._edge_publisher = KafkaPublisher(cluster, LONGEST_ACK_S, allowed=allowed)
        self.publisher: Publisher = self._publisher

    @classmethod
    async def open(
        cls, settings: Settings, clock: Clock, *, patient: bool = False, agents: bool = True
    ) -> "KafkaBroker":
        """The cluster, with the topics of the registry. Raises SettingsError, ClusterUnavailable.

        One who is ``patient`` does without for a while, where a spool can take what comes and the topics were
        there before. One without ``agents`` goes on where a topic has grown.
        """
        cluster = cluster_of(settings)
        broker = cls(settings, cluster, clock)
        broker._strict = agents
        try:
            await broker._reach()
        except ClusterUnavailable as reason:
            if not (patient and settings.spool_mb and topics_seen.before(settings)):
                raise
            log.warning("what comes waits on the disk until the broker is there: %s", reason)
            broker._away = True
        return broker

    async def _reach(self) -> None:
        """See that the topics are there. Raises SettingsError, ClusterUnavailable."""
        specs = (topics.spec_of(topic, self._settings.partitions) for topic in TOPICS)
        await topics.ensure(self.cluster, specs, self._accept)

    def _accept(self, known: topics.Known) -> None:
        """Raises SettingsError, and ClusterUnavailable while the topics are being repaired."""
        found = partitions_of(known, self._settings.partitions, APP_ID)
        if found.repairs:
            raise ClusterUnavailable(found.trouble())
        if (trouble := found.trouble()) and (self._strict or not found.harmless):
            raise SettingsError(trouble)

    async def intake(self, directory: Directory) -> Intake:
        """With a spool, unless the settings say otherwise."""
        settings = self._settings
        if not settings.spool_mb:
            return Straight(self.publisher)
        if not self._away:
            topics_seen.note_topics(settings)
        spools = Spools(settings.data, settings.partitions, settings.spool_mb << 20, self._clock)
        try:
            spool = await spools.own()
        except TopicMismatch as error:
            raise partitions_differ(settings, error) from error
        broker = self._edge_publisher
        late = WithoutErased(broker, directory)
        return Spooling(broker, self._reach, spools, spool, late=late, away=self._away)

    async def resume(self, positions: LedgerPositions) -> None:
        """Refuse a database that is older than what the group has committed, or in which people go just now.

        Raises PositionConflict, ErasureUnfinished.

        A worker must not set the group's offsets back by itself: others may be at work.
        """
        self._tables_since = await positions.tables_since()
        # In this order: other workers go on meanwhile, and what is committed was in the database before.
        committed = await topics.committed(self.cluster, APP_ID)
        stored = await positions.applied()
        for partition, offset in committed.items():
            wanted = stored.get(partition, NOTHING_APPLIED) + 1
            if partition[0] in POSTED and offset > wanted:
                raise PositionConflict(
                    f"the database holds {partition[0]}/{partition[1]} up to offset {wanted - 1}, but the "
                    f"workers have committed offset {offset}: it is older than the stream. Stop all "
                    f"workers and set the offsets of the group {APP_ID!r} on {', '.join(POSTED)} back to "
                    "those of the table `positions`, plus one (ops/runbooks/backup.md)"
                )

    def agents(self, define: Define, barrier: Barrier, released: Released) -> Agents:
        """Agents that share the partitions with those of other workers."""
        place = TablesDirectory(self._settings.data, self._tables_since)
        guarded = {**transport.SETTINGS, "PartitionAssignor": SamePartitions}
        app = self._app = new_app(self._settings, place.path, **guarded)
        self._watch.agents = True
        over = transport.attach(app, self.cluster)
        over.commit_barriers.append(barrier)
        over.on_revoked.append(released)
        define(app)
        return KafkaAgents(app, self.cluster, self._settings, place, self._accept)

    def chores(self) -> list[Coroutine[Any, Any, None]]:
        """A look at the topics now and then; else brokers keep house themselves."""
        return [self._watch.run()]

    async def newest(self, topic: str, partition: int, beginning: str) -> list[bytes]:
        """As of now. Raises ClusterUnavailable."""
        found: dict[bytes, bytes | None] = {}
        async with reading(self.cluster) as reader:
            async for record in reader.read(topic, partition):
                if record.key and record.key.startswith(beginning.encode()):
                    found[record.key] = record.value
        return [value for value in found.values() if value is not None]

    def erasure_scope(self, positions: LedgerPositions) -> ErasureScope:
        """The cluster. The tables of workers, wherever they are, are forgotten when these start again."""

        async def moved(topic: str, partition: int, goes_on: int) -> None:
            if topic in POSTED:
                await positions.go_on_behind({(topic, partition): goes_on - 1})

        past = KafkaPast(self.cluster, APP_ID, self._clock, moved)
        return ErasureScope(past, self._settings.partitions, forget_tables=lambda: None, apart=True)

    async def caught_up(self) -> None:
        """Raises Unavailable: workers in other processes have partitions too."""
        raise Unavailable(
            "the agents of other workers cannot be waited for: stop them, and look at their lag"
        )

    async def workers(self) -> int:
        """The members of the group. Raises ClusterUnavailable."""
        return await topics.members(self.cluster, APP_ID)

    def lag(self, topic: str) -> int:
        """As far as the partitions are ours."""
        return int(self._app.consumer.lag(topic)) if self._app is not None and self._app.started else 0

    def memory(self) -> dict[str, int]:
        """Of the tables of the partitions that are ours."""
        return {"tables": taken_by_tables(self._app) if self._app is not None else 0}

    async def close(self) -> None:
        """Let go of the connections."""
        await self._publisher.stop()
        await self._edge_publisher.stop()


class KafkaAgents:
    """Runs an app over Kafka, with its changelogs made first and a watchdog beside it."""

    def __init__(
        self,
        app: faust.App,
        cluster: Cluster,
        settings: Settings,
        place: TablesDirectory,
        accept: Callable[[topics.Known], None],
    ) -> None:
        self._app = app
        self._accept = accept
        self._runtime = Runtime(app)
        self._cluster = cluster
        self._settings = settings
        self._place = place
        self._watching: asyncio.Task[None] | None = None

    @property
    def pausable(self) -> PausableAgents | None:
        """None: other workers would take their partitions over."""
        return None

    async def start(self) -> None:
        """Return once the partitions that this worker was given are recovered."""
        names = sorted(self._app.tables.changelog_topics)
        await topics.ensure(
            self._cluster,
            (topics.changelog_spec(name, self._settings.partitions) for name in names),
            self._accept,
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
