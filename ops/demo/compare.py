"""The program's figures beside the books of the stand-in, channel by channel and currency by currency."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_FIRST = "usd"


@dataclass(frozen=True, slots=True)
class Figures:
    """What one side says; money in minor units of one currency."""

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
    """A channel's money in one currency as both sides have it; its clicks are in its first row."""

    channel: str
    currency: str
    program: Figures
    books: Figures

    @property
    def agrees(self) -> bool:
        return self.program == self.books


def compare(program: Iterable[Mapping[str, Any]], books: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    """Rows for each channel that either side knows, those that earned most US dollars first.

    `program` are the rows of the read API's channels, `books` the channels of the stand-in's books. A side
    that does not know a channel or a currency of it has nothing in it.
    """
    ours = {row["channel"]: row for row in program}
    rows = [
        Row(channel, currency, _figures(ours.get(channel), currency, first), _figures(its, currency, first))
        for channel in ours.keys() | books.keys()
        for its in (books.get(channel),)
        for first, currency in _currencies(ours.get(channel), its)
    ]
    worth = {row.channel: (-row.books.net_minor, -row.books.clicks) for row in rows if row.currency == _FIRST}
    return sorted(rows, key=lambda row: (*worth[row.channel], row.channel, _place(row.currency)))


def totals(rows: Iterable[Row]) -> list[Row]:
    """The sums of both sides by currency, all clicks in the first of them."""
    listed = list(rows)
    return [
        Row("total", currency, _sum(listed, currency, "program"), _sum(listed, currency, "books"))
        for currency in sorted({row.currency for row in listed} | {_FIRST}, key=_place)
    ]


def _sum(rows: Iterable[Row], currency: str, side: str) -> Figures:
    figures = [(row.currency, getattr(row, side)) for row in rows]
    money = sum((each for its, each in figures if its == currency), Figures())
    clicks = sum(each.clicks for _, each in figures) if currency == _FIRST else 0
    return Figures(clicks, money.gross_minor, money.net_minor)


def _currencies(*sides: Mapping[str, Any] | None) -> list[tuple[bool, str]]:
    """The currencies of a channel, US dollars always, and whether each is the first."""
    found = {one["currency"] for side in sides if side for one in side["native"]} | {_FIRST}
    return [(currency == _FIRST, currency) for currency in found]


def _figures(side: Mapping[str, Any] | None, currency: str, first: bool) -> Figures:
    if side is None:
        return Figures()
    money = next((one for one in side["native"] if one["currency"] == currency), None)
    clicks = side["clicks"] if first else 0
    return Figures(clicks, money["gross_minor"], money["net_minor"]) if money else Figures(clicks)


def _place(currency: str) -> tuple[bool, str]:
    return currency != _FIRST, currency
