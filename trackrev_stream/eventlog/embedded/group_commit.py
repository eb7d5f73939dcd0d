"""Group commit: while one group of writes goes to the disk, the next one gathers.

Writes become durable in the order of their calls, over all topics: a group is one atomic batch, and groups
follow one another. So a crash can only lose the last writes, never one from the middle.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import rocksdict

from trackrev_stream.eventlog.embedded import blocks, keys
from trackrev_stream.eventlog.embedded.catalog import Catalog, PartitionBounds
from trackrev_stream.eventlog.embedded.rocksdb import RocksDatabase
from trackrev_stream.eventlog.records import (
    Append,
    Commit,
    LogStats,
    LogUnavailable,
    NewRecord,
    TopicPartition,
)

# What one turn of the event loop may take, about 5 ms.
_GROUP_BYTES = 1 << 20
_GROUP_RECORDS = 2_000
_T = TypeVar("_T")


class _Write(NamedTuple):
    appends: Sequence[Append]
    commit: Commit | None
    future: asyncio.Future[Any]
    result: Callable[[list[int]], Any]
    records: int
    size: int


@dataclass(slots=True)
class _Group:
    writes: list[_Write]
    bases: list[list[int]]  # of each write, the first offset of each of its appends
    ends: dict[TopicPartition, int]  # the high watermarks once the group is durable
    records: int = 0
    size: int = 0


class GroupCommit:
    """The one writer of the log. `on_durable` is told the new high watermarks."""

    def __init__(
        self, db: RocksDatabase, catalog: Catalog, on_durable: Callable[[dict[TopicPartition, int]], None]
    ) -> None:
        self._db = db
        self._catalog = catalog
        self._on_durable = on_durable
        self._queue: deque[_Write] = deque()
        self._syncing: _Group | None = None
        self._scheduled = False
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="log-sync")
        self._records = self._bytes = self._synced = self._failed = 0

    def write(
        self, appends: Sequence[Append], commit: Commit | None, result: Callable[[list[int]], _T]
    ) -> asyncio.Future[_T]:
        """Queue a write. Once it is durable the future has `result` of the first offsets of its appends.

        Raises TypeError for a record that cannot be stored.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_T] = loop.create_future()
        sizes = [blocks.checked_size(record) for append in appends for record in append.records]
        self._queue.append(_Write(appends, commit, future, result, len(sizes), sum(sizes)))
        if self._syncing is None and not self._scheduled:
            # Not at once: what the rest of this turn of the event loop appends goes into the same group.
            self._scheduled = True
            loop.call_soon(self._next_group)
        return future

    def _next_group(self) -> None:
        self._scheduled = False
        if not self._queue:
            return
        group = _Group([], [], {})
        try:
            if self._db.failed:
                self._recover()
            self._db.write(self._seal(group))
        except Exception as error:  # noqa: BLE001  # whoever waits for the group is told
            self._fail(group, error)
            return
        self._syncing = group
        sync = asyncio.get_running_loop().run_in_executor(self._executor, self._db.sync)
        sync.add_done_callback(lambda done: self._finish(group, done.exception()))

    def _recover(self) -> None:
        self._db.reopen()
        self._catalog.load()
        self._db.failed = False
        # A group whose sync failed may be there after all.
        self._on_durable(self._catalog.highs())

    def _seal(self, group: _Group) -> rocksdict.WriteBatch:
        batch = rocksdict.WriteBatch(raw_mode=True)
        records: dict[TopicPartition, list[NewRecord]] = {}
        while self._queue and group.size < _GROUP_BYTES and group.records < _GROUP_RECORDS:
            write = self._queue.popleft()
            group.writes.append(write)
            group.bases.append([self._place(append, records) for append in write.appends])
            if write.commit is not None:
                self._put_commit(batch, write.commit)
            group.size += write.size
            group.records += write.records
        for (topic, number), added in records.items():
            partition = self._catalog.partition(topic, number)
            for base, block in blocks.pack(partition.high, added):
                batch.put(partition.block_key(base), block)
                self._bytes += len(block)
            group.ends[topic, number] = partition.high + len(added)
        return batch

    def _place(self, append: Append, records: dict[TopicPartition, list[NewRecord]]) -> int:
        partition: PartitionBounds = self._catalog.partition(append.topic, append.partition)
        added = records.setdefault((append.topic, append.partition), [])
        offset = partition.high + len(added)
        added.extend(append.records)
        return offset

    def _put_commit(self, batch: rocksdict.WriteBatch, commit: Commit) -> None:
        for (topic, number), offset in commit.offsets.items():
            partition = self._catalog.partition(topic, number)
            batch.put(keys.commit(commit.group, partition.topic_id, number), keys.number(offset))

    def _finish(self, group: _Group, error: BaseException | None) -> None:
        self._syncing = None
        if error is not None:
            self._fail(group, error)
            return
        for tp, end in group.ends.items():
            self._catalog.partition(*tp).high = end
        for write, bases in zip(group.writes, group.bases, strict=True):
            if write.commit is not None:
                for (topic, number), offset in write.commit.offsets.items():
                    self._catalog.committed[write.commit.group, topic, number] = offset
            if not write.future.done():
                write.future.set_result(write.result(bases))
        self._synced += 1
        self._records += group.records
        self._on_durable(group.ends)
        self._next_group()

    def _fail(self, group: _Group, error: BaseException) -> None:
        # What was called meanwhile fails too: no write may outlive an earlier one that is lost.
        lost = [*group.writes, *self._queue]
        self._queue.clear()
        self._failed += 1
        for write in lost:
            if not write.future.done():
                write.future.set_exception(
                    LogUnavailable(str(error)) if isinstance(error, LogUnavailable) else error
                )

    async def drain(self) -> None:
        """Wait until everything that was called so far is durable or has failed."""
        syncing = self._syncing.writes if self._syncing else []
        pending = [write.future for write in (*syncing, *self._queue) if not write.future.done()]
        if pending:
            await asyncio.wait(pending)

    def stats(self) -> LogStats:
        """Counts since the log was opened."""
        return LogStats(self._records, self._bytes, self._synced, self._failed, len(self._queue))

    def close(self) -> None:
        """Stop the thread; after `drain`."""
        self._executor.shutdown()
