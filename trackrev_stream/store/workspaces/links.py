"""Tracked links."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from urllib.parse import urlsplit

from sqlalchemy import Connection, Row, select

from trackrev_stream.contracts.ports import Link
from trackrev_stream.domain.acquisition.channel_names import folded
from trackrev_stream.store.database.errors import InvalidSetting
from trackrev_stream.store.database.schema import bump_meta, links, upsert
from trackrev_stream.store.workspaces.channel_names import channel_to_write, known_channels
from trackrev_stream.store.workspaces.require import require_workspace
from trackrev_stream.store.workspaces.settings_version import SETTINGS_VERSION

_SLUG = re.compile(r"^[a-z0-9-]{1,64}$")
_CONTENT = ("url", "channel", "partner")
LONGEST_URL = 2_048
LONGEST_NAME = 64


class UnknownLink(InvalidSetting):
    """A workspace has no link with this slug; the message names those that are like it."""

    def __init__(self, workspace: str, slug: str, known: Iterable[str]) -> None:
        near = get_close_matches(normal_slug(slug), list(known), n=3)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        super().__init__(
            f"There is no link {slug!r} in {workspace}.{hint} "
            f"`trackrev link list {workspace} --all` names them all."
        )


@dataclass(frozen=True, slots=True)
class LinkChange:
    """A link as it stands, where there is one, and as it shall be."""

    before: Link | None
    after: Link

    @property
    def differences(self) -> dict[str, tuple[str, str]]:
        """The fields of a link that is there which change: from what to what."""
        if self.before is None:
            return {}
        pairs = {name: (getattr(self.before, name), getattr(self.after, name)) for name in _CONTENT}
        return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}

    @property
    def counts_again(self) -> bool:
        """Whether a link that was archived comes back."""
        was = self.before is not None and self.before.archived_at is not None
        return was and self.after.archived_at is None

    @property
    def changes(self) -> bool:
        """Whether there is anything to keep."""
        return self.before != self.after


def put_link(
    connection: Connection, *, workspace: str, slug: str, url: str, channel: str, partner: str = "", now: int
) -> Link:
    """Make a tracked link, or change it. Raises InvalidSetting."""
    wanted = link_to_be(connection, workspace=workspace, slug=slug, url=url, channel=channel, partner=partner)
    return save_link(connection, wanted, now)


def link_to_be(
    connection: Connection, *, workspace: str, slug: str, url: str, channel: str, partner: str = ""
) -> LinkChange:
    """What making a link comes to; nothing is changed yet. Raises InvalidSetting.

    Slugs are one namespace for the installation, in lower case. Another spelling of the channel that the link
    has is no change of it, and one that is known from elsewhere is written as it was there.
    """
    require_workspace(connection, workspace)
    name = normal_slug(slug)
    if not _SLUG.match(name):
        raise InvalidSetting(f"{slug!r} is no slug: 1 to 64 letters, digits and '-'")
    known = find_link(connection, name)
    if known is not None and known.workspace != workspace:
        raise InvalidSetting(f"the slug {name!r} is taken by another workspace; choose another one")
    return _change(
        known,
        Link(
            slug=name,
            workspace=workspace,
            url=target(url),
            channel=_channel(connection, workspace, channel, known),
            partner=plain_name("partner", partner),
            version=known.version if known else 1,
        ),
    )


def link_edited(
    connection: Connection,
    *,
    workspace: str,
    slug: str,
    url: str | None = None,
    channel: str | None = None,
    partner: str | None = None,
) -> LinkChange:
    """What changing a link that is there comes to: only what is given. Raises InvalidSetting."""
    known = require_link(connection, workspace, slug)
    link = replace(
        known,
        url=known.url if url is None else target(url),
        partner=known.partner if partner is None else plain_name("partner", partner),
        channel=known.channel if channel is None else _channel(connection, workspace, channel, known),
    )
    return _change(known, link)


def save_link(connection: Connection, change: LinkChange, now: int) -> Link:
    """Keep a link as it shall be; returns it."""
    link = change.after
    if change.before is None:
        upsert(connection, links, [_columns(link) | {"created_at": now}])
    elif change.changes:
        connection.execute(links.update().where(links.c.slug == link.slug).values(_columns(link)))
    if change.changes:
        bump_meta(connection, SETTINGS_VERSION)
    return link


def archive_link(
    connection: Connection, workspace: str, slug: str, now: int, *, archived: bool = True
) -> LinkChange:
    """Let a link count no more, or again. What it has earned stays, and it leads people on as before."""
    known = require_link(connection, workspace, slug)
    since = (known.archived_at or now) if archived else None
    change = LinkChange(known, replace(known, archived_at=since))
    save_link(connection, change, now)
    return change


def require_link(connection: Connection, workspace: str, slug: str) -> Link:
    """The link of a workspace with this slug. Raises UnknownWorkspace or UnknownLink."""
    require_workspace(connection, workspace)
    found = find_link(connection, slug)
    if found is None or found.workspace != workspace:
        raise UnknownLink(workspace, slug, [each.slug for each in list_links(connection, workspace)])
    return found


def find_link(connection: Connection, slug: str) -> Link | None:
    """The link with this slug in any case, or None."""
    row = connection.execute(select(links).where(links.c.slug == normal_slug(slug))).first()
    return _link(row) if row else None


def list_links(connection: Connection, workspace: str) -> list[Link]:
    """The links of a workspace by slug, those that were archived too. Raises UnknownWorkspace."""
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


def _channel(connection: Connection, workspace: str, given: str, known: Link | None) -> str:
    """The channel of a link as it is kept. Raises InvalidSetting."""
    name = plain_name("channel", given)
    if known is not None and folded(known.channel) == folded(name):
        return known.channel
    if not name:
        raise InvalidSetting("a link needs a channel, such as Newsletter; give its name")
    return channel_to_write(name, known_channels(connection, workspace))


def _change(known: Link | None, link: Link) -> LinkChange:
    """The change from one to the other: the version grows with what visitors are counted by."""
    change = LinkChange(known, link)
    if known is not None and change.differences:
        return LinkChange(known, replace(link, version=known.version + 1))
    return change


def _columns(link: Link) -> dict[str, object]:
    return {name: getattr(link, name) for name in Link.__dataclass_fields__}


def _link(row: Row[tuple[object, ...]]) -> Link:
    return Link(row.slug, row.workspace, row.url, row.channel, row.partner, row.version, row.archived_at)
