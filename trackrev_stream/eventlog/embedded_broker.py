"""The log in the data directory, for one process with everything in it."""

import asyncio
import shutil
from collections.abc import Coroutine
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from trackrev_stream.clock import Clock
from trackrev_stream.contracts.ports import Directory, LedgerPositions, Publisher
from trackrev_stream.contracts.topics import TOPICS
from trackrev_stream.eventlog.embedded.catch_up import caught_up
from trackrev_stream.eventlog.embedded.log import Log
from trackrev_stream.eventlog.embedded.publisher import EmbeddedPublisher
from trackrev_stream.eventlog.embedded.resume import resume
from trackrev_stream.eventlog.embedded.supervisor import Supervisor
from trackrev_stream.eventlog.faust_patches.app import APP_ID, new_app
from trackrev_stream.eventlog.faust_patches.rocksdb_memory import taken_by_tables
from trackrev_stream.eventlog.faust_patches.runtime import Runtime
from trackrev_stream.eventlog.history import ErasureScope
from trackrev_stream.eventlog.port import POSTED, Barrier, Define, Intake, Released
from trackrev_stream.eventlog.records import TopicSpec
from trackrev_stream.eventlog.spool.publishers import Straight
from trackrev_stream.settings import Settings


class EmbeddedBroker:
    """The log of this process alone."""

    exclusive = True

    def __init__(self, settings: Settings, clock: Clock, event_log: Log) -> None:
        self._settings = settings
        self._clock = clock
        self.log = event_log
        self.publisher: Publisher = EmbeddedPublisher(event_log, clock)
        self._supervisor: Supervisor | None = None

    @classmethod
    async def open(cls, settings: Settings, clock: Clock) -> "EmbeddedBroker":
        """The log with its topics. Raises LogBusy, LogCorrupt, LogUnavailable, TopicMismatch."""
        event_log = Log.open(Path(urlsplit(settings.broker).path))
        number = settings.partitions
        try:
            event_log.create_topics(TopicSpec(t.name, number, t.retention_ms, t.compact) for t in TOPICS)
        except BaseException:
            await event_log.close()
            raise
        return cls(settings, clock, event_log)

    async def intake(self, directory: Directory) -> Intake:
        """The log is on this disk: there is no other that could stand in for it."""
        del directory
        return Straight(self.publisher)

    async def resume(self, positions: LedgerPositions) -> None:
        """Set the commits of the writer's topics to what the database holds. Raises PositionConflict."""
        await resume(self.log, positions, APP_ID, POSTED)

    def agents(self, define: Define, barrier: Barrier, released: Released) -> Supervisor:
        """Agents that rest while the disk is full; no partition ever goes to another worker."""
        del released

        def make() -> Runtime:
            app = new_app(self._settings, self._settings.data / "tables")
            app.transport.commit_barriers.append(barrier)
            define(app)
            return Runtime(app)

        self._supervisor = Supervisor(make, self.log)
        return self._supervisor

    def chores(self) -> list[Coroutine[Any, Any, None]]:
        """Retention and compaction."""
        return [self.log.maintain(self._clock)]

    async def newest(self, topic: str, partition: int, beginning: str) -> list[bytes]:
        """As of now; the loop runs between blocks."""
        found: dict[bytes, bytes | None] = {}
        at, end = self.log.start_offset(topic, partition), self.log.high_watermark(topic, partition)
        while at < end and (records := self.log.fetch(topic, partition, at)):
            found |= {r.key: r.value for r in records if r.key and r.key.startswith(beginning.encode())}
            at = records[-1].offset + 1
            await asyncio.sleep(0)
        return [value for value in found.values() if value is not None]

    def erasure_scope(self, positions: LedgerPositions) -> ErasureScope:
        """The log, and the tables in the same data directory."""
        del positions
        tables = self._settings.data / "tables"
        return ErasureScope(
            self.log, self._settings.partitions, partial(shutil.rmtree, tables, ignore_errors=True)
        )

    async def caught_up(self) -> None:
        """Raises Unavailable after a minute."""
        await caught_up(self.log, APP_ID)

    async def workers(self) -> int:
        """None: nobody else can open the log."""
        return 0

    def lag(self, topic: str) -> int:
        """As the log counts."""
        return sum(
            self.log.high_watermark(topic, number) - (self.log.committed(APP_ID, topic, number) or 0)
            for number in range(self.log.topics()[topic].partitions)
        )

    def memory(self) -> dict[str, int]:
        """Of the log, and of the tables."""
        tables = taken_by_tables(self._supervisor.app) if self._supervisor is not None else 0
        return {"log": self.log.memory(), "tables": tables}

    async def close(self) -> None:
        """Wait for what is being written."""
        await self.log.close()
