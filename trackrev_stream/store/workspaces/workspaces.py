"""Workspaces: made once, with fresh secrets; found by their id."""

import base64
import re
import secrets
from collections import defaultdict
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Row, insert, select

from trackrev_stream.contracts.ports import SiteDomain, Workspace
from trackrev_stream.contracts.times import utc_minute
from trackrev_stream.store.database.errors import InvalidSetting
from trackrev_stream.store.database.schema import bump_meta, workspaces
from trackrev_stream.store.database.sealer import Sealer
from trackrev_stream.store.database.workspace_schema import deleted_workspaces, workspace_domains
from trackrev_stream.store.workspaces.api_keys import add_api_key
from trackrev_stream.store.workspaces.attribution_settings import add_first
from trackrev_stream.store.workspaces.erased_names import erased_in
from trackrev_stream.store.workspaces.settings_version import SETTINGS_VERSION
from trackrev_stream.store.workspaces.site_names import cookie_domain_for, known_time_zone, site_domain

FIRST_KEY = "first"
"""The name of the key that a workspace is made with."""

_SECRETS = ("email_secret", "click_secret", "identify_secret")
_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")


@dataclass(frozen=True, slots=True)
class NewWorkspace:
    """A workspace just made. The API key is shown this once, and empty where none was made."""

    workspace: Workspace
    api_key: str

    def __repr__(self) -> str:
        return f"NewWorkspace({self.workspace!r})"


def create_workspace(
    connection: Connection,
    sealer: Sealer,
    *,
    domain: str,
    now: int,
    workspace: str = "",
    cookie_domain: str | None = None,
    time_zone: str = "UTC",
    with_key: bool = True,
) -> NewWorkspace:
    """Make a workspace for the site ``domain``, with fresh secrets and an API key that reads.

    ``workspace`` is its id, by default ``ws_`` and 12 random characters. ``cookie_domain`` is by default the
    domain with all below it; empty means the host alone. Raises InvalidSetting.
    """
    made = Workspace(
        id=workspace or "ws_" + base64.b32encode(secrets.token_bytes(8)).decode()[:12].lower(),
        domain=site_domain(domain),
        cookie_domain=cookie_domain_for(domain, cookie_domain),
        email_secret=secrets.token_bytes(32),
        click_secret=secrets.token_bytes(32),
        # Site owners keep it in their backend's settings: text, not bytes.
        identify_secret=secrets.token_urlsafe(32).encode(),
        time_zone=known_time_zone(time_zone),
    )
    _check_id(connection, made.id)
    sealed = {name: sealer.seal(getattr(made, name)) for name in _SECRETS}
    plain = {name: getattr(made, name) for name in ("id", "domain", "cookie_domain", "time_zone")}
    connection.execute(insert(workspaces).values(**plain, **sealed, created_at=now))
    add_first(connection, made.id, now)
    bump_meta(connection, SETTINGS_VERSION)
    key = add_api_key(connection, made.id, now, name=FIRST_KEY).text if with_key else ""
    return NewWorkspace(made, key)


def list_workspaces(connection: Connection, sealer: Sealer) -> list[Workspace]:
    """All workspaces by id."""
    rows = connection.execute(select(workspaces).order_by(workspaces.c.id)).all()
    more = _more_domains(connection)
    return [_workspace(row, sealer, more[row.id]) for row in rows]


def find_workspace(connection: Connection, sealer: Sealer, workspace: str) -> Workspace | None:
    """The workspace with this id, or None."""
    row = connection.execute(select(workspaces).where(workspaces.c.id == workspace)).first()
    if row is None:
        return None
    found = _workspace(row, sealer, _more_domains(connection, workspace)[workspace])
    return replace(found, erased=erased_in(connection, workspace))


def is_id_free(connection: Connection, workspace: str) -> bool:
    """Whether a new workspace may have this id: none has it, and none that was deleted had it."""
    taken = select(workspaces.c.id).where(workspaces.c.id == workspace)
    gone = select(deleted_workspaces.c.workspace).where(deleted_workspaces.c.workspace == workspace)
    return bool(_ID.match(workspace)) and connection.execute(taken.union(gone)).first() is None


def _check_id(connection: Connection, workspace: str) -> None:
    if not _ID.match(workspace):
        raise InvalidSetting(f"{workspace!r} is no workspace id: up to 64 letters, digits, '-' and '_'")
    if connection.execute(select(workspaces.c.id).where(workspaces.c.id == workspace)).scalar():
        raise InvalidSetting(f"there is a workspace {workspace!r} already; choose another id")
    gone = select(deleted_workspaces.c.deleted_at).where(deleted_workspaces.c.workspace == workspace)
    if (deleted_at := connection.execute(gone).scalar()) is not None:
        raise InvalidSetting(
            f"workspace {workspace!r} was deleted on {utc_minute(deleted_at)}, and its id is used up: "
            "the log may still hold records of it; choose another id"
        )


def _more_domains(
    connection: Connection, workspace: str | None = None
) -> defaultdict[str, tuple[SiteDomain, ...]]:
    """The further domains of one workspace, or of all, in the order in which they were added."""
    table = workspace_domains
    asked = select(table).order_by(table.c.created_at, table.c.domain)
    if workspace is not None:
        asked = asked.where(table.c.workspace == workspace)
    found: defaultdict[str, tuple[SiteDomain, ...]] = defaultdict(tuple)
    for row in connection.execute(asked):
        found[row.workspace] += (SiteDomain(row.domain, row.cookie_domain),)
    return found


def _workspace(row: Row[tuple[object, ...]], sealer: Sealer, more: tuple[SiteDomain, ...]) -> Workspace:
    return Workspace(
        id=row.id,
        domain=row.domain,
        cookie_domain=row.cookie_domain,
        time_zone=row.time_zone,
        email_secret=sealer.open(row.email_secret),
        click_secret=sealer.open(row.click_secret),
        identify_secret=sealer.open(row.identify_secret),
        more_domains=more,
        archived=row.archived_at is not None,
    )
