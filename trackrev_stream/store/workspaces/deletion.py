"""Deletes a workspace from the database: what that takes away, and the id that nobody may have again.

The log keeps its records until they are too old. What agents still make of them is not written any more
(store.ledger.post): the id stays noted as used up.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, Table, delete, func, insert, select

from trackrev_stream.store.database import poller_schema, waiting_schema
from trackrev_stream.store.database.errors import InvalidSetting
from trackrev_stream.store.database.schema import bump_meta, metadata, workspaces
from trackrev_stream.store.database.workspace_schema import deleted_workspaces
from trackrev_stream.store.workspaces.erased_names import erasures
from trackrev_stream.store.workspaces.require import require_workspace
from trackrev_stream.store.workspaces.settings_version import SETTINGS_VERSION

# Whatever is a workspace's says so in this column; those that others refer to come last.
_TABLES: Sequence[Table] = [
    table
    for table in reversed(metadata.sorted_tables)
    if "workspace" in table.c and table is not deleted_workspaces
]
assert {poller_schema.polls, waiting_schema.waiting_money, erasures} < set(_TABLES), "all are known by now"


def count_rows(connection: Connection, workspace: str) -> dict[str, int]:
    """How many rows of each table are of a workspace; tables without one are left out.

    Raises UnknownWorkspace.
    """
    require_workspace(connection, workspace)
    counts = {
        table.name: connection.execute(
            select(func.count()).select_from(table).where(table.c.workspace == workspace)
        ).scalar_one()
        for table in _TABLES
    }
    return {name: count for name, count in counts.items() if count}


def delete_workspace(connection: Connection, workspace: str, now: int) -> dict[str, int]:
    """Delete all rows of a workspace, for good; how many of each table. Raises InvalidSetting."""
    counts = count_rows(connection, workspace)
    under_way = select(erasures.c.hash).where(erasures.c.workspace == workspace, erasures.c.unfinished != "")
    if connection.execute(under_way).first():
        raise InvalidSetting(
            f"somebody is being erased from {workspace}, and that is not finished: run "
            "`trackrev erase email` to its end first"
        )
    for table in _TABLES:
        connection.execute(delete(table).where(table.c.workspace == workspace))
    connection.execute(delete(workspaces).where(workspaces.c.id == workspace))
    connection.execute(insert(deleted_workspaces).values(workspace=workspace, deleted_at=now))
    bump_meta(connection, SETTINGS_VERSION)
    return counts
