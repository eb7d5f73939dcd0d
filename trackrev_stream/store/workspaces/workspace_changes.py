"""What may change of a workspace: domains, cookie domain and time zone, and whether it takes hits."""

from sqlalchemy import Connection, delete, select, update

from trackrev_stream.store.database.errors import InvalidSetting
from trackrev_stream.store.database.schema import bump_meta, upsert, workspaces
from trackrev_stream.store.database.workspace_schema import workspace_domains
from trackrev_stream.store.workspaces.require import require_workspace
from trackrev_stream.store.workspaces.settings_version import SETTINGS_VERSION
from trackrev_stream.store.workspaces.site_names import cookie_domain_for, known_time_zone, site_domain


def rename_domain(
    connection: Connection, workspace: str, domain: str, now: int, *, drop_old: bool = False
) -> str:
    """Make ``domain`` the first of the site; what was the first stays one of it, unless it is dropped.

    Returns what was the first. Raises InvalidSetting.
    """
    new, (old, old_cookies) = site_domain(domain), _first(connection, workspace)
    if new == old:
        raise InvalidSetting(f"{new} is the first domain of {workspace} already")
    known = _further(connection, workspace)
    # Where the cookie is valid on both, visitors keep it.
    above = old_cookies.lstrip(".")
    kept = old_cookies if above and f".{new}".endswith(f".{above}") else cookie_domain_for(new)
    if new in known:
        kept = known[new]
        _drop(connection, workspace, new)
    _update(connection, workspace, domain=new, cookie_domain=kept)
    if not drop_old:
        _add(connection, workspace, old, old_cookies, now)
    return old


def add_domain(connection: Connection, workspace: str, domain: str, now: int) -> None:
    """Let the site have one more domain; one that it has is left as it is. Raises InvalidSetting."""
    new, (first, _) = site_domain(domain), _first(connection, workspace)
    if new != first and new not in _further(connection, workspace):
        _add(connection, workspace, new, cookie_domain_for(new), now)


def remove_domain(connection: Connection, workspace: str, domain: str) -> None:
    """Take a domain from the site. Raises InvalidSetting."""
    gone, (first, _) = site_domain(domain), _first(connection, workspace)
    if gone == first:
        raise InvalidSetting(
            f"{gone} is the first domain of {workspace}: give it another one instead, with "
            f"trackrev workspace rename-domain {workspace} NEW --drop-old"
        )
    known = _further(connection, workspace)
    if gone not in known:
        raise InvalidSetting(f"{gone} is no domain of {workspace}; it has {', '.join([first, *known])}")
    _drop(connection, workspace, gone)


def set_time_zone(connection: Connection, workspace: str, name: str) -> None:
    """Let the days of reports be of another time zone. Raises InvalidSetting."""
    require_workspace(connection, workspace)
    _update(connection, workspace, time_zone=known_time_zone(name))


def set_cookie_domain(connection: Connection, workspace: str, given: str) -> None:
    """Let the cookie be valid elsewhere on the first domain. Raises InvalidSetting."""
    domain, _ = _first(connection, workspace)
    _update(connection, workspace, cookie_domain=cookie_domain_for(domain, given))


def archive(connection: Connection, workspace: str, at: int | None) -> None:
    """Let a workspace take no more hits from now on, or take them again (None). Raises UnknownWorkspace."""
    require_workspace(connection, workspace)
    _update(connection, workspace, archived_at=at)


def _first(connection: Connection, workspace: str) -> tuple[str, str]:
    require_workspace(connection, workspace)
    wanted = select(workspaces.c.domain, workspaces.c.cookie_domain).where(workspaces.c.id == workspace)
    domain, cookies = connection.execute(wanted).one()
    return domain, cookies


def _further(connection: Connection, workspace: str) -> dict[str, str]:
    """Where the cookie is valid by domain."""
    table = workspace_domains
    asked = select(table.c.domain, table.c.cookie_domain).where(table.c.workspace == workspace)
    return dict(map(tuple, connection.execute(asked)))


def _update(connection: Connection, workspace: str, **values: object) -> None:
    connection.execute(update(workspaces).where(workspaces.c.id == workspace).values(**values))
    bump_meta(connection, SETTINGS_VERSION)


def _add(connection: Connection, workspace: str, domain: str, cookies: str, now: int) -> None:
    row = {"workspace": workspace, "domain": domain, "cookie_domain": cookies, "created_at": now}
    upsert(connection, workspace_domains, [row])
    bump_meta(connection, SETTINGS_VERSION)


def _drop(connection: Connection, workspace: str, domain: str) -> None:
    table = workspace_domains
    connection.execute(delete(table).where(table.c.workspace == workspace, table.c.domain == domain))
    bump_meta(connection, SETTINGS_VERSION)
