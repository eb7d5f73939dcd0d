"""How the words of a command are put into the parser, with its help."""

import argparse
from typing import Any

PACKAGE = "trackrev_stream.cli"


def group(top: Any, name: str, text: str) -> Any:
    """A word that others follow."""
    return top.add_parser(name, help=text, description=text).add_subparsers(required=True, metavar="WHAT")


def leaf(
    within: Any, name: str, common: argparse.ArgumentParser, command: str, text: str
) -> argparse.ArgumentParser:
    """The last word of a command: what it runs, and its help."""
    parser: argparse.ArgumentParser = within.add_parser(
        name,
        help=text,
        description=text,
        parents=[common],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command=f"{PACKAGE}.{command}")
    return parser
