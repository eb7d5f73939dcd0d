"""The whole past of the log, as an erasure reads and changes it."""

import re
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from trackrev_stream.eventlog.records import Record

Work = Callable[[], Awaitable[None]]


class Past(Protocol):
    """All records that the log has, those of the tables too. Methods raise Unavailable."""

    async def search(
        self,
        look: Callable[[str, Record], None],
        mentioned: re.Pattern[bytes],
        names: Collection[str] | None = None,
    ) -> None:
        """Show ``look`` the records that mention it, of the topics ``names`` or of all."""
        ...

    async def rewrite(
        self,
        change: Callable[[str, Record], Record | None],
        mentioned: re.Pattern[bytes],
        opaque: Collection[str] = (),
    ) -> int:
        """Put records through ``change``, which takes one out by None; returns how many changed."""
        ...

    async def sweep(self) -> None:
        """Let nothing remain on the disk of what was changed or removed."""
        ...


class PausableAgents(Protocol):
    """The agents, as an erasure needs them."""

    async def aside(self, work: Work) -> None:
        """Do ``work`` while they rest, their tables closed."""
        ...


@dataclass(frozen=True, slots=True)
class ErasureScope:
    """Where an erasure takes place: the log's past, its partitions, what forgets the tables made from it.

    ``apart`` says that edges in other processes may be up.
    """

    past: Past
    partitions: int
    forget_tables: Callable[[], None]
    apart: bool = False
