"""Compaction: of each key only the last record stays.

A pass indexes the keys of the part that is not yet compacted, as far as memory allows, then rewrites all
blocks up to there without the records that were superseded. It works on the event loop in steps of a few
blocks, each one atomic batch: RocksDB's iterators hold Python's global lock, so a thread would not leave
the loop any freer. After a crash the steps done are done and the rest is as it was. Records go in the order
of their offsets, so that a tombstone never goes before what it deletes.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeAlias

import rocksdict

from trackrev_stream.eventlog.embedded import blocks, keys
from trackrev_stream.eventlog.embedded.catalog import PartitionBounds
from trackrev_stream.eventlog.embedded.rocksdb import RocksDatabase
from trackrev_stream.eventlog.records import Record

_MAX_KEYS = 100_000
_BLOCKS_A_STEP = 8

_Block: TypeAlias = tuple[bytes, blocks.Span, list[Record]]


@dataclass(slots=True)
class _Run:
    """Neighbouring blocks that become one."""

    keys: list[bytes] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    base: int = 0
    end: int = 0
    size: int = 0

    def add(self, key: bytes, span: blocks.Span, kept: list[Record]) -> None:
        if not self.keys:
            self.base = span.base
        self.keys.append(key)
        self.records += kept
        self.end = span.end
        self.size += sum(map(blocks.size_of, kept))

    @property
    def full(self) -> bool:
        return len(self.records) >= blocks.MAX_RECORDS or self.size >= blocks.MAX_BYTES

    def batch(self) -> rocksdict.WriteBatch:
        batch = rocksdict.WriteBatch(raw_mode=True)
        for key in self.keys:
            batch.delete(key)
        if self.records:
            batch.put(self.keys[0], blocks.encode_block(self.base, self.end, self.records))
        return batch


class Compaction:
    """One compaction of one partition, up to its newest block, which is left alone.

    ``rest_s`` is the rest between two steps of a millisecond or so, in which others are served.
    """

    def __init__(
        self, db: RocksDatabase, place: PartitionBounds, tombstones_before_ms: int, rest_s: float = 0.0
    ) -> None:
        self._rest_s = rest_s
        self._db = db
        self._place = place
        self._tombstones_before_ms = tombstones_before_ms
        newest = db.last(place.prefix, place.block_key(max(place.high - 1, 0)))
        self._limit = keys.base_of(newest[0]) if newest else place.start
        self._survivors = 0

    async def run(self) -> int:
        """Returns how many records were removed. Raises LogUnavailable, LogCorrupt; may then be run again."""
        position, _ = progress(self._db, self._place)
        removed = 0
        while True:
            latest, position = await self._index(position)
            removed += await self._rewrite(position, latest)
            self._save(position)
            if position >= self._limit:
                return removed

    def _blocks(self, position: int, limit: int) -> Iterator[_Block]:
        for key, block in self._db.scan(self._place.prefix, self._place.block_key(position)):
            base = keys.base_of(key)
            if base >= limit:
                return
            span = blocks.span(base, block)
            if span.end > position:
                yield key, span, blocks.decode_block(base, block)

    async def _walk(self, position: int, limit: int) -> AsyncIterator[_Block]:
        while step := list(islice(self._blocks(position, limit), _BLOCKS_A_STEP)):
            for block in step:
                yield block
            position = step[-1][1].end
            await asyncio.sleep(self._rest_s)

    async def _index(self, position: int) -> tuple[dict[bytes, int], int]:
        latest: dict[bytes, int] = {}
        async for _, span, records in self._walk(position, self._limit):
            latest.update((record.key, record.offset) for record in records if record.key is not None)
            if len(latest) >= _MAX_KEYS:
                return latest, span.end
        return latest, self._limit

    async def _rewrite(self, limit: int, latest: dict[bytes, int]) -> int:
        removed, run = 0, _Run()
        self._survivors = 0
        async for key, span, records in self._walk(self._place.start, limit):
            kept = [record for record in records if self._stays(record, latest)]
            removed += len(records) - len(kept)
            self._survivors += len(kept)
            if run.keys or len(kept) < len(records) or len(kept) < blocks.MAX_RECORDS // 2:
                run.add(key, span, kept)
            if run.full:
                self._db.write(run.batch())
                run = _Run()
        if run.keys:
            self._db.write(run.batch())
        return removed

    def _stays(self, record: Record, latest: dict[bytes, int]) -> bool:
        if record.key is None:
            return True
        if latest.get(record.key, record.offset) > record.offset:
            return False
        return record.value is not None or record.timestamp >= self._tombstones_before_ms

    def _save(self, position: int) -> None:
        batch = rocksdict.WriteBatch(raw_mode=True)
        place = self._place
        batch.put(
            keys.cleaned(place.topic_id, place.number), keys.number(position) + keys.number(self._survivors)
        )
        self._db.write(batch)


def progress(db: RocksDatabase, place: PartitionBounds) -> tuple[int, int]:
    """Up to which offset the partition is compacted, and how many records had survived there."""
    stored = db.get(keys.cleaned(place.topic_id, place.number))
    if stored is None:
        return place.start, 0
    return max(place.start, keys.parse_number(stored[:8])), keys.parse_number(stored[8:])
