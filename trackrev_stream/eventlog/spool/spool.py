"""The spool: what a collector has acknowledged and its broker has not, on the disk of this machine.

It is an embedded log with the topics that the edge writes to, in a directory that one process has at a time.
Once all of it is delivered, the log goes as a whole: that needs no room, so a disk that is full gets free.
"""

import asyncio
import contextlib
import logging
import shutil
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from pathlib import Path

from trackrev_stream.clock import Clock
from trackrev_stream.contracts.ports import Unavailable
from trackrev_stream.contracts.topics import DEAD_LETTERS, TOPICS
from trackrev_stream.eventlog.embedded.log import Log
from trackrev_stream.eventlog.process_directory import ProcessDirectory, sync_directory
from trackrev_stream.eventlog.records import (
    LogCorrupt,
    LogUnavailable,
    NewRecord,
    Record,
    TopicMismatch,
    TopicPartition,
    TopicSpec,
)
from trackrev_stream.metrics import SPOOL_DAMAGED

log = logging.getLogger(__name__)

NAME = "spool"
GROUP = "broker"
GONE = "delivered"
SPOOLED = (*(topic for topic in TOPICS if topic.producer == "collectors"), DEAD_LETTERS)
OVERHEAD_BYTES = 32  # what a record costs on the disk beside its key and value, about
ROOM_BYTES = 32 << 20  # left free on the disk for RocksDB to work in
MOST_BYTES = 128 * 1024  # at a time, of one partition


