"""The command line, `trackrev COMMAND`: each says what it did, or with --json answers for programs."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pkgutil import resolve_name

from trackrev_stream import settings
from trackrev_stream.cli.parser import build_parser
from trackrev_stream.cli.result import Outcome
from trackrev_stream.errors import ForPeople
from trackrev_stream.logs import quiet_libraries
from trackrev_stream.settings import Settings

Command = Callable[[argparse.Namespace, Settings], Outcome | None]
"""Answers, or has said all itself."""


def main(words: Sequence[str] | None = None) -> int:
    """Run a command; 0 when it did what it was asked, 1 when it could not (or found the book wrong), 2 for
    words it does not know.
    """
    given = build_parser().parse_args(words)
    try:
        chosen = settings.read(
            data=given.data, host=getattr(given, "host", None), port=getattr(given, "port", None)
        )
        quiet_libraries(chosen.log_level)
        command: Command = resolve_name(given.command)
        outcome = command(given, chosen)
    except (ForPeople, OSError) as error:
        print(f"trackrev: {error}", file=sys.stderr)
        return 1
    if outcome is None:
        return 0
    for warning in outcome.warnings:
        print(f"trackrev: {warning}", file=sys.stderr)
    print(json.dumps(outcome.data, ensure_ascii=False) if given.json else outcome.text)
    return outcome.status
