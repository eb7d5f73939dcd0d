"""Reports: what channels brought, and revenue by day, from the lines that stand.

Gross is what was captured (lines of reason ``credit``), net what remains of it after refunds and disputes.
A line counts on the day it happened: a refund on its own. Totals are in USD; a line without a rate is in no
total, and ``unconverted`` counts such lines.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, case, distinct, func, select

from trackrev_stream.domain.ledger import REVENUE
from trackrev_stream.domain.touch import DAY_MS
from trackrev_stream.store.connections import shown_livemode
from trackrev_stream.store.schema import lines, visits

_QUARTER_MS = 900_000  # the offsets of all time zones are whole quarters of an hour


@dataclass(slots=True)
class Native:
    """Money in one currency, in its minor units; ``unconverted`` lines have no rate to USD yet."""

    currency: str
    gross_minor: int = 0
    net_minor: int = 0
    unconverted: int = 0


@dataclass(slots=True)
class Money:
    """Totals in cents of USD, and what they are made of by currency."""

    gross_minor: int = 0
    net_minor: int = 0
    native: dict[str, Native] = field(default_factory=dict)

    def add(self, row: Any) -> None:
        """Add a row of ``_sums``."""
        # PostgreSQL sums whole numbers to a decimal one.
        self.gross_minor += int(row.gross_usd)
        self.net_minor += int(row.net_usd)
        native = self.native.setdefault(row.currency, Native(row.currency))
        native.gross_minor += int(row.gross)
        native.net_minor += int(row.net)
        native.unconverted += row.unconverted


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


def channels(connection: Connection, workspace: str, days: int, now: int, time_zone: str) -> Channels:
    """What each channel brought in the last ``days`` days, today included.

    Days are the workspace's for money. Visits are kept by UTC day: those of the days that the span touches.
    """
    start, end = _span(days, now, time_zone)
    found: dict[str, ChannelRow] = {}
    total = ChannelRow("")
    for row in _sums(connection, workspace, start, end, lines.c.channel):
        found.setdefault(row.channel, ChannelRow(row.channel)).money.add(row)
        total.money.add(row)
    visitors = func.count(distinct(case((visits.c.landed, visits.c.visitor))))
    clicks = func.coalesce(func.sum(visits.c.clicks), 0)
    span = (
        visits.c.workspace == workspace,
        visits.c.day.between(start // DAY_MS, (end - 1) // DAY_MS),
    )
    grouped = select(visits.c.channel, visitors, clicks).where(*span).group_by(visits.c.channel)
    for channel, seen, clicked in connection.execute(grouped):
        row = found.setdefault(channel, ChannelRow(channel))
        row.visitors, row.clicks = int(seen), int(clicked)
    seen, clicked = connection.execute(select(visitors, clicks).where(*span)).one()
    total.visitors, total.clicks = int(seen), int(clicked)
    order = sorted(found.values(), key=lambda row: (-row.money.net_minor, -row.visitors, row.channel))
    return Channels(order, total)


def revenue(
    connection: Connection, workspace: str, days: int, now: int, time_zone: str
) -> list[tuple[date, Money]]:
    """Revenue of each of the last ``days`` days in the workspace's time zone, oldest first, with today."""
    start, end = _span(days, now, time_zone)
    zone = ZoneInfo(time_zone)
    by_day = {day: Money() for day in _days(days, now, zone)}
    quarter = (lines.c.occurred_at // _QUARTER_MS).label("quarter")
    for row in _sums(connection, workspace, start, end, quarter):
        by_day[_day_of(row.quarter * _QUARTER_MS, zone)].add(row)
    return list(by_day.items())


def _sums(
    connection: Connection, workspace: str, start: int, end: int, group: ColumnElement[Any]
) -> Iterable[Any]:
    """Gross and net, in USD and natively, by ``group`` and currency."""
    credit = lines.c.reason == "credit"
    statement = (
        select(
            group,
            lines.c.currency,
            *(_total(column, credit).label(name) for column, name in _GROSS),
            *(_total(column).label(name) for column, name in _NET),
            (func.count() - func.count(lines.c.usd_minor)).label("unconverted"),
        )
        .where(
            lines.c.workspace == workspace,
            lines.c.livemode == shown_livemode(connection, workspace),
            lines.c.occurred_at >= start,
            lines.c.occurred_at < end,
            lines.c.reason.in_(sorted(REVENUE)),
        )
        .group_by(group, lines.c.currency)
        .order_by(group, lines.c.currency)
    )
    return connection.execute(statement)


_GROSS = ((lines.c.usd_minor, "gross_usd"), (lines.c.amount_minor, "gross"))
_NET = ((lines.c.usd_minor, "net_usd"), (lines.c.amount_minor, "net"))


def _total(column: ColumnElement[Any], where: ColumnElement[bool] | None = None) -> ColumnElement[Any]:
    return func.coalesce(func.sum(column if where is None else case((where, column))), 0)


def _span(days: int, now: int, time_zone: str) -> tuple[int, int]:
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
