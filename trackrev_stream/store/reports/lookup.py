"""Which charges of the ledger another id of Stripe's leads to, and which are like a mistyped one."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches

from sqlalchemy import Connection, or_, select
from sqlalchemy.sql.elements import ColumnElement

from trackrev_stream.domain.values.ids import SEPARATOR
from trackrev_stream.store.database.schema import charges, entries

MOST = 50
MOST_COMPARED = 20_000  # the newest ones: a mistyped id is mostly of a charge that somebody just looked at

CHARGE = ("ch_", "py_")


def charges_leading_from(connection: Connection, workspaces: Collection[str], name: str) -> list[str]:
    """The ids of the newest charges that belong to the object with this id, as far as the ledger tells.

    A payment intent and a customer are known of every charge. What else is known by its id is what moved
    money last: each entry names its cause, such as a refund.
    """
    theirs = charges.c.workspace.in_(list(workspaces))
    found = select(charges.c.charge).where(theirs, _belongs(name))
    rows = connection.execute(found.order_by(charges.c.created_at.desc(), charges.c.key).limit(MOST))
    return list(dict.fromkeys(rows.scalars()))


def _belongs(name: str) -> ColumnElement[bool]:
    ends = f"{SEPARATOR}{name}"
    named = or_(
        charges.c.payment.endswith(ends, autoescape=True), charges.c.payer.endswith(ends, autoescape=True)
    )
    if name.startswith(("pi_", "cus_")):
        return named
    caused = select(entries.c.charge_key).where(entries.c.cause.contains(f" {name}, ", autoescape=True))
    return or_(named, charges.c.key.in_(caused))


def charges_like(connection: Connection, workspaces: Collection[str], name: str) -> Iterable[str]:
    """Charges with an id like this one."""
    newest = (
        select(charges.c.charge)
        .where(charges.c.workspace.in_(list(workspaces)))
        .order_by(charges.c.created_at.desc())
        .limit(MOST_COMPARED)
    )
    return get_close_matches(name, connection.execute(newest).scalars().all())
