"""PostgreSQL: connections that outlive restarts of the server, transactions that see one state of it.

Transactions are REPEATABLE READ: one that would write over what another has written meanwhile fails instead,
and is run again. So commands and several writers need no locks of their own, as on SQLite, where one
transaction writes at a time.
"""

from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from trackrev_stream.store.database.engines import READERS, Database
from trackrev_stream.store.database.errors import StoreError

READ_TIMEOUT_MS = 30_000
WRITE_TIMEOUT_MS = 60_000
LOCK_TIMEOUT_MS = 10_000
# A transaction whose client is gone or stuck must not hold its locks for ever.
IDLE_TIMEOUT_MS = 60_000

# Keys of advisory locks, for the whole database.
_MIGRATING = 0x7472_6D69
_APPENDING = 0x7472_6170

# A server that fell silent is noticed within about a minute, waiting for an answer or not.
_TCP = {
    "connect_timeout": 10,
    "keepalives_idle": 20,
    "keepalives_interval": 10,
    "keepalives_count": 4,
    "tcp_user_timeout": 60_000,
}

# Classes and codes of https://www.postgresql.org/docs/current/errcodes-appendix.html
_TRANSIENT_CLASSES = (
    "08",  # the connection
    "40",  # rolled back: serialization failure, deadlock
    "53",  # resources: disk full, too many connections
    "58",  # the surroundings of the server: I/O errors
)
_TRANSIENT = frozenset(
    (
        "25006",  # read only: it became a standby, or its disk is nearly full
        "25P03",  # idle in a transaction for too long: this process was stopped for a while
        "55P03",  # a lock was not to be had in time
        "57014",  # canceled: it took too long
        "57P01",  # shutting down
        "57P02",  # crashed
        "57P03",  # starting up
        "57P05",  # idle for too long
    )
)
# The transaction did not see what another has just written. Run again, it does: a unique violation that was
# no mistake of the program is gone then.
_COLLIDED = frozenset(("40001", "40P01", "23505"))


def find(url: URL) -> Database:
    """The database at ``url``; nothing is connected yet. Raises StoreError."""
    if not url.host and "host" not in url.query:
        raise StoreError("the database URL names no server; use postgresql://user:password@host:port/db")
    # A password with an @ or / that is not escaped ends up in another part, which would be shown.
    if any("@" in part for part in (url.username or "", url.host or "", url.database or "")):
        raise StoreError(
            "the database URL has an @ where none can be: write special characters of the password as %XX, "
            "such as %40 for @"
        )
    target = url.set(drivername="postgresql+psycopg")
    host = url.host or url.query["host"]
    place = f"{url.database or url.username or ''} at {host}" + (f":{url.port}" if url.port else "")
    return Database(place, _engine(target, writes=True), _engine(target, writes=False))


def sweep(engine: Engine) -> None:
    """Write anew the tables that hold what was changed: dead rows keep their old contents."""
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        for table in ("charges", "visits", "dead_letters", "erasures"):
            connection.exec_driver_sql(f"VACUUM FULL {table}")


def is_transient(error: DBAPIError) -> bool:
    """Whether PostgreSQL may do later what it cannot do now."""
    if error.connection_invalidated:
        return True
    code = _code(error)
    if code is None:  # it did not get as far as an answer: no connection could be made
        return getattr(type(error.orig), "__module__", "").startswith("psycopg") and _operational(error)
    return code.startswith(_TRANSIENT_CLASSES) or code in _TRANSIENT


def has_collided(error: DBAPIError) -> bool:
    """Whether the transaction was in the way of another, and can be run again at once."""
    return _code(error) in _COLLIDED


def lock_for_migration(connection: Connection) -> None:
    """Wait, however long, until no other process migrates; until the end of the transaction."""
    connection.execute(text("SET LOCAL statement_timeout = 0"))
    connection.execute(text("SET LOCAL lock_timeout = 0"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATING})


def lock_for_appending(connection: Connection) -> None:
    """Let no other transaction append entries until this one has ended.

    Sequences count when they are asked, not when their transaction commits: without it a reader who pages
    through the ledger could pass entries that become visible behind it.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _APPENDING})


def check_encoding(connection: Connection) -> None:
    """Raise StoreError for a database that cannot hold what we write."""
    encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
    if encoding != "UTF8":
        raise StoreError(
            f"the database has the encoding {encoding}, which cannot hold every text; create it with "
            "CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0"
        )


def _code(error: DBAPIError) -> str | None:
    code: str | None = getattr(error.orig, "sqlstate", None)
    return code


def _operational(error: DBAPIError) -> bool:
    return any(kind.__name__ == "OperationalError" for kind in type(error.orig).__mro__)


def _engine(target: URL, *, writes: bool) -> Engine:
    engine = create_engine(
        target,
        connect_args={"application_name": "trackrev", "client_encoding": "utf8", **_TCP, **target.query},
        pool_size=1 if writes else READERS,
        max_overflow=0 if writes else 1,
        pool_pre_ping=True,  # after a restart of the server the next transaction finds a new connection
        isolation_level="REPEATABLE READ",
        hide_parameters=True,  # errors are logged, and these are about people
    )
    timeouts = {
        "statement_timeout": WRITE_TIMEOUT_MS if writes else READ_TIMEOUT_MS,
        "lock_timeout": LOCK_TIMEOUT_MS,
        "idle_in_transaction_session_timeout": IDLE_TIMEOUT_MS,
    }
    settings = [f"set_config('{name}', '{value}', false)" for name, value in timeouts.items()]

    def connected(raw: Any, _record: Any) -> None:
        raw.autocommit = True
        raw.execute(f"SELECT {', '.join(settings)}")
        # What was acknowledged to the log must survive a power cut, whatever the server's default is.
        raw.execute(
            "SELECT set_config('synchronous_commit', 'on', false) "
            "WHERE current_setting('synchronous_commit') = 'off'"
        )
        raw.autocommit = False

    event.listen(engine, "connect", connected)
    return engine if writes else engine.execution_options(postgresql_readonly=True)
