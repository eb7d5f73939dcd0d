"""The ledger's side of a reconciliation with Stripe, and what each came to."""

import re
from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, select

from trackrev_stream.contracts.choices import Status
from trackrev_stream.contracts.ports import Checked, StripeConnection
from trackrev_stream.contracts.topics import STRIPE_ACCOUNTS, STRIPE_PAYMENTS
from trackrev_stream.domain.ledger.lines import REVENUE
from trackrev_stream.domain.reconciliation.differences import Heard
from trackrev_stream.domain.reconciliation.movements import KIND_BY_REASON, ChargeMovements, Movement, Period
from trackrev_stream.domain.values.days import DAY_MS
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.poller_schema import cursors, reconciliations
from trackrev_stream.store.database.schema import charges, lines, upsert
from trackrev_stream.store.operations.dead_letters import list_letters

AT_ONCE = 500  # ids in one question
MOST_CURRENCIES = 200  # Stripe has some 135
MONEY_LISTS = ("charges", "refunds")  # the cursors of the poller that every key may move

_OBJECT = re.compile(r"\b(?:ch|py|re|pyr|dp|du)_[A-Za-z0-9]+")


class StoreLedgerReader:
    """Book over the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def moved(self, connection: StripeConnection, period: Period) -> set[str]:
        """The charges of which money moved in a period."""
        within = lines.c.occurred_at.between(period.first * DAY_MS, (period.last + 1) * DAY_MS - 1)
        found = select(charges.c.charge).distinct().join_from(lines, charges)
        asked = found.where(_is_of(connection), within, lines.c.reason.in_(REVENUE))
        return set(await self._store.read(lambda sql: sql.execute(asked).scalars().all()))

    async def booked(
        self, connection: StripeConnection, charges: Collection[str]
    ) -> dict[str, ChargeMovements]:
        """The accounts of these charges, as far as the ledger has them; all their lines, whenever."""
        return await self._store.read(lambda sql: _booked(sql, connection, charges))

    async def heard(self, connection: StripeConnection, charges: Collection[str]) -> Heard:
        """What tells why these charges may differ."""
        return await self._store.read(
            lambda sql: Heard(
                _read_until(sql, connection), _elsewhere(sql, connection, charges), _buried(sql)
            )
        )

    async def keep(self, connection: StripeConnection, checked: Checked) -> None:
        """Keep the result of a reconciliation, in place of an earlier one of the same days."""
        days = {"first_day": checked.period.first, "last_day": checked.period.last}
        key = {"workspace": connection.workspace, "account": connection.account} | days
        told = {"differences": checked.differences, "checked_at": checked.checked_at}
        rows = [
            key | told | {"currency": currency, "residual_minor": residual}
            for currency, residual in (checked.residual_minor or {"": 0}).items()
        ]
        same = and_(*(reconciliations.c[name] == value for name, value in key.items()))

        def keep(sql: Connection) -> None:
            sql.execute(delete(reconciliations).where(same))
            upsert(sql, reconciliations, rows)

        await self._store.write(keep)

    async def last(self, connection: StripeConnection, days: int) -> Checked | None:
        """The result of the last one over so many days, or None."""
        table = reconciliations.c
        mine = and_(
            table.workspace == connection.workspace,
            table.account == connection.account,
            table.last_day - table.first_day == days - 1,
        )
        asked = select(reconciliations).where(mine).order_by(table.checked_at.desc(), table.last_day.desc())
        rows = await self._store.read(lambda sql: sql.execute(asked.limit(MOST_CURRENCIES)).all())
        if not rows:
            return None
        one = rows[0]
        of_same = [row for row in rows if (row.checked_at, row.last_day) == (one.checked_at, one.last_day)]
        residual = {row.currency: row.residual_minor for row in of_same if row.currency}
        return Checked(Period(one.first_day, one.last_day), one.checked_at, residual, one.differences)


def _booked(
    sql: Connection, connection: StripeConnection, names: Collection[str]
) -> dict[str, ChargeMovements]:
    rows: list[Any] = []
    wanted = [charges.c.charge, charges.c.created_at, charges.c.currency, charges.c.release_unclear]
    of_line = [lines.c.reason, lines.c.amount_minor, lines.c.occurred_at]
    for some in _some(names):
        asked = select(*wanted, *of_line).join_from(charges, lines).where(_is_of(connection))
        order = (lines.c.occurred_at, lines.c.line_id)
        rows += sql.execute(
            asked.where(charges.c.charge.in_(some), lines.c.reason.in_(REVENUE)).order_by(*order)
        )
    movements: dict[tuple[str, int, str, bool], list[Movement]] = {}
    for row in rows:
        sign = 1 if row.reason == "credit" else -1
        moved = Movement(KIND_BY_REASON[row.reason], row.reason, sign * row.amount_minor, row.occurred_at)
        # What older programs have posted says nothing of it.
        unsure = row.release_unclear is None or row.release_unclear
        movements.setdefault((row.charge, row.created_at, row.currency, unsure), []).append(moved)
    return {
        charge: ChargeMovements(charge, created_at, currency, tuple(moved), unsure=unsure)
        for (charge, created_at, currency, unsure), moved in movements.items()
    }


def _is_of(connection: StripeConnection) -> ColumnElement[bool]:
    return and_(
        charges.c.workspace == connection.workspace,
        charges.c.account == connection.account,
        charges.c.livemode == connection.livemode,
    )


def _some(names: Collection[str]) -> Iterator[list[str]]:
    ordered = sorted(names)
    return (ordered[start : start + AT_ONCE] for start in range(0, len(ordered), AT_ONCE))


def _read_until(sql: Connection, connection: StripeConnection) -> int | None:
    """How far the poller has read all of a connection's money, or None."""
    mine = and_(cursors.c.workspace == connection.workspace, cursors.c.account == connection.account)
    asked = select(cursors.c.value).where(mine, cursors.c.name.in_(MONEY_LISTS))
    found = sql.execute(asked).scalars().all()
    return min(found) if len(found) == len(MONEY_LISTS) else None


def _elsewhere(sql: Connection, connection: StripeConnection, names: Collection[str]) -> frozenset[str]:
    found: list[str] = []
    for some in _some(names):
        mine = and_(charges.c.workspace == connection.workspace, charges.c.charge.in_(some))
        found += sql.execute(select(charges.c.charge).where(mine, ~_is_of(connection))).scalars()
    return frozenset(found)


def _buried(sql: Connection) -> frozenset[str]:
    """The ids that open dead letters of Stripe's objects name."""
    topics = (STRIPE_PAYMENTS.name, STRIPE_ACCOUNTS.name)
    letters = [one.letter for one in list_letters(sql, status=Status.OPEN) if one.letter.topic in topics]
    found: set[str] = set()
    for letter in letters:
        found.update(_OBJECT.findall(letter.raw.decode(errors="replace")))
    return frozenset(found)
