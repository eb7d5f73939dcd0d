"""SQLite: one file, shared with other processes of this machine (the commands write to it meanwhile).

Every transaction that writes takes the lock at its beginning, and waits for it.
"""

import os
import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from trackrev_stream.store.database.dialect import READERS, Database
from trackrev_stream.store.database.errors import StoreError

BUSY_TIMEOUT_MS = 10_000
_LOOK_AGAIN_S = 0.02

# What passes by itself or by making room: busy, locked, I/O error, disk full.
_TRANSIENT = frozenset(
    (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL)
)


def find(url: URL) -> Database:
    """The database in the file of ``url``, created with mode 600 where there is none. Raises StoreError."""
    if not url.database or url.database == ":memory:":
        raise StoreError("the database must be a file, for other processes read it too; use sqlite:///file")
    place = Path(url.database)
    try:
        # Only a new file is opened here: closing any descriptor of a database that this process uses
        # would drop SQLite's locks on it (https://www.sqlite.org/howtocorrupt.html, 2.2).
        if not place.exists():
            os.close(os.open(place, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreError(f"cannot open the database {place}: {error.strerror}") from error
    target = URL.create("sqlite", database=str(place))
    return Database(str(place), _engine(target, writes=True), _engine(target, writes=False))


def sweep(engine: Engine) -> None:
    """Write the file anew and empty the log beside it: pages that are free keep their old contents."""
    raw = engine.raw_connection()
    try:
        cursor = raw.cursor()
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        cursor.close()
    finally:
        raw.close()


def is_transient(error: DBAPIError) -> bool:
    """Whether SQLite may do later what it cannot do now."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    return code is not None and (code & 0xFF) in _TRANSIENT


def _engine(target: URL, *, writes: bool) -> Engine:
    engine = create_engine(
        target,
        pool_size=1 if writes else READERS,
        max_overflow=0 if writes else 1,
        hide_parameters=True,  # errors are logged, and these are about people
    )
    pragmas = [f"busy_timeout = {BUSY_TIMEOUT_MS}"]
    # FULL: what was acknowledged to the log must survive a power cut.
    pragmas += (
        ["journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"] if writes else ["query_only = ON"]
    )

    def connected(raw: Any, _record: Any) -> None:
        raw.isolation_level = None  # the driver begins no transactions of its own
        for pragma in pragmas:
            _set(raw, pragma)

    def begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)
    return engine


def _set(raw: Any, pragma: str) -> None:
    """Set a pragma; the first change to WAL does not heed the busy timeout when processes start together."""
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            raw.execute(f"PRAGMA {pragma}")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode not in _TRANSIENT or time.monotonic() > deadline:
                raise
            time.sleep(_LOOK_AGAIN_S)  # not a guess: nobody tells when the other process is through
        else:
            return
