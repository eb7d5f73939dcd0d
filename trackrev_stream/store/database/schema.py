"""The tables, in SQL that SQLite and PostgreSQL speak. Money in minor units, times in ms since the epoch.

A new table or column needs a migration in `migrations/versions/` and SCHEMA_VERSION raised by one. The
poller's tables are in `poller_schema.py`. (There is no migration 0005.)
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    insert,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeEngine

SCHEMA_VERSION = 14

metadata = MetaData()


class Words(TypeDecorator[str]):
    """Text that is kept, compared and ordered alike on both databases: byte by byte, without NUL."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        """The order of bytes, whatever the language of the database."""
        return Text(collation="C" if dialect.name == "postgresql" else None)

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """What can be kept of ``value``."""
        return value if value is None else storable(value)


def storable(text: str) -> str:
    """The text as it is kept: PostgreSQL has no NUL, and a campaign's tag may hold one."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _text(name: str, was: str | None = None) -> Column[str]:
    return Column(name, Words, nullable=False, server_default=None if was is None else text(f"'{was}'"))


def _number(name: str, *, null: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=null)


def _line() -> list[Column[Any]]:
    """The fields of domain.ledger.lines.Line behind its id, as lines and entries share them."""
    return [
        _text("reason"),
        _text("channel"),
        _text("source"),
        _text("link"),
        _text("partner"),
        _number("amount_minor"),
        _text("currency"),
        _number("usd_minor", null=True),
        Column("rate", Words),
        Column("rate_date", Words),
        _number("occurred_at"),
    ]


meta = Table("meta", metadata, Column("name", Words, primary_key=True), _number("value"))

workspaces = Table(
    "workspaces",
    metadata,
    Column("id", Words, primary_key=True),
    _text("domain"),
    _text("cookie_domain"),
    _text("time_zone"),
    _number("created_at"),
    _text("email_secret"),  # the three secrets are sealed
    _text("click_secret"),
    _text("identify_secret"),
    _number("archived_at", null=True),
)

