"""The words of `trackrev link`."""

import argparse
from typing import Any

from trackrev_stream.cli.leaf import group, leaf

DAYS = 30
MOST_DAYS = 366


def add_link_words(top: Any, common: argparse.ArgumentParser) -> None:
    """`link create|edit|show|archive|list`."""
    links = group(top, "link", "make and list tracked links")
    text = "make a tracked link; one that is there changes only with --replace"
    create = leaf(links, "create", common, "link:link_create", text)
    _name(create, "its name in /l/SLUG, unique in this installation")
    create.add_argument("--to", required=True, metavar="URL", help="where it leads")
    create.add_argument("--channel", required=True, metavar="NAME", help="the channel it counts for")
    create.add_argument("--partner", default="", metavar="P", help="the partner it belongs to")
    create.add_argument(
        "--replace", action="store_true", help="change the link with this name, where there is one"
    )
    edit = leaf(links, "edit", common, "link:link_edit", "change what you give of a tracked link")
    _name(edit)
    edit.add_argument("--to", metavar="URL", help="where it leads from now on")
    edit.add_argument("--channel", metavar="NAME", help="the channel that new clicks count for")
    edit.add_argument("--partner", metavar="P", help="the partner of new clicks; '' for none")
    text = "show a tracked link and what it brought"
    show = leaf(links, "show", common, "link_reports:link_show", text)
    _name(show)
    text = "stop counting a tracked link; it still leads to its target, and what it earned stays"
    archive = leaf(links, "archive", common, "link:link_archive", text)
    _name(archive)
    archive.add_argument("--undo", action="store_true", help="let it count again")
    text = "list a workspace's links and what each brought"
    listing = leaf(links, "list", common, "link_reports:link_list", text)
    listing.add_argument("workspace", metavar="WS")
    listing.add_argument("--all", action="store_true", help="those that were archived too")
    for each in (show, listing):
        text = f"what they brought in the last N days, today included (default: {DAYS})"
        each.add_argument("--days", metavar="N", type=days, default=DAYS, help=text)


def days(text: str) -> int:
    """A number of days that reports look back. Raises ArgumentTypeError."""
    if not text.isdecimal() or not 1 <= int(text) <= MOST_DAYS:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days from 1 to {MOST_DAYS}")
    return int(text)


def _name(parser: argparse.ArgumentParser, text: str = "its name in /l/SLUG") -> None:
    parser.add_argument("workspace", metavar="WS")
    parser.add_argument("slug", metavar="SLUG", help=text)
