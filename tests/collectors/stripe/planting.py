"""Differences, planted into a book."""

import base64
from collections.abc import Callable

from sqlalchemy import Connection, delete, select, update

from trackrev_stream.contracts.dead_letters import DeadLetter
from trackrev_stream.contracts.topics import STRIPE_PAYMENTS
from trackrev_stream.domain.reconciliation.differences import Cause
from trackrev_stream.domain.values.days import DAY_MS
from trackrev_stream.domain.values.ids import OWN_ACCOUNT
from trackrev_stream.store.database.schema import charges, entries, lines
from trackrev_stream.store.operations.dead_letters import store_letters


def id_of(key: str) -> str:
    return key.rsplit("|", 1)[1]


Plant = Callable[[Connection, str], object]


def gone(sql: Connection, key: str) -> None:
    for table in (lines, entries):
        sql.execute(delete(table).where(table.c.charge_key == key))
    sql.execute(delete(charges).where(charges.c.key == key))


def buried(sql: Connection, key: str) -> None:
    gone(sql, key)
    payload = base64.b64encode(f'{{"id":"{id_of(key)}"}}'.encode()).decode()
    store_letters(sql, [DeadLetter("bill", "Malformed", "?", payload, STRIPE_PAYMENTS.name, 0, 7, 0, 1)], 1)


def without(*reasons: str) -> Plant:
    def plant(sql: Connection, key: str) -> None:
        sql.execute(delete(lines).where(lines.c.charge_key == key, lines.c.reason.in_(reasons)))

    return plant


def line_set(reason: str, **values: object) -> Plant:
    def plant(sql: Connection, key: str) -> None:
        of = (lines.c.charge_key == key) & (lines.c.reason == reason)
        sql.execute(update(lines).where(of).values(**values))

    return plant


def charge_set(**values: object) -> Plant:
    return lambda sql, key: sql.execute(update(charges).where(charges.c.key == key).values(**values))


def renamed(sql: Connection, key: str) -> None:
    """A charge that the ledger has under the wrong account: Stripe's own one is missing beside it."""
    sql.execute(update(charges).where(charges.c.key == key).values(account="acct_other"))


# What is planted, into how many charges that have lines of this reason, and the cause that should be named.
PLANTED: list[tuple[Plant, int, str, Cause]] = [
    (gone, 9, "credit", Cause.NEVER_ARRIVED),
    (buried, 3, "credit", Cause.DEAD_LETTER),
    (charge_set(livemode=True), 5, "credit", Cause.ELSEWHERE),
    (renamed, 3, "credit", Cause.ELSEWHERE),
    (charge_set(currency="xxx"), 4, "credit", Cause.OTHER_CURRENCY),
    (line_set("credit", amount_minor=lines.c.amount_minor + 1), 6, "credit", Cause.AMOUNT_CHANGED),
    (line_set("credit", occurred_at=lines.c.occurred_at - DAY_MS), 2, "credit", Cause.OTHER_DAY),
    (without("refund"), 6, "refund", Cause.REFUND_MISSING),
    (line_set("refund", occurred_at=lines.c.occurred_at + DAY_MS), 5, "refund", Cause.OTHER_DAY),
    (without("refund_failed"), 3, "refund_failed", Cause.REFUND_FAILED),
    (without("dispute", "dispute_reinstated"), 2, "dispute", Cause.DISPUTE_MISSING),
    (without("dispute_reinstated"), 2, "dispute_reinstated", Cause.DISPUTE_OUTCOME),
]


def candidates(sql: Connection) -> dict[str, set[str]]:
    """The own account's charges by the most telling reason among their lines."""
    found: dict[str, set[str]] = {}
    of = select(lines.c.charge_key, lines.c.reason).join_from(lines, charges)
    for key, reason in sql.execute(of.where(charges.c.account == OWN_ACCOUNT)):
        found.setdefault(key, set()).add(reason)
    return found


def plant_all(sql: Connection) -> dict[str, Cause]:
    reasons = candidates(sql)
    planted: dict[str, Cause] = {}
    for plant, count, reason, cause in PLANTED:
        wanted = {"credit", reason} | ({"dispute"} if reason == "dispute_reinstated" else set())
        wanted |= {"refund"} if reason == "refund_failed" else set()
        fit = [key for key in sorted(reasons) if reasons[key] - {"fee", "dispute_fee"} == wanted]
        fit = [key for key in fit if id_of(key) not in planted]
        assert len(fit) >= count, f"the year has {len(fit)} charges with {wanted}"
        for key in fit[:count]:
            plant(sql, key)
            planted[id_of(key)] = cause
    return planted
