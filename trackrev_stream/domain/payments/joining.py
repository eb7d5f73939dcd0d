"""Joining: whose the charge is that a refund, a dispute or a link names alone.

A fact without a payment intent is kept under its charge's name, one without a charge under its intent's. What
finds no charge there waits. Whatever names both, or the charge itself once it is paid, tells where the rest
is; all that is known under the charge's name is joined to the payment then (ops/decisions/0021).
"""

from collections.abc import Iterable, Iterator, Mapping

from trackrev_stream.domain.payments.payment import FactKind, WaitingFact
from trackrev_stream.domain.payments.payment_row import PaymentRow
from trackrev_stream.domain.values.ids import name_of, scope_of


def waiting_in(row: PaymentRow) -> tuple[WaitingFact, ...]:
    """What of a row is of a charge that is not in it: nothing tells there whose money it moved.

    What is said of a charge beside its money waits too, under the charge's own name; under the intent's it
    is at home, and often comes first.
    """
    if not (row.refunds or row.disputes or row.links):
        return ()
    own = name_of(row.key)
    every = [
        *(
            WaitingFact(FactKind.REFUND, r.id, r.charge, r.amount_minor, r.currency)
            for r in row.refunds.values()
        ),
        *(WaitingFact(FactKind.DISPUTE, n, d.charge, *d.said[1:]) for n, d in row.disputes.items()),
        *(WaitingFact(FactKind.LINK, own, own, 0, "") for charge in row.links if charge == own),
    ]
    # What names no charge is of the one that its payment has.
    lost = [one for one in every if (one.charge not in row.charges if one.charge else not row.charges)]
    return tuple(sorted(lost, key=lambda one: (one.id, one.kind)))


def ties_between(
    waiting: Iterable[tuple[str, Iterable[WaitingFact]]], payments: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """The charges that are to be joined to another payment than their own, and that payment; all as keys.

    ``waiting`` is what waits by the key of its payment, or of its charge where it knows no more; ``payments``
    are those under which charges are in the ledger, by the charge's key.
    """
    for key, facts in waiting:
        scope = scope_of(key)
        for charge in sorted({scope.key(fact.charge) for fact in facts if fact.charge}):
            known = payments.get(charge)
            if known is None or known == key:
                continue
            if key == charge:
                yield charge, known
            elif known == charge:
                yield charge, key
