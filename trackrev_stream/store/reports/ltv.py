"""Lifetime value: what the payers of each month came to, month by month, by who earned it.

A payer belongs to the month of its first paid charge (its cohort), in the workspace's time zone. A line
counts in the month it happened, so many months after the cohort's (its age): a refund in its own. All of it
is a function of the lines that stand. Gross is what was captured, net what remains of it; fees are no part of
either. Totals are in USD; a line without a rate is in no total, and ``unconverted`` counts such lines.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, Select, case, distinct, func, literal, select

from trackrev_stream.contracts.choices import By
from trackrev_stream.domain.ledger.lines import REVENUE
from trackrev_stream.store.database.schema import charges, lines
from trackrev_stream.store.workspaces.channel_names import as_shown, shown_as
from trackrev_stream.store.workspaces.stripe_connections import shown_livemode


@dataclass(slots=True)
class Sum:
    """Money of one month of age, or of all months up to it."""

    gross_minor: int = 0
    net_minor: int = 0
    unconverted: int = 0

    def add(self, other: "Sum") -> None:
        """Add another sum."""
        self.gross_minor += other.gross_minor
        self.net_minor += other.net_minor
        self.unconverted += other.unconverted


@dataclass(slots=True)
class Month:
    """One month of age: its own money and all until its end, in cents of USD and natively by currency."""

    usd: Sum = field(default_factory=Sum)
    usd_so_far: Sum = field(default_factory=Sum)
    native: dict[str, Sum] = field(default_factory=dict)
    native_so_far: dict[str, Sum] = field(default_factory=dict)


@dataclass(slots=True)
class Earned:
    """What one channel, or link of it, earned from a cohort; ``payers`` are those it earned a charge of."""

    channel: str
    link: str
    payers: int
    months: list[Month]


@dataclass(slots=True)
class Cohort:
    """The payers whose first paid charge was in one month (``2026-11``); ``total`` are all of its lines.

    A payer whom several channels earned is one of the payers of each, and one of the total.
    """

    month: str
    total: Earned
    rows: list[Earned]


def ltv(connection: Connection, workspace: str, by: By, time_zone: str) -> list[Cohort]:
    """All cohorts of the mode that is shown, oldest first; who earned most (net, in USD) first in each."""
    starts = _months(connection, workspace, ZoneInfo(time_zone))
    if not starts:
        return []
    each = _each_line(connection, workspace, by, [at for _, at in starts]).subquery()
    place = (each.c.cohort, each.c.channel, each.c.link)
    payers = {
        (cohort, channel, link): count
        for cohort, channel, link, count in connection.execute(
            select(*place, func.count(distinct(each.c.payer)))
            .where(each.c.reason == "credit")
            .group_by(*place)
        )
    }
    totals = select(each.c.cohort, func.count(distinct(each.c.payer))).group_by(each.c.cohort)
    payers |= {(cohort, "", ""): count for cohort, count in connection.execute(totals)}
    credit = case((each.c.reason == "credit", 1), else_=0)
    sums = connection.execute(
        select(
            *(*place, each.c.month, each.c.currency),
            func.sum(each.c.amount_minor * credit).label("gross"),
            func.sum(each.c.amount_minor).label("net"),
            func.coalesce(func.sum(each.c.usd_minor * credit), 0).label("gross_usd"),
            func.coalesce(func.sum(each.c.usd_minor), 0).label("net_usd"),
            (func.count() - func.count(each.c.usd_minor)).label("unconverted"),
        )
        .group_by(*place, each.c.month, each.c.currency)
        .order_by(*place, each.c.month, each.c.currency)
    )
    return _cohorts([name for name, _ in starts], list(sums), payers)


def _each_line(connection: Connection, workspace: str, by: By, starts: list[int]) -> Select[Any]:
    """Each line of revenue with its cohort and month, as places in ``starts``."""
    livemode = shown_livemode(connection, workspace)
    of_payer = (
        select(charges.c.payer, func.min(charges.c.created_at).label("first_at"))
        .where(charges.c.workspace == workspace, charges.c.livemode == livemode)
        .group_by(charges.c.payer)
        .subquery()
    )
    mine = (lines.c.workspace == workspace, lines.c.livemode == livemode)
    found = connection.execute(select(lines.c.channel).where(*mine).distinct()).scalars()
    channel = as_shown(lines.c.channel, shown_as(connection, workspace, found))
    link: ColumnElement[Any] = lines.c.link if by is By.LINK else literal("")
    return (
        select(
            _place(of_payer.c.first_at, starts).label("cohort"),
            _place(lines.c.occurred_at, starts).label("month"),
            *(charges.c.payer, channel.label("channel"), link.label("link"), lines.c.reason),
            *(lines.c.currency, lines.c.amount_minor, lines.c.usd_minor),
        )
        .join_from(lines, charges, lines.c.charge_key == charges.c.key)
        .join(of_payer, of_payer.c.payer == charges.c.payer)
        .where(*mine, lines.c.reason.in_(sorted(REVENUE)))
    )


def _place(at: ColumnElement[int], starts: list[int]) -> ColumnElement[int]:
    """Which month a time is in: the last whose start it has reached."""
    later = [(at >= start, place) for place, start in enumerate(starts)][:0:-1]
    return case(*later, else_=0) if later else literal(0)


def _months(connection: Connection, workspace: str, zone: ZoneInfo) -> list[tuple[str, int]]:
    """The names and starts (ms) of all months from the first charge to the last line."""
    livemode = shown_livemode(connection, workspace)
    of_charges = select(func.min(charges.c.created_at)).where(
        charges.c.workspace == workspace, charges.c.livemode == livemode
    )
    of_lines = select(func.max(lines.c.occurred_at)).where(
        lines.c.workspace == workspace, lines.c.livemode == livemode
    )
    first, last = connection.execute(of_charges).scalar(), connection.execute(of_lines).scalar()
    if first is None or last is None:
        return []
    start = datetime.fromtimestamp(first // 1000, zone)
    year, month = start.year, start.month
    found: list[tuple[str, int]] = []
    while not found or found[-1][1] <= last:
        at = int(datetime(year, month, 1, tzinfo=zone).timestamp()) * 1000
        found.append((f"{year}-{month:02}", at))
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    return found


def _cohorts(names: list[str], sums: Iterable[Any], payers: dict[tuple[int, str, str], int]) -> list[Cohort]:
    by_cohort: dict[int, dict[tuple[str, str], list[Any]]] = {}
    for row in sums:
        by_cohort.setdefault(row.cohort, {}).setdefault((row.channel, row.link), []).append(row)
    found = []
    for cohort, groups in sorted(by_cohort.items()):
        everything = [row for group in groups.values() for row in group]
        ages = 1 + max(row.month for row in everything) - cohort
        rows = [
            Earned(channel, link, payers.get((cohort, channel, link), 0), _ages(cohort, ages, group))
            for (channel, link), group in groups.items()
        ]
        rows.sort(key=lambda row: (-row.months[-1].usd_so_far.net_minor, row.channel, row.link))
        total = Earned("", "", payers[cohort, "", ""], _ages(cohort, ages, everything))
        found.append(Cohort(names[cohort], total, rows))
    return found


def _ages(cohort: int, ages: int, rows: Iterable[Any]) -> list[Month]:
    months = [Month() for _ in range(ages)]
    for row in rows:
        month = months[max(0, row.month - cohort)]
        # PostgreSQL sums whole numbers to a decimal one.
        month.usd.add(Sum(int(row.gross_usd), int(row.net_usd), row.unconverted))
        native = month.native.setdefault(row.currency, Sum())
        native.add(Sum(int(row.gross), int(row.net), row.unconverted))
    before = Month()
    for month in months:
        month.usd_so_far.add(before.usd_so_far)
        month.usd_so_far.add(month.usd)
        for currency in sorted(before.native_so_far.keys() | month.native.keys()):
            so_far = month.native_so_far.setdefault(currency, Sum())
            so_far.add(before.native_so_far.get(currency, Sum()))
            so_far.add(month.native.get(currency, Sum()))
        before = month
    return months