attribution_settings = Table(
    "attribution_settings",
    metadata,
    Column("workspace", Words, ForeignKey("workspaces.id"), primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    _number("effective_from"),
    _number("lookback_days"),
    _number("identify_days", null=True),  # without: unlimited
    _text("model"),
    # A word of SQL, which SQLAlchemy does not know SQLite to reserve.
    Column("returning", Words, nullable=False, quote=True),
    _number("created_at"),
    _number("withdrawn_at", null=True),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("key_hash", Words, primary_key=True),  # SHA-256, hexadecimal
    Column("workspace", Words, ForeignKey("workspaces.id"), nullable=False, index=True),
    _number("created_at"),
    *(_text(name, was) for name, was in (("key_id", ""), ("name", ""), ("scope", "read"))),
    *(_number(name, null=True) for name in ("last_used_at", "revoked_at")),
    Index("api_keys_by_id", "key_id", unique=True),
)

links = Table(
    "links",
    metadata,
    Column("slug", Words, primary_key=True),
    Column("workspace", Words, ForeignKey("workspaces.id"), nullable=False, index=True),
    _text("url"),
    _text("channel"),
    _text("partner"),
    _number("version"),
    _number("created_at"),
    _number("archived_at", null=True),
)

stripe_connections = Table(
    "stripe_connections",
    metadata,
    Column("workspace", Words, ForeignKey("workspaces.id"), primary_key=True),
    Column("account", Words, primary_key=True),
    Column("livemode", Boolean, nullable=False),
    _text("api_key"),  # sealed
    _text("webhook_secrets"),  # sealed JSON
    _text("api_base"),
    _number("created_at"),
)

charges = Table(
    "charges",
    metadata,
    Column("key", Words, primary_key=True),
    _text("workspace"),
    _text("account"),
    Column("livemode", Boolean, nullable=False),
    _text("charge"),
    _text("payer"),
    _text("payment"),
    _text("status"),
    _text("reason"),
    _text("currency"),
    _number("gross_minor"),
    _number("net_minor"),
    _number("fee_minor", null=True),
    Column("fee_currency", Words),
    _number("dispute_fee_minor", null=True),  # 0 without disputes, nothing where it is not known
    Column("dispute_fee_currency", Words),
    Column("dispute_unseen", Boolean),  # nothing as long as nobody has asked
    Column("release_unclear", Boolean),  # nothing of what older programs have posted, as of the next
    _number("application_fee_minor", null=True),
    _number("created_at"),
    _number("payment_version"),
    _number("version"),
    _number("rules_version"),
    _number("posted_at"),
    _text("detail"),  # the decision, as contracts.codec encodes it
    Index("charges_by_id", "workspace", "charge", "livemode"),
    Index("charges_by_time", "workspace", "livemode", "created_at"),
)

lines = Table(
    "lines",
    metadata,
    Column("line_id", Words, primary_key=True),
    Column("charge_key", Words, ForeignKey("charges.key"), nullable=False, index=True),
    _text("workspace"),
    Column("livemode", Boolean, nullable=False),
    *_line(),
    _text("entry_id"),  # the entry that posted the line
    Index("lines_by_time", "workspace", "livemode", "occurred_at"),
    Index(
        "lines_without_usd",
        "charge_key",
        sqlite_where=text("usd_minor IS NULL"),
        postgresql_where=text("usd_minor IS NULL"),
    ),
)

entries = Table(
    "entries",
    metadata,
    # SQLite counts in INTEGER keys only, which have 64 bits there.
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("entry_id", Words, nullable=False, unique=True),
    _text("line_id"),
    Column("charge_key", Words, ForeignKey("charges.key"), nullable=False, index=True),
    _text("workspace"),
    Column("livemode", Boolean, nullable=False),
    *_line(),
    Column("retracts", Words),
    _text("cause"),
    _number("posted_at"),
    Index("entries_by_workspace", "workspace", "livemode", "seq"),
    sqlite_autoincrement=True,
)

visits = Table(
    "visits",
    metadata,
    Column("workspace", Words, primary_key=True),
    Column("day", BigInteger, primary_key=True),
    Column("channel", Words, primary_key=True),
    Column("link", Words, primary_key=True),
    Column("visitor", Words, primary_key=True),
    _number("clicks"),
    Column("landed", Boolean, nullable=False),
    _number("version"),
    sqlite_with_rowid=False,  # the key is most of the row: kept once, and read in its order
)

positions = Table(
    "positions",
    metadata,
    Column("topic", Words, primary_key=True),
    Column("partition", BigInteger, primary_key=True),
    _number("offset"),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", Words, primary_key=True),
    *map(
        _text, ("processor", "failure", "message", "payload", "topic")
    ),  # as contracts.dead_letters has them
    *map(_number, ("partition", "offset", "index", "failed_at")),  # of its last failure
    _number("first_failed_at"),
    _number("attempts"),
    _text("status"),
    _number("decided_at", null=True),
    Index("dead_letters_by_status", "status", "failed_at"),
    Index("dead_letters_by_topic", "topic", "failed_at"),
)

fx_rates = Table(
    "fx_rates",
    metadata,
    Column("day", BigInteger, primary_key=True, autoincrement=False),  # since 1970, UTC
    _text("quotes"),  # as domain.ledger.fx reads them
    _number("fetched_at"),
)


def upsert(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, newer_by: str = ""
) -> None:
    """Insert ``rows``, or replace those with the same key; with ``newer_by`` only where that column grows."""
    if not rows:
        return
    statement = _insert(connection, table)
    fresh = {column.name: statement.excluded[column.name] for column in table.c if not column.primary_key}
    where = table.c[newer_by] < statement.excluded[newer_by] if newer_by else None
    connection.execute(
        statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=fresh, where=where),
        [dict(row) for row in rows],
    )


def add_new(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert ``row`` unless its key is there; whether it was inserted."""
    adding = _insert(connection, table).values(dict(row)).on_conflict_do_nothing()
    return connection.execute(adding.returning(*table.primary_key)).first() is not None


def _insert(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def read_meta(connection: Connection, name: str) -> int | None:
    """A number of the installation, or None."""
    return connection.execute(select(meta.c.value).where(meta.c.name == name)).scalar()


def bump_meta(connection: Connection, name: str) -> None:
    """Count up a number of the installation."""
    updated = connection.execute(meta.update().where(meta.c.name == name).values(value=meta.c.value + 1))
    if not updated.rowcount:
        connection.execute(insert(meta).values(name=name, value=1))
