"""How a workspace goes, as far as the database tells: its last visit and charge, what nobody earned."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, func, select, text

from trackrev_stream.domain.values.days import DAY_MS
from trackrev_stream.store.database.schema import charges, entries, fx_rates, visits
from trackrev_stream.store.workspaces.stripe_connections import shown_livemode

DAYS = 30
CREDITED = "credited"


@dataclass(frozen=True, slots=True)
class WorkspaceHealth:
    """How a workspace goes. Charges are those of the last 30 days, ``reasons`` of those nobody earned."""

    last_visit_day: int | None
    last_webhook_at: int | None
    last_charge_at: int | None
    charges: int
    reasons: Mapping[str, int]


def workspace_health(connection: Connection, workspace: str, now: int) -> WorkspaceHealth:
    """How a workspace goes now."""
    livemode = shown_livemode(connection, workspace)
    of_mode = (entries.c.workspace == workspace, entries.c.livemode == livemode)
    by_webhook = entries.c.cause.contains(", webhook ", autoescape=True)
    theirs = (charges.c.workspace == workspace, charges.c.livemode == livemode)
    lately = charges.c.created_at > now - DAYS * DAY_MS
    counted = select(charges.c.status, charges.c.reason, func.count()).where(*theirs, lately)
    rows = connection.execute(counted.group_by(charges.c.status, charges.c.reason)).all()
    reasons: Counter[str] = Counter()
    for status, reason, count in rows:
        if status != CREDITED:
            reasons[reason] += count
    return WorkspaceHealth(
        last_visit_day=_one(
            connection, select(func.max(visits.c.day)).where(visits.c.workspace == workspace)
        ),
        last_webhook_at=_one(connection, select(func.max(entries.c.posted_at)).where(*of_mode, by_webhook)),
        last_charge_at=_one(connection, select(func.max(charges.c.posted_at)).where(*theirs)),
        charges=sum(count for *_, count in rows),
        reasons=reasons,
    )


def newest_entry(connection: Connection) -> int:
    """When the last entry was posted, by the clock of whoever posted it; 0 without any."""
    last = select(entries.c.posted_at).order_by(entries.c.seq.desc()).limit(1)
    return _one(connection, last) or 0


def newest_rates_day(connection: Connection) -> int | None:
    """The last day whose exchange rates were fetched."""
    return _one(connection, select(func.max(fx_rates.c.day)))


def database_clock(connection: Connection) -> int | None:
    """The time of the database's server, in ms; None where it has no clock of its own."""
    if connection.dialect.name != "postgresql":
        return None
    return int(connection.execute(text("SELECT extract(epoch FROM clock_timestamp()) * 1000")).scalar_one())


def _one(connection: Connection, asked: Select[Any]) -> int | None:
    found: int | None = connection.execute(asked).scalar()
    return found
