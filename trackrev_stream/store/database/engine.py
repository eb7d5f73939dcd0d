"""The database: opened from a URL, one thread that writes, a few that read, behind an async face."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from trackrev_stream.store.database import postgresql, sqlite
from trackrev_stream.store.database.dialect import READERS, Database
from trackrev_stream.store.database.errors import StoreError
from trackrev_stream.store.database.migrate import migrate

MOST_TRIES = 10

T = TypeVar("T")

_KINDS = "use sqlite:///file or postgresql://user:password@host:port/db"


class Store:
    """An open database. Functions given to it run in one transaction each, on a thread of the store.

    They change nothing but the database, for one that was in another's way is run again.
    """

    def __init__(self, url: str, database: Database) -> None:
        self.url = url
        self._database = database
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="store-writer")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")

    @classmethod
    def open(cls, url: str) -> "Store":
        """Open the database at ``url``, ``sqlite:///file`` or ``postgresql://user:password@host:port/db``.

        Its schema is made, or brought up to date; a file is created with mode 600 where there is none.
        Raises StoreError for a URL that names no such database, for one that cannot be opened, and for a
        database of a newer program. No message holds the password. Blocks.
        """
        database = _find(url)
        try:
            migrate(database)
        except DBAPIError as error:
            database.close()
            raise StoreError(f"cannot use the database {database.place}: {error.orig}") from error
        except StoreError:
            database.close()
            raise
        return cls(url, database)

    def write_now(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in a transaction that may write; blocks, for commands."""
        for _ in range(MOST_TRIES - 1):
            try:
                return self._write_once(work)
            except DBAPIError as error:
                if not postgresql.has_collided(error):
                    raise
        return self._write_once(work)

    def read_now(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` on one consistent view of the database; blocks, for commands."""
        with self._database.reading.connect() as connection:
            return work(connection)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in a transaction on the thread that writes; what it raises rolls it back."""
        return await asyncio.get_running_loop().run_in_executor(self._writer, self.write_now, work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run ``work`` on one consistent view of the database, on a thread that reads."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.read_now, work)

    async def sweep(self) -> None:
        """Let nothing remain in the database's files of what was changed or deleted."""
        sweep = sqlite.sweep if self._database.writing.dialect.name == "sqlite" else postgresql.sweep
        await asyncio.get_running_loop().run_in_executor(self._writer, sweep, self._database.writing)

    def close(self) -> None:
        """Finish what is running and close the database. Blocks."""
        self._writer.shutdown()
        self._readers.shutdown()
        self._database.close()

    def _write_once(self, work: Callable[[Connection], T]) -> T:
        with self._database.writing.begin() as connection:
            return work(connection)


def is_transient(error: BaseException) -> bool:
    """Whether the same transaction may succeed later, with nothing changed in the program."""
    return isinstance(error, DBAPIError) and (sqlite.is_transient(error) or postgresql.is_transient(error))


def _find(url: str) -> Database:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # Nor is the error before shown: what cannot be parsed may be a password.
        shown = "" if "://" in url else f": {url!r}"
        raise StoreError(
            f"TRACKREV_STORE: not a database URL{shown}; {_KINDS}, with special characters as %XX"
        ) from None
    match parsed.get_backend_name():
        case "sqlite":
            return sqlite.find(parsed)
        case "postgresql":
            return postgresql.find(parsed)
    raise StoreError(f"TRACKREV_STORE: no database of the kind {parsed.drivername!r}; {_KINDS}")
