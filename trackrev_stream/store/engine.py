"""The database: opened from a URL, one thread that writes, a few that read, behind an async face.

Other processes may write to the same file meanwhile (the commands do): every transaction that writes takes
the lock at its beginning, and waits for it.
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError

from trackrev_stream.store.errors import StoreError
from trackrev_stream.store.schema import SCHEMA_VERSION, meta, metadata, read_meta, upsert

BUSY_TIMEOUT_MS = 10_000
READERS = 3

T = TypeVar("T")

# What passes by itself or by making room: busy, locked, I/O error, disk full.
_TRANSIENT = frozenset(
    (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL)
)


class Store:
    """An open database. Functions given to it run in one transaction each, on a thread of the store."""

    def __init__(self, url: str, writing: Engine, reading: Engine) -> None:
        self.url = url
        self._writing = writing
        self._reading = reading
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="store-writer")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")

    @classmethod
    def open(cls, url: str) -> "Store":
        """Open the database at ``url`` (``sqlite:///file``), created with mode 600 where there is none.

        Raises StoreError for a URL that names no such database, for a file that cannot be opened, and for
        a database of a newer program. Blocks.
        """
        place = _sqlite_path(url)
        try:
            # Only a new file is opened here: closing any descriptor of a database that this process uses
            # would drop SQLite's locks on it (https://www.sqlite.org/howtocorrupt.html, 2.2).
            if not place.exists():
                os.close(os.open(place, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise StoreError(f"cannot open the database {place}: {error.strerror}") from error
        target = URL.create("sqlite", database=str(place))
        store = cls(url, _engine(target, writes=True), _engine(target, writes=False))
        try:
            store.write_now(lambda connection: _prepare(connection, str(place)))
        except DatabaseError as error:
            store.close()
            raise StoreError(f"cannot use the database {place}: {error.orig}") from error
        except StoreError:
            store.close()
            raise
        return store

    def write_now(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in a transaction that may write; blocks, for commands."""
        with self._writing.begin() as connection:
            return work(connection)

    def read_now(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` on one consistent view of the database; blocks, for commands."""
        with self._reading.connect() as connection:
            return work(connection)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in a transaction on the thread that writes; what it raises rolls it back."""
        return await asyncio.get_running_loop().run_in_executor(self._writer, self.write_now, work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` on one consistent view of the database, on a thread that reads."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.read_now, work)

    def close(self) -> None:
        """Finish what is running and close the database. Blocks."""
        self._writer.shutdown()
        self._readers.shutdown()
        self._reading.dispose()
        self._writing.dispose()


def is_transient(error: BaseException) -> bool:
    """Whether the same transaction may succeed later, with nothing changed in the program."""
    code = getattr(getattr(error, "orig", None), "sqlite_errorcode", None)
    return isinstance(error, OperationalError) and code is not None and (code & 0xFF) in _TRANSIENT


def _sqlite_path(url: str) -> Path:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise StoreError(f"TRACKREV_STORE: not a database URL: {url!r}; use sqlite:///file") from error
    if parsed.get_backend_name() == "postgresql":
        raise StoreError("PostgreSQL comes with the cluster, which is not built yet; use sqlite:///file")
    if parsed.get_backend_name() != "sqlite":
        raise StoreError(f"TRACKREV_STORE: no database of the kind {parsed.drivername!r}; use sqlite:///file")
    if not parsed.database or parsed.database == ":memory:":
        raise StoreError("the database must be a file, for other processes read it too; use sqlite:///file")
    return Path(parsed.database)


def _engine(target: URL, *, writes: bool) -> Engine:
    engine = create_engine(target, pool_size=1 if writes else READERS, max_overflow=0 if writes else 1)
    pragmas = [f"busy_timeout = {BUSY_TIMEOUT_MS}"]
    # FULL: what was acknowledged to the log must survive a power cut.
    pragmas += (
        ["journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"] if writes else ["query_only = ON"]
    )

    def connected(raw: Any, _record: Any) -> None:
        raw.isolation_level = None  # the driver begins no transactions of its own
        for pragma in pragmas:
            raw.execute(f"PRAGMA {pragma}")

    def begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)
    return engine


def _prepare(connection: Connection, place: str) -> None:
    """Create what is missing; refuse a database of a newer program."""
    metadata.create_all(connection, tables=[meta])
    found = read_meta(connection, "schema_version")
    if found is not None and found > SCHEMA_VERSION:
        raise StoreError(
            f"the database {place} has schema version {found}, this program knows {SCHEMA_VERSION}: "
            "it was written by a newer trackrev-stream; run that one, or give this one another database"
        )
    if found is None:
        metadata.create_all(connection)
        upsert(connection, meta, [{"name": "schema_version", "value": SCHEMA_VERSION}])
