"""Reports: what channels brought, and revenue by day, from the lines that stand.

Gross is what was captured (lines of reason ``credit``), net what remains of it after refunds and disputes.
A line counts on the day it happened, a refund on its own, or on request all lines on the day of their charge.
Totals are in USD; a line without a rate is in no total, and ``unconverted`` counts such lines. Fees, of
payments and of disputes, are apart from both, and not known where a single one is not.

A visitor is a browser that the pixel saw, counted once in the span. A click is an arrival at the site: over a
tracked link, or over anything else that led to a landing. Sessions are not counted.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, Select, case, distinct, func, select

from trackrev_stream.domain.ledger.lines import FEES, REVENUE
from trackrev_stream.domain.values.days import DAY_MS
from trackrev_stream.store.database.schema import charges, lines, visits
from trackrev_stream.store.workspaces.channel_names import as_shown, shown_as
from trackrev_stream.store.workspaces.stripe_connections import shown_livemode

_QUARTER_MS = 900_000  # the offsets of all time zones are whole quarters of an hour


class Days(StrEnum):
    """The day on which a line counts."""

    OWN = "own_day"
    CHARGE = "charge_day"


@dataclass(slots=True)
class Fees:
    """Fees in one currency, in its minor units; those ``missing`` are not known, or in another currency."""

    amount_minor: int = 0
    missing: int = 0

    @property
    def shown(self) -> int | None:
        """The sum where it is one, else None."""
        return None if self.missing else self.amount_minor


@dataclass(slots=True)
class Native:
    """Money in one currency, in its minor units; ``unconverted`` lines have no rate to USD yet.

    ``fees`` are those of the charges in this currency.
    """

    currency: str
    gross_minor: int = 0
    net_minor: int = 0
    unconverted: int = 0
    fees: Fees = field(default_factory=Fees)


@dataclass(slots=True)
class Money:
    """Totals in cents of USD, and what they are made of by currency."""

    gross_minor: int = 0
    net_minor: int = 0
    fees: Fees = field(default_factory=Fees)
    native: dict[str, Native] = field(default_factory=dict)

    def add(self, row: Any) -> None:
        """Add a row of ``sums``."""
        # PostgreSQL sums whole numbers to a decimal one.
        self.gross_minor += int(row.gross_usd)
        self.net_minor += int(row.net_usd)
        native = self.native.setdefault(row.currency, Native(row.currency))
        native.gross_minor += int(row.gross)
        native.net_minor += int(row.net)
        native.unconverted += row.unconverted
        self.fees.amount_minor -= int(row.fees_usd)
        self.fees.missing += row.fees_unknown + row.fees_unconverted
        native.fees.amount_minor -= int(row.fees)
        native.fees.missing += row.fees_unknown + row.fees_elsewhere


@dataclass(slots=True)
class ChannelRow:
    """One channel: distinct visitors that landed, clicks, money."""

    channel: str
    visitors: int = 0
    clicks: int = 0
    money: Money = field(default_factory=Money)


@dataclass(slots=True)
class Channels:
    """All channels, the one that earned most first, and their totals (a visitor counts once)."""

    rows: list[ChannelRow]
    total: ChannelRow


def channels(
    connection: Connection, workspace: str, days: int, now: int, time_zone: str, *, by: Days = Days.OWN
) -> Channels:
    """What each channel brought in the last ``days`` days, today included.

    Spellings of a channel are one row (channel_names.py). Days are the workspace's for money. Visits are kept
    by UTC day: those of the days that the span touches.
    """
    span = span_of(days, now, time_zone)
    earned = list(sums(connection, workspace, span, lines.c.channel, by))
    seen = seen_by(connection, workspace, span, visits.c.channel)
    names = shown_as(connection, workspace, {row.channel for row in earned} | seen.keys())
    if names:  # who came over two spellings is one visitor
        seen = seen_by(connection, workspace, span, as_shown(visits.c.channel, names))
    found: dict[str, ChannelRow] = {}
    total = ChannelRow("")
    for row in earned:
        name = names.get(row.channel, row.channel)
        found.setdefault(name, ChannelRow(name)).money.add(row)
        total.money.add(row)
    for channel, (visitors, clicks) in seen.items():
        row = found.setdefault(channel, ChannelRow(channel))
        row.visitors, row.clicks = visitors, clicks
    total.visitors, total.clicks = map(int, connection.execute(_seen(workspace, span)).one())
    order = sorted(found.values(), key=lambda row: (-row.money.net_minor, -row.visitors, row.channel))
    return Channels(order, total)


def revenue(
    connection: Connection, workspace: str, days: int, now: int, time_zone: str, *, by: Days = Days.OWN
) -> list[tuple[date, Money]]:
    """Revenue of each of the last ``days`` days in the workspace's time zone, oldest first, with today."""
    span = span_of(days, now, time_zone)
    zone = ZoneInfo(time_zone)
    by_day = {day: Money() for day in _days(days, now, zone)}
    quarter = (_AT[by] // _QUARTER_MS).label("quarter")
    for row in sums(connection, workspace, span, quarter, by):
        by_day[_day_of(row.quarter * _QUARTER_MS, zone)].add(row)
    return list(by_day.items())


def seen_by(
    connection: Connection, workspace: str, span: tuple[int, int], group: ColumnElement[str]
) -> dict[str, tuple[int, int]]:
    """How many visitors and clicks there were by ``group``, a column of visits."""
    shown = group.label("shown")  # by its name, or PostgreSQL takes two times the same CASE for two
    found = connection.execute(_seen(workspace, span).add_columns(shown).group_by(shown))
    return {name: (int(visitors), int(clicks)) for visitors, clicks, name in found}


def _seen(workspace: str, span: tuple[int, int]) -> Select[Any]:
    """Distinct visitors that landed, and clicks, of the UTC days that the span touches."""
    visitors = func.count(distinct(case((visits.c.landed, visits.c.visitor))))
    start, end = span
    return select(visitors, func.coalesce(func.sum(visits.c.clicks), 0)).where(
        visits.c.workspace == workspace,
        visits.c.day.between(start // DAY_MS, (end - 1) // DAY_MS),
    )


def sums(
    connection: Connection, workspace: str, span: tuple[int, int], group: ColumnElement[Any], by: Days
) -> Iterable[Any]:
    """Gross, net and fees, in USD and natively, by ``group`` and the currency of the charges."""
    statement = (
        select(group, charges.c.currency, *(column.label(name) for name, column in _COLUMNS.items()))
        .join_from(lines, charges)
        .where(
            lines.c.workspace == workspace,
            lines.c.livemode == shown_livemode(connection, workspace),
            _AT[by] >= span[0],
            _AT[by] < span[1],
            lines.c.reason.in_(sorted(REVENUE | FEES)),
        )
        .group_by(group, charges.c.currency)
        .order_by(group, charges.c.currency)
    )
    return connection.execute(statement)


def _total(column: ColumnElement[Any], where: ColumnElement[bool]) -> ColumnElement[Any]:
    return func.coalesce(func.sum(case((where, column))), 0)


def _count(where: ColumnElement[bool]) -> ColumnElement[Any]:
    return func.count(case((where, 1)))


_AT = {Days.OWN: lines.c.occurred_at, Days.CHARGE: charges.c.created_at}
_CREDIT, _DISPUTE = lines.c.reason == "credit", lines.c.reason == "dispute"
_IS_FEE, _NO_USD = lines.c.reason.in_(sorted(FEES)), lines.c.usd_minor.is_(None)
_REVENUE = ~_IS_FEE
# When a dispute that nobody has seen took its fee is not known either: it is missing where the charge counts.
_UNKNOWN_OF_CHARGE = charges.c.fee_minor.is_(None) | charges.c.dispute_unseen.is_(True)
_FEE_UNKNOWN = (_CREDIT & _UNKNOWN_OF_CHARGE) | (_DISPUTE & charges.c.dispute_fee_minor.is_(None))
_OF_CHARGE = lines.c.currency == charges.c.currency
_COLUMNS = {
    "gross_usd": _total(lines.c.usd_minor, _CREDIT),
    "gross": _total(lines.c.amount_minor, _CREDIT),
    "net_usd": _total(lines.c.usd_minor, _REVENUE),
    "net": _total(lines.c.amount_minor, _REVENUE),
    "unconverted": _count(_REVENUE & _NO_USD),
    "fees_usd": _total(lines.c.usd_minor, _IS_FEE),
    "fees": _total(lines.c.amount_minor, _IS_FEE & _OF_CHARGE),
    "fees_unknown": _count(_FEE_UNKNOWN),
    "fees_unconverted": _count(_IS_FEE & _NO_USD),
    "fees_elsewhere": _count(_IS_FEE & ~_OF_CHARGE),
}


def span_of(days: int, now: int, time_zone: str) -> tuple[int, int]:
    """From the first midnight to the one after today, in ms."""
    zone = ZoneInfo(time_zone)
    dates = _days(days, now, zone)
    return _midnight(dates[0], zone), _midnight(dates[-1] + timedelta(days=1), zone)


def _days(days: int, now: int, zone: ZoneInfo) -> list[date]:
    today = _day_of(now, zone)
    return [today - timedelta(days=back) for back in range(days - 1, -1, -1)]


def _day_of(at: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(at // 1000, zone).date()


def _midnight(day: date, zone: ZoneInfo) -> int:
    return int(datetime.combine(day, time.min, zone).timestamp()) * 1000
