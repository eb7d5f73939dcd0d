"""The tables of agents: rows are bytes, and what a record changes in them is one write."""

from collections.abc import Mapping, Sequence
from typing import Any

import faust
import rocksdict

from trackrev_stream.eventlog.faust_patches.ordered_sends import Outgoing


class RowTable(faust.Table):  # type: ignore[misc]  # Faust has no types
    """A table in RocksDB with a changelog.

    Mends tables/table.py:83: `table[key] = row` costs a message with a future, two encodings, and two puts,
    the second when its changelog record is delivered (tables/base.py:336); `table.get(key)` asks twice.
    """

    def row(self, partition: int, key: bytes) -> bytes | None:
        """The row of a key."""
        raw: bytes | None = self._rows(partition).get(key)
        return raw

    def write(self, partition: int, rows: Mapping[bytes, bytes]) -> None:
        """Write rows, all or none, and send them to the changelog in their order."""
        if not rows:
            return
        batch = rocksdict.WriteBatch(raw_mode=True)
        for key, row in rows.items():
            batch.put(key, row)
        self._rows(partition).write(batch)
        changelog, producer = self.changelog_topic_name, self.app.producer
        for key, row in rows.items():
            sent = producer.append(Outgoing(changelog, key, row, partition))
        # They are delivered in order, so the last one speaks for all.
        sent.add_done_callback(self._delivered)

    def restore(self, partition: int, records: Sequence[Any]) -> None:
        """Put records of the changelog, and how far they go, all or none."""
        batch = rocksdict.WriteBatch(raw_mode=True)
        for record in records:
            if record.value is None:
                batch.delete(record.key)
            else:
                batch.put(record.key, record.value)
        batch.put(self.data.offset_key, str(records[-1].offset).encode())
        self._rows(partition).write(batch)

    def _delivered(self, sent: Any) -> None:
        if not sent.cancelled() and sent.exception() is None:
            metadata = sent.result()
            self.data.set_persisted_offset(metadata.topic_partition, metadata.offset)

    def _rows(self, partition: int) -> Any:
        return self.data._db_for_partition(partition)  # noqa: SLF001 - Faust hands it out nowhere