class Spool:
    """The records of one place, waiting for the broker; those of a partition come out in their order.

    ``capacity`` bounds the bytes that lie on the disk, with those that are delivered but not yet removed.
    """

    def __init__(self, place: ProcessDirectory, partitions: int, capacity: int, clock: Clock) -> None:
        """Empty until `take_over`."""
        self.capacity = capacity
        self.used = 0
        self.since = 0  # when the oldest record came, in ms since the epoch; 0 without any
        self._place = place
        self._path = place.path / "log"
        self._specs = [TopicSpec(topic.name, partitions) for topic in SPOOLED]
        self._clock = clock
        self._log: Log | None = None
        self._changing = asyncio.Lock()
        self._taking = 0
        self._closed = False
        self._next: dict[TopicPartition, int] = {}
        self._damaged = False  # some of it could not be read: it is kept for people to look at

    def take_over(self) -> None:
        """Find what an earlier process left. Raises TopicMismatch, LogUnavailable."""
        shutil.rmtree(self._place.path / GONE, ignore_errors=True)
        if not self._path.exists():
            return
        try:
            self._open()
        except LogCorrupt as error:
            log.critical("the spool in %s cannot be read: %s", self._path, error)
            SPOOL_DAMAGED.inc()
            self._set_aside()
            return
        self.used = sum(path.stat().st_size for path in self._path.rglob("*"))
        self.since = min((found[0].timestamp for found in self.head(1).values()), default=self._clock())

    @property
    def empty(self) -> bool:
        """Whether nothing is here, not even what is just being put."""
        return self._log is None and not self._taking

    @property
    def waiting(self) -> int:
        """How many records the broker does not have yet, as far as is known."""
        event_log = self._log
        if event_log is None:
            return 0
        return sum(event_log.high_watermark(*place) - offset for place, offset in self._next.items())

    def has_room(self, share: float = 1.0, size: int = 0) -> bool:
        """Whether ``size`` more bytes keep it within this share of its capacity, and fit on the disk."""
        return self.used + size <= share * self.capacity and self._disk_has_room(size)

    async def put(self, topic: str, partition: int, key: bytes | None, value: bytes) -> None:
        """Return once the record is on the disk. Raises Unavailable where there is no room for it."""
        size = len(key or b"") + len(value) + OVERHEAD_BYTES
        if self._closed:
            raise Unavailable("the broker is away, and the collector is stopping")
        if not self.has_room(size=size):
            raise Unavailable("the broker is away, and the spool is full")
        self.used += size
        self._taking += 1
        try:
            event_log = self._log or await self._made()
            await event_log.append(topic, partition, [NewRecord(self._clock(), key, value)])
        except BaseException as error:
            self.used -= size
            if isinstance(error, LogCorrupt):
                raise Unavailable("the broker is away, and the spool is damaged") from error
            raise
        finally:
            self._taking -= 1

    def head(self, most: int) -> dict[TopicPartition, list[Record]]:
        """The next records of each partition that has any, so many of each at most. Raises LogUnavailable."""
        found = {place: self._fetch(place, most) for place in self._next} if self._log else {}
        return {place: records for place, records in found.items() if records}

    async def delivered(self, ends: Mapping[TopicPartition, int]) -> None:
        """The broker has all that lies before these offsets."""
        self._next.update(ends)
        event_log = self._log
        if event_log is None:
            return
        if not self._taking and not self.waiting:
            await self._remove()
        elif self._disk_has_room():
            # For the next start: what is not noted is delivered once more. It also revives a log that failed.
            with contextlib.suppress(LogUnavailable):
                await event_log.commit(GROUP, self._next)

    async def close(self) -> None:
        """Wait for what is being written, and let another process have the place."""
        self._closed = True
        async with self._changing:
            if self._log is not None:
                await self._log.close()
                self._log = None
        self._place.release()

    async def _made(self) -> Log:
        async with self._changing:
            if self._log is None:
                self._open()
                sync_directory(self._place.path)
                self.since = self._clock()
            assert self._log is not None, "just opened"
            return self._log

    def _open(self) -> None:
        event_log = self._log = Log.open(self._path)
        event_log.create_topics(self._specs)
        places = [(spec.name, number) for spec in self._specs for number in range(spec.partitions)]
        self._next = {place: event_log.committed(GROUP, *place) or 0 for place in places}

    def _disk_has_room(self, size: int = 0) -> bool:
        # A write that fails for want of it closes the log, which then cannot even be read.
        return shutil.disk_usage(self._place.path).free >= ROOM_BYTES + size

    async def _remove(self) -> None:
        async with self._changing:
            event_log = self._log
            if event_log is None or self._taking or self.waiting:
                return  # something has come meanwhile
            self._log, self._next, self.used, self.since = None, {}, 0, 0
            await event_log.close()
            if self._damaged:
                self._set_aside()
            else:
                # In one step, for half of a log would look damaged to the next start.
                gone = self._path.rename(self._place.path / GONE)
                await asyncio.to_thread(shutil.rmtree, gone, ignore_errors=True)

    def _set_aside(self) -> None:
        kept = self._path.rename(self._place.path / f"damaged-{self._clock()}")
        self._damaged = False
        log.critical("what could not be read is kept in %s; see ops/runbooks/spool-damaged.md", kept)

    def _fetch(self, place: TopicPartition, most: int) -> list[Record]:
        """What comes next in a partition, past what cannot be read any more."""
        assert self._log is not None, "asked for where there is one"
        first = self._next[place]
        while True:
            try:
                records = self._log.fetch(*place, self._next[place], most, MOST_BYTES)
                break
            except LogCorrupt as error:
                self._damaged, reason = True, error
                self._next[place] += 1
        if lost := self._next[place] - first:
            SPOOL_DAMAGED.inc(lost)
            log.critical("%d records of %s/%d in the spool cannot be read: %s", lost, *place, reason)
        return records


@dataclass(frozen=True, slots=True)
class Spools:
    """The spools in a data directory: one for each process that collects, and those of processes gone."""

    data: Path
    partitions: int
    capacity: int
    clock: Clock

    async def own(self) -> Spool:
        """One for this process, with what is in it already. Raises TopicMismatch, LogUnavailable, OSError."""
        return await self._opened(ProcessDirectory.first_free(self.data, NAME))

    async def left(self) -> AsyncGenerator[Spool, None]:
        """Those that no process has, each open until the next one is asked for."""
        for place in ProcessDirectory.abandoned(self.data, NAME):
            try:
                spool = await self._opened(place)
            except (TopicMismatch, LogUnavailable) as error:
                log.error("what waits in %s cannot be delivered now: %s", place.path, error)  # noqa: TRY400 - for people
                continue
            try:
                yield spool
            finally:
                await spool.close()

    async def _opened(self, place: ProcessDirectory) -> Spool:
        spool = Spool(place, self.partitions, self.capacity, self.clock)
        try:
            spool.take_over()
        except BaseException:
            await spool.close()
            raise
        return spool
