"""Money that waits: refunds and disputes of charges that were never seen, which count nowhere."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, Row, func, select

from trackrev_stream.contracts.codec import decode, encode
from trackrev_stream.contracts.records import WaitingMoney
from trackrev_stream.domain.payments.joining import ties_between
from trackrev_stream.domain.payments.payment import WaitingFact
from trackrev_stream.domain.values.ids import name_of, scope_of
from trackrev_stream.store.database.schema import charges, upsert
from trackrev_stream.store.database.waiting_schema import waiting_money

AT_ONCE = 500  # charges in one question


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits under the name of a payment, or of a charge of which no payment is known, since when."""

    payment: str
    account: str
    livemode: bool
    since: int
    facts: tuple[WaitingFact, ...]


def save_waiting(connection: Connection, records: Iterable[WaitingMoney]) -> None:
    """Keep the newest that was told of each payment."""
    newest: dict[str, WaitingMoney] = {}
    for record in records:
        known = newest.setdefault(record.payment, record)
        newest[record.payment] = max(known, record, key=lambda one: one.version)
    table = waiting_money.c
    asked = select(table.payment, table.since).where(table.payment.in_(list(newest)), table.count > 0)
    since = {row.payment: row.since for row in connection.execute(asked)}
    rows = []
    for key, record in sorted(newest.items()):
        scope = scope_of(key)
        rows.append(
            {
                "payment": key,
                "workspace": scope.workspace,
                "account": scope.account,
                "livemode": scope.livemode,
                "count": len(record.facts),
                "since": since.get(key, record.received_at),
                "version": record.version,
                "facts": encode(record.facts).decode(),
            }
        )
    upsert(connection, waiting_money, rows, newer_by="version")


def count_waiting(connection: Connection) -> dict[str, int]:
    """How much waits in each workspace where anything does."""
    table = waiting_money.c
    asked = select(table.workspace, func.sum(table.count)).where(table.count > 0).group_by(table.workspace)
    return {workspace: int(count) for workspace, count in connection.execute(asked)}


def list_waiting(connection: Connection, workspace: str) -> list[Waiting]:
    """What waits in a workspace, the longest first."""
    table = waiting_money.c
    asked = select(waiting_money).where(table.workspace == workspace, table.count > 0)
    return [_waiting(row) for row in connection.execute(asked.order_by(table.since, table.payment))]


def waiting_for(connection: Connection, workspace: str, names: Iterable[str]) -> list[Waiting]:
    """What waits in a workspace for one of these charges or payments, or is itself called so."""
    wanted = set(names)
    return [
        one
        for one in list_waiting(connection, workspace)
        if one.payment in wanted or any(fact.charge in wanted or fact.id in wanted for fact in one.facts)
    ]


def find_ties(connection: Connection) -> list[tuple[str, str]]:
    """The charges in the ledger that something waits for elsewhere, and what to join each to; as keys."""
    table = waiting_money.c
    rows = connection.execute(select(table.payment, table.facts).where(table.count > 0)).all()
    waiting = [(row.payment, decode(tuple[WaitingFact, ...], row.facts.encode())) for row in rows]
    wanted = {scope_of(key).key(fact.charge) for key, facts in waiting for fact in facts if fact.charge}
    payments: dict[str, str] = {}
    for start in range(0, len(wanted), AT_ONCE):
        some = sorted(wanted)[start : start + AT_ONCE]
        known = select(charges.c.key, charges.c.payment).where(charges.c.key.in_(some))
        payments.update((row.key, row.payment) for row in connection.execute(known))
    return list(ties_between(waiting, payments))


def _waiting(row: Row[tuple[object, ...]]) -> Waiting:
    facts = decode(tuple[WaitingFact, ...], row.facts.encode())
    return Waiting(name_of(row.payment), row.account, row.livemode, row.since, facts)
