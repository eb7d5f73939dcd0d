"""The RocksDB under the log: its options, its errors in our words, its return after a full disk."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import rocksdict

from trackrev_stream.eventlog.faust_patches.rocksdb_memory import taken
from trackrev_stream.eventlog.records import LogBusy, LogCorrupt, LogUnavailable

MEGABYTE = 1 << 20


def _options() -> rocksdict.Options:
    options = rocksdict.Options(raw_mode=True)
    options.create_if_missing(True)
    # A write holds Python's global lock until it is in the memtable, so it must never stall: room for several
    # memtables, and no throttle on young files before there are very many.
    options.set_write_buffer_size(16 * MEGABYTE)
    options.set_max_write_buffer_number(6)
    options.set_level_zero_slowdown_writes_trigger(100)
    options.set_level_zero_stop_writes_trigger(200)
    options.set_compression_type(rocksdict.DBCompressionType.lz4())
    options.set_bottommost_compression_type(rocksdict.DBCompressionType.zstd())
    options.set_max_background_jobs(2)
    options.set_keep_log_file_num(3)
    table = rocksdict.BlockBasedOptions()
    table.set_block_cache(rocksdict.Cache(32 * MEGABYTE))
    options.set_block_based_table_factory(table)
    return options


class RocksDatabase:
    """One open RocksDB directory. Not for use from several threads, except `sync` and `reclaim`."""

    def __init__(self, path: Path) -> None:
        """Open or create. Raises LogBusy, LogCorrupt or LogUnavailable."""
        self._path = path
        #: A write failed: RocksDB takes no more until `reopen`. The log clears it when it has read again.
        self.failed = False
        self._closed = False
        self._reclaiming = threading.Lock()
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LogUnavailable(f"The log's directory {path} cannot be made: {error.strerror}") from error
        self._db: rocksdict.Rdict | None = self._open()

    def _open(self) -> rocksdict.Rdict:
        with self._in_our_words():
            return rocksdict.Rdict(str(self._path), _options())

    @contextlib.contextmanager
    def _in_our_words(self, *, writing: bool = False) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # rocksdict raises nothing more specific
            self.failed = self.failed or writing
            message = str(error)
            if "Corruption" in message:
                raise LogCorrupt(f"The log in {self._path} is damaged: {message}") from error
            if "/LOCK" in message:
                raise LogBusy(self._path) from error
            raise LogUnavailable(f"The log in {self._path} cannot be used: {message}") from error

    def _ready(self) -> rocksdict.Rdict:
        if self._db is None:
            raise LogUnavailable(f"The log in {self._path} is closed")
        return self._db

    def reopen(self) -> None:
        """Open again after a failure. Raises LogUnavailable while the disk still refuses."""
        if not self._closed:
            self._let_go()
            self._db = self._open()
        self._ready()

    def write(self, batch: rocksdict.WriteBatch) -> None:
        """Apply the batch, all of it or nothing; durable after the next `sync`. Raises LogUnavailable."""
        with self._in_our_words(writing=True):
            self._ready().write(batch)

    def sync(self) -> None:
        """Wait until all writes are on the disk; runs without Python's global lock. Raises LogUnavailable."""
        with self._in_our_words(writing=True):
            self._ready().flush_wal(sync=True)

    def memory(self) -> int:
        """The bytes of memory that it takes; 0 when it is closed."""
        return taken(self._db) if self._db is not None else 0

    def get(self, key: bytes) -> bytes | None:
        """The value of a key. Raises LogCorrupt or LogUnavailable."""
        with self._in_our_words():
            value: bytes | None = self._ready().get(key)
            return value

    def scan(self, prefix: bytes, start: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Entries from the last key at or before `start` on, as far as `prefix` reaches; a snapshot.

        Raises LogCorrupt where a damaged part begins.
        """
        cursor = self._ready().iter()
        cursor.seek_for_prev(start)
        if not cursor.valid() or not cursor.key().startswith(prefix):
            cursor.seek(prefix)
        while cursor.valid() and (key := cursor.key()).startswith(prefix):
            yield key, cursor.value()
            cursor.next()
        self._check(cursor)

    def last(self, prefix: bytes, end: bytes) -> tuple[bytes, bytes] | None:
        """The last entry at or before `end` with the prefix. Raises LogCorrupt."""
        cursor = self._ready().iter()
        cursor.seek_for_prev(end)
        self._check(cursor)
        if cursor.valid() and cursor.key().startswith(prefix):
            return cursor.key(), cursor.value()
        return None

    def _check(self, cursor: rocksdict.RdictIter) -> None:
        # An iterator that meets damage ends as if there were no more entries.
        with self._in_our_words():
            cursor.status()

    def reclaim(self, begin: bytes, end: bytes) -> None:
        """Give the space of a deleted range back to the disk; slow, runs without Python's global lock."""
        with self._reclaiming, self._in_our_words():
            self._ready().compact_range(begin, end)

    def close(self) -> None:
        """Close for good; what was written stays."""
        self._closed = True
        self._let_go()

    def _let_go(self) -> None:
        with self._reclaiming:  # RocksDB cannot be closed while it works for us
            db, self._db = self._db, None
            if db is not None:
                # A database that failed says so once more when it is closed.
                with contextlib.suppress(Exception):
                    db.close()
