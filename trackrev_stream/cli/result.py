"""What comes of a command: what it answers, or why it could not be done."""

from dataclasses import dataclass, field
from typing import Any

from trackrev_stream.errors import ForPeople


class CommandError(ForPeople):
    """A command that cannot be done: why and what to do. ``status`` is what it exits with."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a command answers: ``text`` for people, ``data`` for programs, ``warnings`` aside from both.

    ``status`` is what it exits with: not 0 where it did what it was asked and found something wrong.
    ``verbatim`` says that the text holds what others wrote, of which no word is to be changed.
    """

    text: str
    data: Any
    warnings: list[str] = field(default_factory=list)
    status: int = 0
    verbatim: bool = False
