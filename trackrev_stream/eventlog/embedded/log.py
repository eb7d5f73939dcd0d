"""The embedded log: append-only partitioned topics, durable in one RocksDB directory, for one process."""

import asyncio
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from trackrev_stream.eventlog.embedded import blocks, keys
from trackrev_stream.eventlog.embedded.catalog import Catalog
from trackrev_stream.eventlog.embedded.group_commit import GroupCommit
from trackrev_stream.eventlog.embedded.maintenance import Maintenance
from trackrev_stream.eventlog.embedded.rewrite import RecordChange
from trackrev_stream.eventlog.embedded.rocksdb import RocksDatabase
from trackrev_stream.eventlog.records import (
    Append,
    Commit,
    LogStats,
    NewRecord,
    OffsetOutOfRange,
    Record,
    TopicPartition,
    TopicSpec,
)


class Log:
    """A log and its consumer groups' offsets. All methods are called on the event loop's thread.

    A record can be read once it is durable, not before. Offsets rise by one for each record appended;
    compaction leaves gaps.
    """

    _open: ClassVar[dict[Path, "Log"]] = {}

    def __init__(self, path: Path) -> None:
        self.path = path
        self._users = 1
        self._db = RocksDatabase(path)
        self._catalog = Catalog(self._db)
        self._writer = GroupCommit(self._db, self._catalog, self._wake)
        self._maintenance = Maintenance(self._db, self._catalog)
        self._waiting: dict[asyncio.Future[None], Mapping[TopicPartition, int]] = {}

    @classmethod
    def open(cls, path: Path) -> "Log":
        """The log in `path`, made if there is none; the same object for everyone in this process.

        Each `open` wants its `close`. Raises LogBusy if another process has it, LogCorrupt, LogUnavailable.
        """
        path = path.resolve()
        log = cls._open.get(path)
        if log is None:
            log = cls._open[path] = cls(path)
        else:
            log._users += 1
        return log

    async def close(self) -> None:
        """Wait for the writes called so far; the last one to close really closes."""
        self._users -= 1
        await self._writer.drain()
        if self._users == 0:
            self._open.pop(self.path, None)
            self._writer.close()
            self._db.close()

    def create_topics(self, specs: Iterable[TopicSpec]) -> None:
        """Make the topics that do not exist; durable on return.

        An existing topic takes over retention and compaction. Raises TopicMismatch on another number of
        partitions.
        """
        self._catalog.create(specs)

    def topics(self) -> dict[str, TopicSpec]:
        """The topics by name."""
        return self._catalog.topics()

    def append(self, topic: str, partition: int, records: Sequence[NewRecord]) -> asyncio.Future[int]:
        """Append the records, in the order of the calls over all topics.

        The future has the offset of the first one once they are durable, or LogUnavailable: then none of them
        is there, or, if the disk failed late, all of them may be. Raises UnknownTopic at once.
        """
        self._catalog.partition(topic, partition)
        return self._writer.write([Append(topic, partition, records)], None, lambda bases: bases[0])

    def commit(self, group: str, offsets: Mapping[TopicPartition, int]) -> asyncio.Future[None]:
        """Keep for each partition the next offset that the group wants; the future resolves once durable."""
        for topic, number in offsets:
            self._catalog.partition(topic, number)
        return self._writer.write([], Commit(group, dict(offsets)), lambda _: None)

    def write(self, appends: Sequence[Append], commit: Commit | None = None) -> asyncio.Future[list[int]]:
        """Append and commit as one: after a crash all of it is there, or nothing.

        The future has the first offset of each append. Raises UnknownTopic at once.
        """
        for append in appends:
            self._catalog.partition(append.topic, append.partition)
        for topic, number in commit.offsets if commit else ():
            self._catalog.partition(topic, number)
        return self._writer.write(appends, commit, lambda bases: bases)

    def committed(self, group: str, topic: str, partition: int) -> int | None:
        """The next offset that the group wants, None if it never committed."""
        return self._catalog.committed.get((group, topic, partition))

    def start_offset(self, topic: str, partition: int) -> int:
        """The lowest offset that retention has left."""
        return self._catalog.partition(topic, partition).start

    def high_watermark(self, topic: str, partition: int) -> int:
        """The offset after the last durable record."""
        return self._catalog.partition(topic, partition).high

    def fetch(
        self, topic: str, partition: int, offset: int, max_records: int = 500, max_bytes: int = 1 << 20
    ) -> list[Record]:
        """Durable records from `offset` on, skipping what compaction removed; empty at the high watermark.

        At least one record if there is one, however large. Raises OffsetOutOfRange below the start offset or
        beyond the high watermark, LogCorrupt, UnknownTopic.
        """
        place = self._catalog.partition(topic, partition)
        if not place.start <= offset <= place.high:
            raise OffsetOutOfRange(topic, partition, offset, place.start, place.high)
        found: list[Record] = []
        size = 0
        if offset == place.high:
            return found
        for key, block in self._db.scan(place.prefix, place.block_key(offset)):
            base = keys.base_of(key)
            if base >= place.high:
                break
            for record in blocks.decode_block(base, block):
                if record.offset < offset:
                    continue
                size += blocks.size_of(record)
                if found and size > max_bytes:
                    return found
                found.append(record)
                if len(found) >= max_records:
                    return found
        return found

    def arrival(self, positions: Mapping[TopicPartition, int]) -> asyncio.Future[None]:
        """A future that resolves when one of the partitions has a record at or after its position.

        Cancel it, or set it, to stop waiting.
        """
        future = asyncio.get_running_loop().create_future()
        if any(self.high_watermark(*tp) > position for tp, position in positions.items()):
            future.set_result(None)
        else:
            self._waiting[future] = positions
            future.add_done_callback(lambda done: self._waiting.pop(done, None))
        return future

    async def wait_for_data(self, positions: Mapping[TopicPartition, int]) -> None:
        """Return when one of the partitions has a record at or after its position."""
        await self.arrival(positions)

    def _wake(self, ends: dict[TopicPartition, int]) -> None:
        for future, positions in list(self._waiting.items()):
            if not future.done() and any(end > positions.get(tp, end) for tp, end in ends.items()):
                future.set_result(None)

    async def enforce_retention(self, now_ms: int) -> int:
        """Remove what is older than its topic keeps; returns how many offsets were removed.

        Whole blocks, oldest first, and never one with a record younger than the topic's `retention_ms`.
        """
        return await self._maintenance.enforce_retention(now_ms)

    async def compact(self, topic: str, partition: int, now_ms: int, grace_ms: int = 86_400_000) -> int:
        """Keep the last record of each key, and no tombstone older than `grace_ms`; returns how many went.

        The newest block stays as it is. Offsets stay; works in small steps between which the event loop runs.
        """
        return await self._maintenance.compact(topic, partition, now_ms, grace_ms)

    async def search(
        self,
        look: Callable[[str, Record], None],
        mentioned: re.Pattern[bytes],
        names: Collection[str] | None = None,
    ) -> None:
        """Show ``look`` what mentions it, and perhaps some other records; of the topics ``names``, or of all.

        Nobody may rewrite meanwhile.
        """

        def seen(topic: str, record: Record) -> Record:
            if names is None or topic in names:
                look(topic, record)
            return record

        await self._maintenance.rewrite(seen, mentioned, ())

    async def rewrite(
        self, change: RecordChange, mentioned: re.Pattern[bytes], opaque: Collection[str] = ()
    ) -> int:
        """Change records of the past in place, or take them out (see `rewriting`); returns how many.

        Nobody may read meanwhile and rely on what it had read before. The disk forgets with `sweep`.
        """
        return await self._maintenance.rewrite(change, mentioned, opaque)

    async def sweep(self) -> None:
        """Let nothing remain on the disk of what was changed or removed."""
        await self._maintenance.sweep()

    async def maintain(self, now_ms: Callable[[], int], interval_s: float = 60.0) -> None:
        """Retention and compaction for ever, for a background task of the owner."""
        await self._maintenance.run(now_ms, interval_s)

    def stats(self) -> LogStats:
        """Counts since the log was opened."""
        return self._writer.stats()

    def memory(self) -> int:
        """The bytes of memory that its database takes."""
        return self._db.memory()
