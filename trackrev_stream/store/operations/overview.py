"""What there is of a workspace, for people who look: connections, keys, links, and what came in last."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from trackrev_stream.contracts.choices import Arrival
from trackrev_stream.contracts.ports import StripeConnection, Workspace
from trackrev_stream.store.database.schema import links, workspaces
from trackrev_stream.store.database.sealer import Sealer
from trackrev_stream.store.operations.poller_state import PollProgress, find_progress
from trackrev_stream.store.workspaces.api_keys import list_keys
from trackrev_stream.store.workspaces.last_seen import find_seen
from trackrev_stream.store.workspaces.require import require_workspace
from trackrev_stream.store.workspaces.stripe_connections import find_connections
from trackrev_stream.store.workspaces.workspaces import find_workspace


@dataclass(frozen=True, slots=True)
class Overview:
    """What there is of a workspace. ``polled`` has what is known of reading Stripe, by account.

    Times in milliseconds since the epoch; those of what came in last are exact to the minute.
    """

    workspace: Workspace
    created_at: int
    archived_at: int | None
    connections: tuple[StripeConnection, ...]
    polled: dict[str, PollProgress]
    keys_in_use: int
    links: int
    seen: dict[Arrival, int]


def look_over(connection: Connection, sealer: Sealer, workspace: str, now: int) -> Overview:
    """What there is of this workspace. Raises UnknownWorkspace."""
    require_workspace(connection, workspace)
    found = find_workspace(connection, sealer, workspace)
    assert found is not None, "it was required"
    mine = workspaces.c.id == workspace
    times = connection.execute(select(workspaces.c.created_at, workspaces.c.archived_at).where(mine)).one()
    connections = find_connections(connection, sealer, workspace)
    polled = {one.account: find_progress(connection, one, now) for one in connections if one.api_key}
    counted = select(func.count()).select_from(links).where(links.c.workspace == workspace)
    return Overview(
        workspace=found,
        created_at=times.created_at,
        archived_at=times.archived_at,
        connections=connections,
        polled={account: progress for account, progress in polled.items() if progress is not None},
        keys_in_use=sum(key.revoked_at is None for key in list_keys(connection, workspace)),
        links=connection.execute(counted).scalar_one(),
        seen=find_seen(connection, workspace),
    )


def look_over_all(connection: Connection, sealer: Sealer, now: int, most: int) -> tuple[list[Overview], int]:
    """What there is of the first so many workspaces by id, and how many there are."""
    names = connection.execute(select(workspaces.c.id).order_by(workspaces.c.id)).scalars().all()
    return [look_over(connection, sealer, name, now) for name in names[:most]], len(names)
