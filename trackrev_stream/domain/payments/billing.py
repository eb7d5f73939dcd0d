"""Billing: the facts of a payment, in any order and any number, folded into what its payers are told.

What is kept are maxima, minima and newest sayings, each of its own, so that neither order nor repetition of
the facts decides. A detail beside the money (customer, email, visitor, invoice, subscription, fee) is said by
the charge itself or by a link (a checkout, an invoice payment, a payment intent); for each detail alone the
newest saying holds, whoever said it, and an empty one says nothing.
"""

from collections.abc import Iterator

from trackrev_stream.domain.payments.disputes import BalanceEntry, Dispute, dispute_fees, tells_fees
from trackrev_stream.domain.payments.payment import (
    ChargeState,
    FactKind,
    PaymentFact,
    PaymentState,
)
from trackrev_stream.domain.payments.payment_row import EVERY_CHARGE, ChargeRow, PaymentRow, Said
from trackrev_stream.domain.payments.reversals import Seen, release_unclear, released_minor, reversals_of
from trackrev_stream.domain.payments.sights import (
    is_paid,
    join,
    observe_charge,
    observe_dispute,
    observe_link,
    observe_refund,
)
from trackrev_stream.domain.values.ids import scope_of

__all__ = ["PaymentRow", "absorb_payment", "is_paid", "join_payment", "states_of"]


def absorb_payment(row: PaymentRow, fact: PaymentFact) -> list[PaymentState]:
    """Apply a fact to a payment's row in place; return what its payers are to be told.

    When the payer changes (a customer was set later), the old one is told first that the payment left it.
    Versions are even for what leaves and odd for what stands, so that standing outranks leaving.
    """
    row.version += 1
    row.cause, row.received_at = f"{fact.kind} {fact.id}, {fact.via} {fact.source_id}", fact.received_at
    match fact.kind:
        case FactKind.CHARGE:
            observe_charge(row, fact)
        case FactKind.REFUND:
            observe_refund(row, fact)
        case FactKind.DISPUTE:
            observe_dispute(row, fact)
        case FactKind.LINK:
            observe_link(row, fact)
    return states_of(row)


def join_payment(row: PaymentRow, other: PaymentRow) -> list[PaymentState]:
    """Add to a payment's row in place what is known of it under its charge; return what is to be told."""
    row.version += 1
    row.cause, row.received_at = other.cause, other.received_at
    join(row, other)
    return states_of(row)


def states_of(row: PaymentRow) -> list[PaymentState]:
    """What the payers are to be told now; nothing before a paid charge was seen.

    A charge that was paid and failed after all is told as undone, whether its success was told or not. All
    who may have been told of the payment, by whoever saw but a part of the facts, hear that it is not theirs.
    """
    ordered = sorted(row.charges.values(), key=lambda charge: charge.snapshot.charge)
    known = [charge for charge in ordered if charge.paid or is_paid(charge.snapshot)]
    if not known:
        return []
    payer = "" if row.joined else _payer(row)
    if payer and payer not in row.told:
        row.told.append(payer)
    states = [PaymentState(told, row.key, 2 * row.order) for told in _others(row, payer)]
    if payer:
        paid = [charge for charge in known if is_paid(charge.snapshot)]
        sole = min(paid, key=_age).snapshot.charge if paid else ""
        charges = tuple([_charge_state(row, charge, sole) for charge in paid])
        undone = tuple([_undone(charge.snapshot) for charge in known if not is_paid(charge.snapshot)])
        version, cause = 2 * row.order + 1, row.cause
        states.append(PaymentState(payer, row.key, version, charges, cause, row.received_at, undone))
    return states


def _others(row: PaymentRow, payer: str) -> list[str]:
    """Who may have been told of the payment, and shall not have it."""
    if payer and len(row.told) == 1 and len(row.payers) < 2:
        return []  # an ordinary payment was never anybody else's
    scope = scope_of(row.key)
    everyone = [*row.told, *(scope.key(name) if name else row.key for name in row.payers)]
    return [told for told in dict.fromkeys(everyone) if told != payer]


def _age(charge: ChargeRow) -> tuple[int, str]:
    return charge.snapshot.created_at, charge.snapshot.charge


def _undone(snapshot: PaymentFact) -> ChargeState:
    return ChargeState(snapshot.charge, snapshot.created_at, 0, snapshot.currency)


def _payer(row: PaymentRow) -> str:
    everything = [*(charge.said for charge in row.charges.values()), *row.links.values()]
    customers = [said["customer"] for said in everything if "customer" in said]
    if not customers:
        return row.key
    return scope_of(row.key).key(max(customers)[1])


def _charge_state(row: PaymentRow, charge: ChargeRow, sole: str) -> ChargeState:
    """The state of a charge; ``sole`` is the one that refunds and disputes are of that name none."""
    snapshot = charge.snapshot
    said = _merged(charge.said, row.links.get(EVERY_CHARGE, {}), row.links.get(snapshot.charge, {}))
    disputes = tuple(_disputes(row, snapshot, said.get("settled", ""), sole)) if row.disputes else ()
    seen = Seen(
        snapshot,
        charge.refunded_since,
        charge.least_refunded.get(snapshot.amount_minor, 0),
        tuple(refund for refund in row.refunds.values() if (refund.charge or sole) == snapshot.charge),
        row.failed_since,
        disputes,
        charge.least_authorized.get(snapshot.amount_minor, snapshot.authorized_minor),
        snapshot.amount_minor in charge.released,
    )
    # Where the release of an authorization's rest counts as a refund, the fee is still that of the whole.
    fee, _, fee_currency = said.get("fee", "").partition(" ") if not released_minor(seen) else ("", "", "")
    return ChargeState(
        charge=snapshot.charge,
        created_at=snapshot.created_at,
        amount_minor=snapshot.amount_minor,
        currency=snapshot.currency,
        email_key=said.get("email_key", ""),
        visitor=said.get("visitor", ""),
        invoice=said.get("invoice", ""),
        subscription=said.get("subscription", ""),
        fee_minor=int(fee) if fee else None,
        fee_currency=fee_currency,
        reversals=tuple(reversals_of(seen)),
        dispute_fees=tuple(fee for one in disputes for fee in dispute_fees(one, snapshot.currency)),
        dispute_fees_told=all(tells_fees(one) for one in disputes),
        dispute_unseen=charge.disputed and not disputes,
        release_unclear=release_unclear(seen),
        application_fee_minor=int(said.get("application_fee", "0")) if fee else 0,
    )


def _disputes(row: PaymentRow, charge: PaymentFact, settled: str, sole: str) -> Iterator[Dispute]:
    """The disputes of a charge by their ids, in its currency."""
    minor, _, more = settled.partition(" ")
    of_minor, _, balance = more.partition(" ")
    entered = BalanceEntry(int(minor), int(of_minor), balance) if settled else None
    for name, known in sorted(row.disputes.items()):
        if (known.charge or sole) == charge.charge:
            _, amount, currency = known.said
            dispute = Dispute(name, amount, currency, tuple(known.moves.values()))
            yield dispute.of_charge(charge.currency, charge.amount_minor, entered)


def _merged(first: Said, *others: Said) -> dict[str, str]:
    newest = dict(first)
    for said in others:
        for name, saying in said.items():
            newest[name] = max(newest.get(name, saying), saying)
    return {name: value for name, (_, value) in newest.items()}
