"""The command line, `trackrev COMMAND`: each says what it did, or with --json answers for programs."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pkgutil import resolve_name

from trackrev_stream import settings
from trackrev_stream.cli.parser import build_parser
from trackrev_stream.cli.result import CommandResult
from trackrev_stream.errors import ForPeople
from trackrev_stream.logs import quiet_libraries
from trackrev_stream.settings import Settings

Command = Callable[[argparse.Namespace, Settings], CommandResult | None]
"""Answers, or has said all itself."""


def main(words: Sequence[str] | None = None) -> int:
    """Run a command; 0 when it did what it was asked, 1 when it could not (or found the book wrong), 2 for
    words it does not know.
    """
    args = build_parser().parse_args(words)
    try:
        chosen = settings.read_settings(
            data=args.data, host=getattr(args, "host", None), port=getattr(args, "port", None)
        )
        quiet_libraries(chosen.log_level)
        command: Command = resolve_name(args.command)
        result = command(args, chosen)
    except (ForPeople, OSError) as error:
        print(f"trackrev: {error}", file=sys.stderr)
        return 1
    if result is None:
        return 0
    for warning in result.warnings:
        print(f"trackrev: {warning}", file=sys.stderr)
    print(json.dumps(result.data, ensure_ascii=False) if args.json else result.text)
    return result.status
