"""The parts of the program."""

from enum import StrEnum


class Role(StrEnum):
    """A part of the program that may be a process of its own."""

    COLLECT = "collect"
    WORK = "worker"
    SERVE = "api"
    POLL = "poll"
