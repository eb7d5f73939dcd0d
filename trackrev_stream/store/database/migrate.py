"""Brings the schema of a database up to date, once, however many processes start at the same time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, inspect

from trackrev_stream.store.database import postgresql
from trackrev_stream.store.database.engines import Database
from trackrev_stream.store.database.errors import StoreError
from trackrev_stream.store.database.schema import SCHEMA_VERSION, meta, read_meta, upsert

SCRIPTS = Path(__file__).parent / "migrations"
FIRST = "0001"  # what was there before there were migrations

_one_thread = threading.Lock()  # Alembic keeps the migration at hand in global variables


def migrate(database: Database) -> None:
    """Create or change the tables as this program wants them, in one transaction: all of it or nothing.

    Raises StoreError for a database of a newer program, DBAPIError when the database fails.
    """
    with _one_thread, _locked(database) as connection:
        tables = inspect(connection).get_table_names()
        found = (read_meta(connection, "schema_version") if "meta" in tables else None) or 0
        if found > SCHEMA_VERSION:
            raise StoreError(
                f"the database {database.place} has schema version {found}, this program knows "
                f"{SCHEMA_VERSION}: it was written by a newer trackrev-stream; run that one, or give "
                "this one another database"
            )
        adopted = "alembic_version" in tables
        if found < SCHEMA_VERSION or not adopted:
            _upgrade(connection, stamp=found > 0 and not adopted)
            # Programs from before there were migrations look here, and refuse what is newer than they.
            upsert(connection, meta, [{"name": "schema_version", "value": SCHEMA_VERSION}])


@contextmanager
def _locked(database: Database) -> Iterator[Connection]:
    """A transaction that no other process migrates in meanwhile; on SQLite every one that writes is."""
    if database.writing.dialect.name == "sqlite":
        with database.writing.begin() as connection:
            yield connection
        return
    # Who waited for the lock must see what was done before it was free.
    with database.writing.execution_options(isolation_level="READ COMMITTED").begin() as connection:
        postgresql.check_encoding(connection)
        postgresql.lock_for_migration(connection)
        yield connection


def _upgrade(connection: Connection, *, stamp: bool) -> None:
    # Not at the top: only a database that is behind pays for these imports.
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    if stamp:
        command.stamp(config, FIRST)
    command.upgrade(config, f"{SCHEMA_VERSION:04}")
