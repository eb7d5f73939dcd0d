"""The memory that RocksDB takes beside Python's: bounded by its options, and told by `/metrics`."""

from typing import Any

import faust

# https://github.com/facebook/rocksdb/wiki/Memory-usage-in-RocksDB: memtables, blocks, indexes and filters.
_PARTS = ("rocksdb.size-all-mem-tables", "rocksdb.block-cache-usage", "rocksdb.estimate-table-readers-mem")


def taken(db: Any) -> int:
    """The bytes that an open database takes."""
    return sum(db.property_int_value(part) or 0 for part in _PARTS)


def taken_by_tables(app: faust.App) -> int:
    """The bytes that the open databases of an app's tables take."""
    open_ones = [db for table in app.tables.values() for db in table.data._dbs.values()]  # noqa: SLF001 - Faust hands them out nowhere
    return sum(taken(db) for db in open_ones)
