"""Tracked links: make one, list them."""

import argparse
from typing import Any

from sqlalchemy import Connection

from trackrev_stream.cli.context import opened, origin
from trackrev_stream.cli.result import CommandResult
from trackrev_stream.clock import now_ms
from trackrev_stream.settings import Settings
from trackrev_stream.store.workspaces import links


def link_create(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """`link create`."""

    def put(connection: Connection) -> Any:
        return links.put_link(
            connection,
            workspace=args.workspace,
            slug=args.slug,
            url=args.to,
            channel=args.channel,
            partner=args.partner,
            now=now_ms(),
        )

    with opened(settings) as (store, _):
        link = store.write_now(put)
    url = f"{origin(settings)}/l/{link.slug}"
    return CommandResult(
        f"{url} leads to {link.url} and counts for {link.channel}.", {"slug": link.slug, "url": url}
    )


def link_list(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """`link list`."""
    with opened(settings) as (store, _):
        found = store.read_now(lambda connection: links.list_links(connection, args.workspace))
    text = "\n".join(f"/l/{link.slug:24} {link.channel:20} {link.url}" for link in found)
    data = [
        {
            "slug": x.slug,
            "url": f"{origin(settings)}/l/{x.slug}",
            "to": x.url,
            "channel": x.channel,
            "partner": x.partner,
        }
        for x in found
    ]
    return CommandResult(
        text or f"No link yet: trackrev link create {args.workspace} SLUG ...", {"links": data}
    )
