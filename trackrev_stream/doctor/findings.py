"""What the doctor says: each finding with a code for programs, a sentence, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding matters; something needs doing about the last two."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"

    @property
    def needs_doing(self) -> bool:
        """Whether somebody should do something."""
        return self in (Severity.WARNING, Severity.ERROR)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the doctor looked at. ``do`` is empty where nothing needs doing."""

    code: str
    severity: Severity
    message: str
    do: str = ""


def ok(code: str, message: str) -> Finding:
    """All is well."""
    return Finding(code, Severity.OK, message)


def note(code: str, message: str, do: str = "") -> Finding:
    """Something to know; it may be meant so."""
    return Finding(code, Severity.NOTE, message, do)


def warning(code: str, message: str, do: str) -> Finding:
    """Something that costs credit or will soon."""
    return Finding(code, Severity.WARNING, message, do)


def error(code: str, message: str, do: str) -> Finding:
    """Something that does not work."""
    return Finding(code, Severity.ERROR, message, do)
