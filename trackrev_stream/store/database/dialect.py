"""What the two kinds of database have in common: two engines, and a name that can be shown."""

from dataclasses import dataclass

from sqlalchemy import Engine

READERS = 3


@dataclass(frozen=True, slots=True)
class Database:
    """A database that was found, not yet used. ``place`` names it for people, without its password."""

    place: str
    writing: Engine
    reading: Engine

    def close(self) -> None:
        """Close the connections that are not in use. Blocks."""
        self.reading.dispose()
        self.writing.dispose()
