"""Workspaces and their API keys."""

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Connection, Row, insert, select

from trackrev_stream.contracts.ports import Workspace
from trackrev_stream.store.database.errors import InvalidSetting
from trackrev_stream.store.database.schema import api_keys, bump_meta, workspaces
from trackrev_stream.store.database.sealer import Sealer
from trackrev_stream.store.workspaces.attribution_settings import add_first
from trackrev_stream.store.workspaces.erased_names import erased_in
from trackrev_stream.store.workspaces.require import require_workspace

SETTINGS_VERSION = "settings_version"  # counts every change of a setting, so that caches see it

_SECRETS = ("email_secret", "click_secret", "identify_secret")
_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN = re.compile(rf"^{_LABEL}(\.{_LABEL})*$")
_COOKIE_DOMAIN = re.compile(rf"^\.?{_LABEL}(\.{_LABEL})+$")
_IP = re.compile(r"^[0-9.]+$")


@dataclass(frozen=True, slots=True)
class NewWorkspace:
    """A workspace just made. The API key is shown this once: only its hash is kept."""

    workspace: Workspace
    api_key: str


def create_workspace(
    connection: Connection,
    sealer: Sealer,
    *,
    domain: str,
    now: int,
    workspace: str = "",
    cookie_domain: str | None = None,
    time_zone: str = "UTC",
) -> NewWorkspace:
    """Make a workspace for the site ``domain``, with fresh secrets and an API key.

    ``workspace`` is its id, by default ``ws_`` and 12 random characters. ``cookie_domain`` is by default the
    domain with all below it; empty means the host alone. Raises InvalidSetting.
    """
    made = Workspace(
        id=workspace or "ws_" + base64.b32encode(secrets.token_bytes(8)).decode()[:12].lower(),
        domain=_domain(domain),
        cookie_domain=_cookie_domain(domain, cookie_domain),
        email_secret=secrets.token_bytes(32),
        click_secret=secrets.token_bytes(32),
        # Site owners keep it in their backend's settings: text, not bytes.
        identify_secret=secrets.token_urlsafe(32).encode(),
        time_zone=_time_zone(time_zone),
    )
    if not _ID.match(made.id):
        raise InvalidSetting(f"{made.id!r} is no workspace id: up to 64 letters, digits, '-' and '_'")
    if connection.execute(select(workspaces.c.id).where(workspaces.c.id == made.id)).scalar():
        raise InvalidSetting(f"there is a workspace {made.id!r} already; choose another id")
    sealed = {name: sealer.seal(getattr(made, name)) for name in _SECRETS}
    plain = {name: getattr(made, name) for name in ("id", "domain", "cookie_domain", "time_zone")}
    connection.execute(insert(workspaces).values(**plain, **sealed, created_at=now))
    add_first(connection, made.id, now)
    return NewWorkspace(made, add_api_key(connection, made.id, now))


def add_api_key(connection: Connection, workspace: str, now: int) -> str:
    """Make another API key for a workspace and return it, this once. Raises InvalidSetting without one."""
    require_workspace(connection, workspace)
    key = f"trk_{secrets.token_urlsafe(32)}"
    connection.execute(insert(api_keys).values(key_hash=key_hash(key), workspace=workspace, created_at=now))
    bump_meta(connection, SETTINGS_VERSION)
    return key


def list_workspaces(connection: Connection, sealer: Sealer) -> list[Workspace]:
    """All workspaces by id."""
    rows = connection.execute(select(workspaces).order_by(workspaces.c.id))
    return [_workspace(row, sealer) for row in rows]


def find_workspace(connection: Connection, sealer: Sealer, workspace: str) -> Workspace | None:
    """The workspace with this id, or None."""
    row = connection.execute(select(workspaces).where(workspaces.c.id == workspace)).first()
    return replace(_workspace(row, sealer), erased=erased_in(connection, workspace)) if row else None


def find_api_key(connection: Connection, hashed: str) -> str | None:
    """The workspace of the API key with this hash, or None."""
    return connection.execute(select(api_keys.c.workspace).where(api_keys.c.key_hash == hashed)).scalar()


def key_hash(api_key: str) -> str:
    """What is kept of an API key. It has 256 random bits: nothing slower than SHA-256 is called for."""
    return hashlib.sha256(api_key.encode()).hexdigest()


def _workspace(row: Row[tuple[object, ...]], sealer: Sealer) -> Workspace:
    return Workspace(
        id=row.id,
        domain=row.domain,
        cookie_domain=row.cookie_domain,
        time_zone=row.time_zone,
        email_secret=sealer.open(row.email_secret),
        click_secret=sealer.open(row.click_secret),
        identify_secret=sealer.open(row.identify_secret),
    )


def _domain(text: str) -> str:
    domain = text.strip().lower().rstrip(".")
    if not _DOMAIN.match(domain) or len(domain) > 253:
        raise InvalidSetting(f"{text!r} is no domain: give the site's host name alone, such as example.com")
    return domain


def _cookie_domain(domain: str, given: str | None) -> str:
    site = _domain(domain).removeprefix("www.")
    if given is None:
        # A cookie for localhost or an address is for that host alone.
        return f".{site}" if "." in site and not _IP.match(site) else ""
    wanted = given.strip().lower()
    if wanted and (not _COOKIE_DOMAIN.match(wanted) or not f".{site}".endswith(f".{wanted.lstrip('.')}")):
        raise InvalidSetting(
            f"the cookie domain {given!r} must be the site's domain {site!r} or one above it"
        )
    return wanted


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidSetting(f"{name!r} is no time zone; give one such as Europe/Berlin") from error
    return name
