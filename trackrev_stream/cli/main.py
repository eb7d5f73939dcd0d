"""The command line, `trackrev COMMAND`: each says what it did, or with --json answers for programs."""

import argparse
import json
import logging
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from pkgutil import resolve_name

from trackrev_stream.cli import hints
from trackrev_stream.cli.data_directory import STARTS, settings_of
from trackrev_stream.cli.parser import build_parser
from trackrev_stream.cli.result import CommandError, CommandResult
from trackrev_stream.errors import ForPeople
from trackrev_stream.logs import quiet_libraries
from trackrev_stream.settings import Settings

Command = Callable[[argparse.Namespace, Settings], CommandResult | None]
"""Answers, or has said all itself."""

COULD_NOT = 1
FAULT = 70  # EX_SOFTWARE of sysexits.h
INTERRUPTED = 130  # as shells have it: 128 and the number of SIGINT

log = logging.getLogger(__name__)


def main(words: Sequence[str] | None = None) -> int:
    """Run a command; 0 when it did what it was asked, 1 when it could not (or found the ledger wrong).

    2 for words it does not know, or where Stripe could not be read; 70 for a fault of ours; 130 after Ctrl-C.
    """
    args = build_parser().parse_args(words)
    try:
        chosen = settings_of(args)
        quiet_libraries(chosen.log_level)
        hints.in_logs()
        command: Command = resolve_name(args.command)
        result = command(args, chosen)
    except KeyboardInterrupt:
        _say("stopped by Ctrl-C; what was done until then stays, and the same command may be given again")
        return INTERRUPTED
    except BrokenPipeError:  # whoever read has gone, such as `head`
        return COULD_NOT
    except (ForPeople, OSError) as error:
        _say(str(error))
        return error.status if isinstance(error, CommandError) else COULD_NOT
    except Exception as error:
        if args.command.endswith(tuple(STARTS)):
            raise  # what runs for months must leave a trace of what ended it
        return _failed(error)
    return 0 if result is None else _answer(args, result)


def _answer(args: argparse.Namespace, result: CommandResult) -> int:
    for warning in result.warnings:
        _say(warning)
    if args.json:
        print(json.dumps(result.data, ensure_ascii=False))
    else:
        print(result.text if result.verbatim else hints.as_called(result.text))
    return result.status


def _failed(error: Exception) -> int:
    """Say what is no sentence for people: the database's own trouble, or a fault of ours."""
    database = sys.modules.get("sqlalchemy.exc")  # not there: no command has used it
    if database is not None and isinstance(error, database.DBAPIError):
        _say(f"the database did not do what it was asked: {error.orig}. Try again, or see `trackrev doctor`")
        return COULD_NOT
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(last.filename).name}, line {last.lineno}"
    what = " ".join(f"{type(error).__name__}: {error}".split())
    _say(
        f"this is a fault of trackrev itself, please report it: {what} ({place}). "
        "TRACKREV_LOG_LEVEL=debug shows all of it"
    )
    log.debug("the whole of it", exc_info=error)
    return FAULT


def _say(message: str) -> None:
    print(hints.as_called(f"{hints.PROGRAM}: {message}"), file=sys.stderr)
