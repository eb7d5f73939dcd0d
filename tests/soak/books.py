"""What stands in a database at the end, as lines of text that can be compared."""

import difflib
from collections.abc import Iterable, Sequence

from sqlalchemy import func, select

from ops.synthetic_traffic import Fact
from trackrev_stream.domain.payments.payment import FactKind, PaymentFact
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.schema import charges, entries, lines

_OF_CHARGE = (
    "key", "payer", "payment", "status", "reason", "currency", "gross_minor", "net_minor", "created_at",
)  # fmt: skip
MOST_SHOWN = 20


def standing(url: str) -> list[str]:
    """Every charge and every standing line, sorted; the entry that posted a line is history, not standing."""
    of_line = [column for column in lines.c if column.name != "entry_id"]
    store = Store.open(url)
    try:
        found = store.read_now(lambda c: c.execute(select(*(charges.c[name] for name in _OF_CHARGE))).all())
        texts = [" ".join(("charge", *map(str, row))) for row in found]
        rows = store.read_now(lambda c: c.execute(select(*of_line)).all())
        return sorted([*texts, *(" ".join(("line", *map(str, row))) for row in rows)])
    finally:
        store.close()


def posted(url: str) -> dict[str, int]:
    """The sum of all entries of each charge, where it is not zero."""
    total = select(entries.c.charge_key, func.sum(entries.c.amount_minor)).group_by(entries.c.charge_key)
    store = Store.open(url)
    try:
        return {key: int(sum_) for key, sum_ in store.read_now(lambda c: c.execute(total).all()) if sum_}
    finally:
        store.close()


def owed(facts: Iterable[Fact]) -> dict[str, int]:
    """What each charge is worth by plain arithmetic, where it is not zero: captured less refunded."""
    captured, refunded = dict[str, int](), dict[str, int]()
    for fact in facts:
        if isinstance(fact, PaymentFact) and fact.kind is FactKind.CHARGE:
            key = fact.scope.key(fact.charge)
            captured[key] = fact.amount_minor
            refunded[key] = max(fact.refunded_minor, refunded.get(key, 0))
    return {key: worth for key, amount in captured.items() if (worth := amount - refunded[key])}


def differences(wanted: Sequence[str], found: Sequence[str]) -> list[str]:
    """The first lines that differ, with - what is missing and with + what should not stand."""
    changed = (line for line in difflib.unified_diff(wanted, found, lineterm="", n=0))
    return [line for line in changed if not line.startswith(("---", "+++", "@@"))][:MOST_SHOWN]


def wrong_sums(wanted: dict[str, int], found: dict[str, int]) -> list[str]:
    """The first charges whose entries do not add up to what they are worth."""
    wrong = sorted(wanted.items() ^ found.items())
    return [f"entries of {key} add up to {found.get(key, 0)}, not {wanted.get(key, 0)}" for key, _ in wrong][
        :MOST_SHOWN
    ]
