"""Differences planted into the ledger of a year, over all accounts, of all causes that `reconcile` names."""

from pathlib import Path

from sqlalchemy import ColumnElement, Connection, select, update

from ops.standin.year import CONNECTED, START_S
from tests.collectors.stripe.planting import gone, id_of, plant_all, without
from tests.store.builders import at_offsets
from tests.store.builders import charge as made_charge
from tests.stripe_year.processes import FOUR, WORKSPACES, chosen, connect
from tests.stripe_year.ways import AFTER_MS
from trackrev_stream.domain.reconciliation.differences import Cause
from trackrev_stream.domain.values.days import DAY_MS
from trackrev_stream.domain.values.ids import OWN_ACCOUNT
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.poller_schema import cursors
from trackrev_stream.store.database.schema import charges, lines
from trackrev_stream.store.ledger.post import post

Planted = dict[str, Cause]
AURORA, BOREAL = (WORKSPACES[account] for account in CONNECTED)
MIDDLE_MS = START_S * 1_000 + 200 * DAY_MS
UNREAD = 10


def plant(directory: Path, url: str) -> dict[str, Planted]:
    """Plant into a data directory; what by workspace. The disputes of one can be read no more."""
    store = Store.open(chosen(directory).store)
    try:
        planted = {
            WORKSPACES[OWN_ACCOUNT]: store.write_now(_into_own),
            AURORA: store.write_now(_unread),
            BOREAL: store.write_now(_undisputed),
        }
    finally:
        store.close()
    connect(directory, url, [(CONNECTED[1], "")], FOUR)
    return planted


def _into_own(sql: Connection) -> Planted:
    planted = plant_all(sql)
    workspace = WORKSPACES[OWN_ACCOUNT]
    stranger = made_charge("ch_stranger", at=START_S * 1_000, livemode=False, workspace=workspace)
    post(sql, at_offsets(stranger, first=10_000_000), AFTER_MS)
    return planted | {"ch_stranger": Cause.NOT_SHOWN}


def _unread(sql: Connection) -> Planted:
    """Charges that are younger than what was read: they are there no more, and the cursors are set back."""
    of = cursors.c.workspace == AURORA
    sql.execute(update(cursors).where(of, cursors.c.value > MIDDLE_MS).values(value=MIDDLE_MS))
    keys = _first(sql, AURORA, UNREAD, charges.c.created_at > MIDDLE_MS)
    for key in keys:
        gone(sql, key)
    return {id_of(key): Cause.NOT_READ_YET for key in keys}


def _undisputed(sql: Connection) -> Planted:
    """A dispute of which the ledger has nothing."""
    of = charges.c.key.in_(select(lines.c.charge_key).where(lines.c.reason == "dispute"))
    [key] = _first(sql, BOREAL, 1, of)
    without("dispute", "dispute_reinstated")(sql, key)
    return {id_of(key): Cause.DISPUTE_UNREADABLE}


def _first(sql: Connection, workspace: str, count: int, of: ColumnElement[bool]) -> list[str]:
    asked = select(charges.c.key).where(charges.c.workspace == workspace, of).order_by(charges.c.key)
    found = list(sql.execute(asked.limit(count)).scalars())
    assert len(found) == count, f"{workspace} has {len(found)} such charges, not {count}"
    return found
