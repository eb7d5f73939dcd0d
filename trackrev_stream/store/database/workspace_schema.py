"""The tables around a workspace: its further domains, what was seen of it last, and those that are gone."""

from sqlalchemy import BigInteger, Column, ForeignKey, Table

from trackrev_stream.store.database.schema import Words, metadata

workspace_domains = Table(
    "workspace_domains",
    metadata,
    Column("workspace", Words, ForeignKey("workspaces.id"), primary_key=True),
    Column("domain", Words, primary_key=True),
    Column("cookie_domain", Words, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
"""The domains of a site beside its first one, which stands with the workspace."""

last_seen = Table(
    "last_seen",
    metadata,
    Column("workspace", Words, primary_key=True),
    Column("what", Words, primary_key=True),  # as store.workspaces.last_seen names it
    Column("seen_at", BigInteger, nullable=False),
)

deleted_workspaces = Table(
    "deleted_workspaces",
    metadata,
    Column("workspace", Words, primary_key=True),
    Column("deleted_at", BigInteger, nullable=False),
)
"""Ids that are used up: the log may still hold what belongs to them, and it must not come back."""


channel_rules = Table(
    "channel_rules",
    metadata,
    Column("workspace", Words, ForeignKey("workspaces.id"), primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    # JSON; every version is kept, for touches name the one that they were classified by.
    Column("rules", Words, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)
