"""Refuses what is asked of a workspace that does not exist."""

from sqlalchemy import Connection, select

from trackrev_stream.store.database.errors import UnknownWorkspace
from trackrev_stream.store.database.schema import workspaces


def require_workspace(connection: Connection, workspace: str) -> None:
    """Raise UnknownWorkspace when there is no such workspace."""
    known = connection.execute(select(workspaces.c.id)).scalars().all()
    if workspace not in known:
        raise UnknownWorkspace(workspace, known)
