"""The charges of some payers, each with the decision that stands for it."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from trackrev_stream.contracts.codec import decode
from trackrev_stream.domain.attribution.decision import Decision
from trackrev_stream.store.database.schema import charges
from trackrev_stream.store.reports.charges import ChargeSummary, summaries


@dataclass(frozen=True, slots=True)
class Paid:
    """A charge of a payer, who is a guest where the payment itself stands for one."""

    payer: str
    guest: bool
    summary: ChargeSummary
    decision: Decision


def charges_of(connection: Connection, payers: Collection[str], most: int) -> tuple[Counter[str], list[Paid]]:
    """How many charges each payer has, and the ``most`` newest of them all."""
    theirs = charges.c.payer.in_(list(payers))
    counted = select(charges.c.payer, func.count()).where(theirs).group_by(charges.c.payer)
    counts = Counter({payer: int(count) for payer, count in connection.execute(counted)})
    newest = select(charges).where(theirs).order_by(charges.c.created_at.desc(), charges.c.key).limit(most)
    rows = connection.execute(newest).all()
    found = [
        Paid(row.payer, row.payer == row.payment, summary, decode(Decision, row.detail.encode()))
        for row, summary in zip(rows, summaries(connection, rows), strict=True)
    ]
    return counts, found
