"""How messages name commands: as whoever reads them can run them."""

import logging
import re
import shutil
import sys
from pathlib import Path

PROGRAM = "trackrev"

WORDS = (
    "api",
    "collect",
    "completion",
    "dead-letters",
    "doctor",
    "erase",
    "inspect",
    "key",
    "link",
    "ltv",
    "poll",
    "reconcile",
    "stripe",
    "topics",
    "up",
    "worker",
    "workspace",
)
"""What may follow the program's name in a command; a test holds them against the parser."""

_COMMAND = re.compile(rf"(?<![\w./-]){PROGRAM}(?= (?:{'|'.join(WORDS)}|--help)(?![\w/]))")


def how_called(argument: str | None = None) -> str:
    """The program as it was called: by its name where that finds it, else by the path it was called by."""
    called = sys.argv[0] if argument is None else argument
    if Path(called).name != PROGRAM:
        return PROGRAM  # within another program, or as a module
    found = shutil.which(PROGRAM)
    if found and Path(found).resolve() == Path(called).resolve():
        return PROGRAM
    path = Path(called)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        return str(path.relative_to(Path.cwd()))
    return called


def as_called(text: str, called: str | None = None) -> str:
    """``text`` with the commands in it as they can be run here."""
    name = how_called() if called is None else called
    return text if name == PROGRAM else _COMMAND.sub(lambda _: name, text)


class RunnableHints(logging.Filter):
    """Has log messages name commands as they can be run."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass."""
        if f"{PROGRAM} " in (message := record.getMessage()):
            record.msg, record.args = as_called(message), None
        return True


def in_logs() -> None:
    """From now on what is logged names commands so, too."""
    for handler in logging.getLogger().handlers:
        if not any(isinstance(each, RunnableHints) for each in handler.filters):
            handler.addFilter(RunnableHints())
