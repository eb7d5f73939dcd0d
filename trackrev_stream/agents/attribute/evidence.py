"""What ties a payer's charges to its subscriptions: invoices, and what is due when, in rows of their own.

Each row lists the payments that it could bind, so that a fact that comes after its charge finds it again.
"""

from collections.abc import Iterator

from trackrev_stream.agents.attribute.rows import put_subscription, subscription_row
from trackrev_stream.agents.step import Rows
from trackrev_stream.domain.payments.payment import ChargeState, PaymentState
from trackrev_stream.domain.payments.subscription import (
    AccountFact,
    AccountKind,
    DueRow,
    InvoiceRow,
    MatchEvidence,
    SubscriptionMatch,
    absorb_due,
    absorb_invoice,
    bucket_of,
    buckets_of,
    match_by_invoice,
    match_by_period,
)
from trackrev_stream.domain.values.ids import SEPARATOR


def match_of(rows: Rows, payment: PaymentState, state: ChargeState) -> SubscriptionMatch:
    """The subscription that a charge belongs to, as far as is known now."""
    payer = payment.payer
    if state.subscription:
        return SubscriptionMatch(MatchEvidence.NAMED, state.subscription)
    if payer == payment.payment:  # a guest has no subscriptions
        return SubscriptionMatch()
    by_invoice = match_by_invoice(state.invoice, rows.get(InvoiceRow, _invoice_key(payer, state.invoice)))
    if by_invoice:
        return by_invoice
    due = rows.get(DueRow, _due_key(payer, state.currency, state.amount_minor, bucket_of(state.created_at)))
    asked = due.at(state.created_at) if due else []
    return match_by_period(state.invoice, [name for name in asked if _lasts(rows, payer, name, state)])


def list_charges(rows: Rows, payment: PaymentState) -> None:
    """Note a payment where evidence for its charges may come from."""
    payer = payment.payer
    if payer == payment.payment:
        return
    for state in payment.charges:
        if state.subscription:
            continue
        invoice = None
        if state.invoice:
            key = _invoice_key(payer, state.invoice)
            invoice = rows.get(InvoiceRow, key) or InvoiceRow()
            _list(rows, key, invoice, payment.payment)
        if match_by_invoice(state.invoice, invoice) is None:
            key = _due_key(payer, state.currency, state.amount_minor, bucket_of(state.created_at))
            _list(rows, key, rows.get(DueRow, key) or DueRow(), payment.payment)


def absorb_account(rows: Rows, fact: AccountFact) -> tuple[set[str], bool]:
    """Apply what a fact says of an invoice or a subscription.

    Returns the payments that it may bind, and whether any charge of the payer may be bound otherwise now.
    """
    found: set[str] = set()
    name = fact.id if fact.kind is AccountKind.INVOICE else fact.invoice
    if name:
        key = _invoice_key(fact.payer, name)
        invoice = rows.get(InvoiceRow, key) or InvoiceRow()
        absorb_invoice(invoice, fact)
        rows.put(key, invoice)
        found |= set(invoice.payments)
    for key, due in _due(rows, fact):
        absorb_due(due, fact)
        rows.put(key, due)
        found |= set(due.payments)
    return found, fact.kind is AccountKind.SUBSCRIPTION and _absorb_subscription(rows, fact)


def _absorb_subscription(rows: Rows, fact: AccountFact) -> bool:
    """Apply a subscription's status and end; whether the end moved."""
    row = subscription_row(rows, fact.payer, fact.id)
    ends = [at for at in (row.ended_at, fact.ended_at) if at is not None]
    if min(ends, default=None) != row.ended_at:
        row.ended_at, row.changed_by = min(ends), rows.applying
    row.status = max(row.status, (fact.observed_at, fact.status))
    put_subscription(rows, fact.payer, fact.id, row)
    return row.changed_by == rows.applying


def _due(rows: Rows, fact: AccountFact) -> Iterator[tuple[str, DueRow]]:
    for bucket in buckets_of(fact):
        key = _due_key(fact.payer, fact.currency, fact.amount_minor, bucket)
        yield key, rows.get(DueRow, key) or DueRow()


def _lasts(rows: Rows, payer: str, name: str, state: ChargeState) -> bool:
    ended_at = subscription_row(rows, payer, name).ended_at
    return ended_at is None or state.created_at <= ended_at


def _list(rows: Rows, key: str, row: InvoiceRow | DueRow, payment: str) -> None:
    if payment not in row.payments:
        row.payments.append(payment)
        rows.put(key, row)


def _invoice_key(payer: str, invoice: str) -> str:
    return SEPARATOR.join((payer, "invoice", invoice))


def _due_key(payer: str, currency: str, amount_minor: int, bucket: int) -> str:
    return SEPARATOR.join((payer, "due", currency, str(amount_minor), str(bucket)))
