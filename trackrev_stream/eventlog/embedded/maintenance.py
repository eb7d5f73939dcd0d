"""What the owner of a log does now and then: retention and compaction."""

import asyncio
import logging
import re
from collections.abc import Callable, Collection

import rocksdict

from trackrev_stream.eventlog.embedded import blocks, keys
from trackrev_stream.eventlog.embedded.catalog import Catalog, PartitionBounds
from trackrev_stream.eventlog.embedded.compaction import Compaction, progress
from trackrev_stream.eventlog.embedded.rewrite import FIRST_KEY, LAST_KEY, RecordChange, Rewriting
from trackrev_stream.eventlog.embedded.rocksdb import RocksDatabase
from trackrev_stream.eventlog.records import LogUnavailable

logger = logging.getLogger(__name__)

GRACE_MS = 86_400_000
_MIN_DIRTY = 5_000
_BLOCKS_A_STEP = 64
# In the background, what is being served comes first: compaction takes a tenth of the loop at most.
_REST_S = 0.015


class Maintenance:
    """Retention and compaction over all topics, one at a time."""

    def __init__(self, db: RocksDatabase, catalog: Catalog) -> None:
        self._db = db
        self._catalog = catalog
        self._lock = asyncio.Lock()

    async def run(self, now_ms: Callable[[], int], interval_s: float) -> None:
        """For ever. A disk that is full is met again at the next turn; damage ends it: raises LogCorrupt."""
        while True:
            await asyncio.sleep(interval_s)
            try:
                await self.enforce_retention(now_ms())
                for name, spec in self._catalog.topics().items():
                    for number in range(spec.partitions if spec.compact else 0):
                        if self._worth_compacting(name, number):
                            await self.compact(name, number, now_ms(), GRACE_MS, _REST_S)
            except LogUnavailable as error:
                logger.warning("Maintenance of the log waits: %s", error)

    def _worth_compacting(self, topic: str, number: int) -> bool:
        place = self._catalog.partition(topic, number)
        cleaned, survivors = progress(self._db, place)
        return place.high - cleaned >= max(_MIN_DIRTY, survivors)

    async def compact(
        self, topic: str, partition: int, now_ms: int, grace_ms: int, rest_s: float = 0.0
    ) -> int:
        """Compact one partition, with rests between its steps; returns how many records went."""
        async with self._lock:
            place = self._catalog.partition(topic, partition)
            return await Compaction(self._db, place, now_ms - grace_ms, rest_s).run()

    async def rewrite(
        self, change: RecordChange, mentioned: re.Pattern[bytes], opaque: Collection[str]
    ) -> int:
        """Put every record through ``change``, then what was appended meanwhile, as long as it changes."""
        async with self._lock:
            total, done = 0, dict.fromkeys(self._catalog.highs(), 0)
            while True:
                ends = self._catalog.highs()
                rewriting = Rewriting(self._db, self._catalog, change, mentioned, opaque)
                changed = sum([await rewriting.run(*place, done[place]) for place in ends])
                total, done = total + changed, ends
                if not changed:
                    return total

    async def sweep(self) -> None:
        """Let RocksDB write its files anew, without what was changed or removed."""
        async with self._lock:
            await asyncio.to_thread(self._db.reclaim, FIRST_KEY, LAST_KEY)

    async def enforce_retention(self, now_ms: int) -> int:
        """Remove what is older than its topic keeps; returns how many offsets went."""
        async with self._lock:
            removed = 0
            for name, spec in self._catalog.topics().items():
                if spec.retention_ms is not None:
                    for number in range(spec.partitions):
                        removed += await self._expire(name, number, now_ms - spec.retention_ms)
            return removed

    async def _expire(self, topic: str, number: int, before_ms: int) -> int:
        place = self._catalog.partition(topic, number)
        start = place.start
        while (end := self._expired_end(place, start, before_ms)) > start:
            start = end
            await asyncio.sleep(0)
        place = self._catalog.partition(topic, number)
        removed = start - place.start
        if removed > 0:
            self._cut(place, start)
            # The range is only marked as deleted; its space comes back when RocksDB rewrites it.
            await asyncio.to_thread(self._db.reclaim, place.block_key(0), place.block_key(start))
        return removed

    def _expired_end(self, place: PartitionBounds, start: int, before_ms: int) -> int:
        end, count = start, 0
        for key, block in self._db.scan(place.prefix, place.block_key(start)):
            span = blocks.span(keys.base_of(key), block)
            if span.end <= start:
                continue
            if span.latest_timestamp >= before_ms or span.end > place.high or count >= _BLOCKS_A_STEP:
                break
            end, count = span.end, count + 1
        return end

    def _cut(self, place: PartitionBounds, start: int) -> None:
        batch = rocksdict.WriteBatch(raw_mode=True)
        batch.delete_range(place.block_key(0), place.block_key(start))
        batch.put(keys.start(place.topic_id, place.number), keys.number(start))
        self._db.write(batch)
        place.start = start
