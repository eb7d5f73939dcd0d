"""Rewriting: records of the past are changed in place, or taken out; offsets stay what they were.

Only erasure does this. RocksDB's files hold the old values beside the new until it has written them anew.
"""

import asyncio
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from itertools import islice

import rocksdict

from trackrev_stream.eventlog.embedded import blocks, keys
from trackrev_stream.eventlog.embedded.catalog import Catalog
from trackrev_stream.eventlog.embedded.rocksdb import RocksDatabase
from trackrev_stream.eventlog.records import Record

FIRST_KEY, LAST_KEY = b"\x00", b"\xff"
_BLOCKS_A_STEP = 64

#: What becomes of a record of a topic: the same object where nothing does, None where it goes.
RecordChange = Callable[[str, Record], Record | None]


@dataclass(frozen=True, slots=True)
class Rewriting:
    """Puts records through ``change``.

    Blocks in which ``mentioned`` finds nothing are passed over, but for topics that are ``opaque`` to it.
    """

    db: RocksDatabase
    catalog: Catalog
    change: RecordChange
    mentioned: re.Pattern[bytes]
    opaque: Collection[str]

    async def run(self, topic: str, number: int, offset: int) -> int:
        """Rewrite one partition from ``offset`` on; returns how many records were changed or taken out.

        Raises LogUnavailable, LogCorrupt; may then be run again.
        """
        place, changed = self.catalog.partition(topic, number), 0
        at = max(offset, place.start)
        while at < place.high:
            # A scan begins at the block before, where compaction left a gap.
            step = list(islice(self.db.scan(place.prefix, place.block_key(at)), _BLOCKS_A_STEP))
            ends = [blocks.span(keys.base_of(key), block).end for key, block in step]
            changed += sum(self._rewrite(topic, key, block) for key, block in step)
            at = ends[-1] if ends and ends[-1] > at else place.high
            await asyncio.sleep(0)
        return changed

    def _rewrite(self, topic: str, key: bytes, block: bytes) -> int:
        if topic not in self.opaque and not self.mentioned.search(block):
            return 0
        span = blocks.span(keys.base_of(key), block)
        before = blocks.decode_block(span.base, block)
        after = [self.change(topic, record) for record in before]
        changed = sum(new is not old for new, old in zip(after, before, strict=True))
        if changed:
            batch = rocksdict.WriteBatch(raw_mode=True)
            # Even without records a block stays: the last one says how far the partition reaches.
            batch.put(key, blocks.encode_block(span.base, span.end, [record for record in after if record]))
            self.db.write(batch)
        return changed
