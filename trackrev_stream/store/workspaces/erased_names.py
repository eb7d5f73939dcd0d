"""What was erased from a workspace: keyed hashes, so that the edge knows again whom nobody may know."""

from sqlalchemy import BigInteger, Column, Connection, ForeignKey, Table, select

from trackrev_stream.store.database.schema import Words, metadata

erasures = Table(
    "erasures",
    metadata,
    Column("hash", Words, primary_key=True),  # of an email key or a visitor id
    Column("workspace", Words, ForeignKey("workspaces.id"), nullable=False, index=True),
    Column("erased_at", BigInteger, nullable=False),
    Column("unfinished", Words, nullable=False),  # sealed
)


def erased_at(connection: Connection, workspace: str, number: str) -> int | None:
    """When the name of this hash was erased from a workspace, or None."""
    asked = select(erasures.c.erased_at).where(erasures.c.workspace == workspace, erasures.c.hash == number)
    return connection.execute(asked).scalar()


def erased_in(connection: Connection, workspace: str) -> frozenset[str]:
    """The hashes of all names that were erased from a workspace."""
    asked = select(erasures.c.hash).where(erasures.c.workspace == workspace)
    return frozenset(connection.execute(asked).scalars())
