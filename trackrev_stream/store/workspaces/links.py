"""Tracked links."""

import re
import unicodedata
from urllib.parse import urlsplit

from sqlalchemy import Connection, Row, select

from trackrev_stream.contracts.ports import Link
from trackrev_stream.domain.acquisition.channel import UNATTRIBUTED
from trackrev_stream.store.database.errors import InvalidSetting
from trackrev_stream.store.database.schema import bump_meta, links, upsert
from trackrev_stream.store.workspaces.require import require_workspace
from trackrev_stream.store.workspaces.settings_version import SETTINGS_VERSION

_SLUG = re.compile(r"^[a-z0-9-]{1,64}$")
LONGEST_URL = 2_048
LONGEST_NAME = 64


def put_link(
    connection: Connection, *, workspace: str, slug: str, url: str, channel: str, partner: str = "", now: int
) -> Link:
    """Make a tracked link, or change it: its version grows when its target, channel or partner do.

    Slugs are one namespace for the installation, in lower case. Raises InvalidSetting.
    """
    require_workspace(connection, workspace)
    name = normal_slug(slug)
    if not _SLUG.match(name):
        raise InvalidSetting(f"{slug!r} is no slug: 1 to 64 letters, digits and '-'")
    row = connection.execute(select(links).where(links.c.slug == name)).first()
    if row is not None and row.workspace != workspace:
        raise InvalidSetting(f"the slug {name!r} is taken by another workspace; choose another one")
    known = _link(row) if row else None
    version = known.version if known else 1
    link = Link(
        name, workspace, target(url), plain_name("channel", channel), plain_name("partner", partner), version
    )
    if not link.channel or link.channel == UNATTRIBUTED:
        raise InvalidSetting(f"a link needs a channel, such as Newsletter; {channel!r} cannot be one")
    if link == known:
        return link
    if known:
        link = Link(name, workspace, link.url, link.channel, link.partner, known.version + 1)
    columns = {field: getattr(link, field) for field in Link.__dataclass_fields__}
    upsert(connection, links, [columns | {"created_at": row.created_at if row else now}])
    bump_meta(connection, SETTINGS_VERSION)
    return link


def find_link(connection: Connection, slug: str) -> Link | None:
    """The link with this slug in any case, or None."""
    row = connection.execute(select(links).where(links.c.slug == normal_slug(slug))).first()
    return _link(row) if row else None


def list_links(connection: Connection, workspace: str) -> list[Link]:
    """The links of a workspace by slug. Raises UnknownWorkspace."""
    require_workspace(connection, workspace)
    rows = connection.execute(select(links).where(links.c.workspace == workspace).order_by(links.c.slug))
    return [_link(row) for row in rows]


def normal_slug(slug: str) -> str:
    """The slug as it is kept: links are spoken and typed, so case does not matter."""
    return slug.strip().lower()


def target(url: str) -> str:
    """The URL, when it can be one to send people to. Raises InvalidSetting."""
    wrong = InvalidSetting(f"{url[:200]!r} is no target for a link: give an absolute http or https URL")
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise wrong from None
    # A header carries it: what is not visible ASCII must be escaped by whoever knows its encoding.
    if not usable or len(url) > LONGEST_URL or not re.fullmatch(r"[\x21-\x7e]+", url):
        raise wrong
    return url


def plain_name(what: str, text: str) -> str:
    """The name of a channel or partner as it is kept. Raises InvalidSetting."""
    name = unicodedata.normalize("NFC", text).strip()
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise InvalidSetting(f"{text[:200]!r} is no {what}: at most {LONGEST_NAME} printable characters")
    return name


def _link(row: Row[tuple[object, ...]]) -> Link:
    return Link(row.slug, row.workspace, row.url, row.channel, row.partner, row.version)
