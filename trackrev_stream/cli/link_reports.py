"""Tracked links with what they brought."""

import argparse
from collections.abc import Sequence
from typing import Any

from trackrev_stream.api import shapes
from trackrev_stream.cli.context import known_workspace, opened
from trackrev_stream.cli.link import archived, leading, url_of
from trackrev_stream.cli.result import CommandResult
from trackrev_stream.clock import now_ms
from trackrev_stream.contracts.ports import Link
from trackrev_stream.domain.ledger.fx import BASE_CURRENCY
from trackrev_stream.domain.values.money import format_minor
from trackrev_stream.settings import Settings
from trackrev_stream.store.reports.channels_and_revenue import Money
from trackrev_stream.store.reports.links import LinkFigures, links_brought
from trackrev_stream.store.workspaces import links

_HEAD = ("link", "channel", "partner", "visitors", "clicks", "net in USD")


def link_show(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """`link show`."""
    with opened(settings) as (store, sealer):
        link = store.read_now(lambda c: links.require_link(c, args.workspace, args.slug))
        zone = known_workspace(store, sealer, args.workspace).time_zone
        brought = store.read_now(lambda c: links_brought(c, args.workspace, args.days, now_ms(), zone))
    figures = brought.get(link.slug, LinkFigures())
    text = "\n".join(
        [
            leading(url_of(settings, link), link),
            f"  channel   {link.channel}",
            f"  partner   {link.partner or '(none)'}",
            f"  visitors  {figures.visitors:,}",
            f"  clicks    {figures.clicks:,}",
            f"  gross     {_money(figures.money, net=False)}",
            f"  net       {_money(figures.money)}",
            _period(args.days),
        ]
    )
    return CommandResult(text, {"days": args.days, **_told(settings, link, figures)})


def link_list(args: argparse.Namespace, settings: Settings) -> CommandResult:
    """`link list`."""
    with opened(settings) as (store, sealer):
        zone = known_workspace(store, sealer, args.workspace).time_zone
        every = store.read_now(lambda c: links.list_links(c, args.workspace))
        brought = store.read_now(lambda c: links_brought(c, args.workspace, args.days, now_ms(), zone))
    shown = [link for link in every if args.all or link.archived_at is None]
    found = [(link, brought.get(link.slug, LinkFigures())) for link in shown]
    hidden = len(every) - len(shown)
    note = [f"{hidden} archived: trackrev link list {args.workspace} --all"] if hidden else []
    if found:
        text = "\n".join([*_table(found), _period(args.days), *note])
    else:
        create = f"trackrev link create {args.workspace} SLUG --to URL --channel NAME"
        text = "\n".join([f"No link yet: {create}" if not hidden else "No link that counts.", *note])
    told = [_told(settings, *each) for each in found]
    currencies = [currency for _, figures in found for currency in figures.money.native]
    data = {"links": told, "days": args.days, "exponents": shapes.exponents(currencies)}
    return CommandResult(text, data)


def _table(found: Sequence[tuple[Link, LinkFigures]]) -> list[str]:
    """A line for each link; amounts in other currencies than dollars, and where it leads, behind them."""
    rows = [
        (
            f"/l/{link.slug}{' (archived)' if link.archived_at is not None else ''}",
            link.channel,
            link.partner or "-",
            f"{figures.visitors:,}",
            f"{figures.clicks:,}",
            format_minor(figures.money.net_minor, BASE_CURRENCY).removesuffix(" USD"),
        )
        for link, figures in found
    ]
    widths = [max(map(len, column)) for column in zip(_HEAD, *rows, strict=True)]
    behind = [f"{_native(figures.money)}  -> {link.url}" for link, figures in found]
    return [
        "  ".join([_cells(row, widths), after]).rstrip()
        for row, after in zip([_HEAD, *rows], ["", *behind], strict=True)
    ]


def _cells(row: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        f"{text:{'<' if place < 3 else '>'}{width}}"
        for place, (text, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(padded)


def _period(days: int) -> str:
    span = "today" if days == 1 else f"the last {days} days"
    return (
        f"In {span}. Visitors are browsers that the pixel saw, clicks are arrivals over the link; "
        "net is what is left after refunds and disputes."
    ).replace("In today", "Today")


def _money(money: Money, *, net: bool = True) -> str:
    """An amount in US dollars, with what it is made of."""
    usd = money.net_minor if net else money.gross_minor
    return f"{format_minor(usd, BASE_CURRENCY)}{_native(money, net=net)}"


def _native(money: Money, *, net: bool = True) -> str:
    """The amounts in their own currencies, where they are not all dollars; those without a rate are said."""
    if set(money.native) <= {BASE_CURRENCY}:
        return ""
    parts = [
        format_minor(one.net_minor if net else one.gross_minor, one.currency)
        + (" without a rate yet" if one.unconverted else "")
        for _, one in sorted(money.native.items())
    ]
    return f" ({', '.join(parts)})"


def _told(settings: Settings, link: Link, figures: LinkFigures) -> dict[str, Any]:
    """A link with its figures, for programs."""
    return {
        "slug": link.slug,
        "url": url_of(settings, link),
        "to": link.url,
        "channel": link.channel,
        "partner": link.partner,
        **archived(link),
        "visitors": figures.visitors,
        "clicks": figures.clicks,
        **shapes.money(figures.money),
    }
