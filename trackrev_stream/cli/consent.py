"""Asks before something goes that cannot be had back: a person at the terminal, or an option in scripts."""

import sys

from trackrev_stream.cli.result import CommandError


def require_consent(what: str, option: str, *, given: bool, answer: str = "yes") -> None:
    """Return where ``option`` was ``given``, or a person types ``answer``. Raises CommandError.

    ``what`` says in whole sentences what would happen.
    """
    if given:
        return
    if not is_a_person_there():
        raise CommandError(f"{what.rstrip()} Nothing was changed. If that is what you want, add {option}.")
    sys.stderr.write(f"{what.rstrip()}\nType {answer} to go on: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() != answer.lower():
        raise CommandError("Nothing was changed.")


def is_a_person_there() -> bool:
    """Whether somebody can read a question and answer it."""
    return sys.stdin.isatty() and sys.stderr.isatty()
