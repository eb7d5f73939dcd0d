"""Tracked links: make one, change it, archive it."""

import argparse
from typing import Any

from sqlalchemy import Connection

from trackrev_stream.cli.context import opened, origin
from trackrev_stream.cli.result import CommandError, CommandResult
from trackrev_stream.clock import now_ms
from trackrev_stream.contracts.ports import Link
from trackrev_stream.contracts.times import rfc3339
from trackrev_stream.settings import Settings
from trackrev_stream.store.workspaces import links
from trackrev_stream.store.workspaces.links import LinkChange

WORDS = {"url": "to", "channel": "channel", "partner": "partner"}
"""A link's fields, as options and answers name them."""
_STAYS = "What was earned until now stands as it is; new clicks count for what the link is now."


def link_create(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """`link create`: 1 where there is such a link, another one, and it was not to be replaced."""

    def put(connection: Connection) -> LinkChange:
        change = links.link_to_be(
            connection,
            workspace=args.workspace,
            slug=args.slug,
            url=args.to,
            channel=args.channel,
            partner=args.partner,
        )
        if change.before is None or args.replace:
            links.save_link(connection, change, now_ms())
        return change

    with opened(settings) as (store, _):
        change = store.write_now(put)
    url = url_of(settings, change.after)
    made = change.before is None
    kept = made or (change.changes and args.replace)
    data = {"slug": change.after.slug, "url": url, "created": made, "changed": bool(kept), **_told(change)}
    if made:
        return CommandResult(leading(url, change.after), data)
    if not change.changes:
        text = f"Nothing to change: there is this link already.\n{leading(url, change.after)}"
        return CommandResult(text, data)
    if args.replace:
        return CommandResult("\n".join([leading(url, change.after), *_differences(change), _STAYS]), data)
    text = f"There is a link {change.after.slug} already. Nothing was changed; with --replace it would be:"
    return CommandResult("\n".join([text, *_differences(change)]), data, status=1)


def link_edit(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """`link edit`: what is not given stays."""
    given = {name: getattr(args, word) for name, word in WORDS.items()}
    if all(value is None for value in given.values()):
        raise CommandError("say what to change: --to URL, --channel NAME or --partner P ('' for none)")

    def put(connection: Connection) -> LinkChange:
        change = links.link_edited(connection, workspace=args.workspace, slug=args.slug, **given)
        links.save_link(connection, change, now_ms())
        return change

    with opened(settings) as (store, _):
        change = store.write_now(put)
    url = url_of(settings, change.after)
    said = [*_differences(change), _STAYS] if change.changes else ["Nothing to change: it was so already."]
    data = {"slug": change.after.slug, "url": url, "changed": change.changes, **_told(change)}
    return CommandResult("\n".join([leading(url, change.after), *said]), data)


def link_archive(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """`link archive`: it counts no more, but leads people on, for it is out in the world."""

    def put(connection: Connection) -> LinkChange:
        return links.archive_link(connection, args.workspace, args.slug, now_ms(), archived=not args.undo)

    with opened(settings) as (store, _):
        change = store.write_now(put)
    link, url = change.after, url_of(settings, change.after)
    if args.undo:
        text = leading(url, link) if change.changes else f"{link.slug} is not archived: it counts."
    else:
        text = (
            f"{link.slug} is archived{'' if change.changes else ' already'}: following it counts no more.\n"
            f"What it earned stays, and so do the clicks until now; {url} goes on leading to {link.url}.\n"
            f"It counts again after: trackrev link archive {args.workspace} {link.slug} --undo"
        )
    return CommandResult(text, {"slug": link.slug, "url": url, "changed": change.changes, **archived(link)})


def url_of(settings: Settings, link: Link) -> str:
    """Where people follow a link."""
    return f"{origin(settings)}/l/{link.slug}"


def leading(url: str, link: Link) -> str:
    """What a link does, in a sentence."""
    of_partner = f", partner {link.partner}" if link.partner else ""
    if link.archived_at is not None:
        return f"{url} leads to {link.url}; it is archived, and counts no more."
    return f"{url} leads to {link.url} and counts for {link.channel}{of_partner}."


def archived(link: Link) -> dict[str, Any]:
    """Whether and since when a link is archived, for programs."""
    since = link.archived_at
    return {"archived": since is not None, "archived_at": None if since is None else rfc3339(since)}


def _differences(change: LinkChange) -> list[str]:
    """What changes of a link, a field a line."""
    lines = [
        f"  {WORDS[name]:8} {was or '(none)'} -> {now or '(none)'}"
        for name, (was, now) in change.differences.items()
    ]
    return [*lines, *(["  archived yes -> no: it counts again"] if change.counts_again else [])]


def _told(change: LinkChange) -> dict[str, Any]:
    """What changes, or would, for programs."""
    fields: dict[str, Any] = {
        WORDS[name]: {"from": was, "to": now} for name, (was, now) in change.differences.items()
    }
    return {"changes": fields | ({"archived": {"from": True, "to": False}} if change.counts_again else {})}
