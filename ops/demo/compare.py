"""The program's figures beside the books of the stand-in, channel by channel."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Figures:
    """What one side says of a channel; money in minor units."""

    clicks: int = 0
    gross_minor: int = 0
    net_minor: int = 0

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(
            self.clicks + other.clicks,
            self.gross_minor + other.gross_minor,
            self.net_minor + other.net_minor,
        )


@dataclass(frozen=True, slots=True)
class Row:
    """A channel as both sides have it."""

    channel: str
    program: Figures
    books: Figures

    @property
    def agrees(self) -> bool:
        return self.program == self.books


def compare(program: Iterable[Mapping[str, Any]], books: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    """A row for each channel that either side knows, those that earned most first.

    `program` are the rows of the read API's channels, `books` the channels of the stand-in's books. A side
    that does not know a channel has nothing in it.
    """
    ours = {row["channel"]: _figures(row) for row in program}
    theirs = {channel: _figures(row) for channel, row in books.items()}
    rows = [
        Row(channel, ours.get(channel, Figures()), theirs.get(channel, Figures()))
        for channel in ours.keys() | theirs.keys()
    ]
    return sorted(rows, key=lambda row: (-row.books.net_minor, -row.books.clicks, row.channel))


def total(rows: Iterable[Row]) -> Row:
    """The sums of both sides."""
    listed = list(rows)
    return Row(
        "total",
        sum((row.program for row in listed), Figures()),
        sum((row.books for row in listed), Figures()),
    )


def _figures(row: Mapping[str, Any]) -> Figures:
    return Figures(row["clicks"], row["gross_minor"], row["net_minor"])
