"""Stripe's charges, refunds and disputes, and what links a payment, as payment facts.

Since the API version 2025-03-31.basil a charge carries no ``invoice``, and newer versions do not embed its
refunds. A webhook follows the version of its endpoint, so both shapes are read here.
"""

from dataclasses import replace

from trackrev_stream.contracts.stripe.balance import entered_minor, fee_currency, fee_minor, moves_of
from trackrev_stream.contracts.stripe.fields import (
    HashesEmails,
    Json,
    Observation,
    an_id,
    currency,
    expanded,
    flag,
    hashed_email,
    invoice_in,
    listed,
    minor,
    moment,
    optional_object,
    optional_text,
    reference,
    text,
    visitor_in,
)
from trackrev_stream.domain.payments.payment import FactKind, PaymentFact
from trackrev_stream.domain.payments.reversals import FAILED


def charge_facts(charge: Json, workspace: HashesEmails, seen: Observation) -> list[PaymentFact]:
    """A fact for each refund embedded in a charge, and then the charge's own. Raises Malformed.

    The other way round what is refunded would be known by its sum alone for a moment, and restated then.
    """
    charge_id = an_id(charge, "id")
    payment = reference(charge, "payment_intent") or charge_id
    captured = flag(charge, "captured")
    amount = minor(charge, "amount")
    customer = expanded(charge, "customer")
    fact = PaymentFact(
        kind=FactKind.CHARGE,
        payment=payment,
        charge=charge_id,
        id=charge_id,
        created_at=moment(charge, "created"),
        status=text(charge, "status"),
        amount_minor=minor(charge, "amount_captured", amount if captured else 0),
        authorized_minor=_authorized(charge),
        currency=currency(charge),
        captured=captured,
        refunded_minor=minor(charge, "amount_refunded", 0),
        customer=reference(charge, "customer"),
        email_key=hashed_email(
            workspace,
            optional_text(optional_object(charge, "billing_details"), "email"),
            optional_text(charge, "receipt_email"),
            optional_text(customer, "email"),
        ),
        visitor=visitor_in(workspace, charge),
        invoice=_invoice(charge),
        fee_minor=fee_minor(charge),
        fee_currency=fee_currency(charge),
        disputed=charge.get("disputed") is True,
        **seen.of(workspace),
    )
    # The payment is the charge's own, so that a refund can never be sent elsewhere than its charge.
    embedded = listed(charge, "refunds")
    refunds = [_refund(refund, charge_id, payment, workspace, seen) for refund in embedded]
    return [*(sight for sights in refunds for sight in sights), fact]


def refund_facts(refund: Json, workspace: HashesEmails, seen: Observation) -> list[PaymentFact]:
    """The fact of a refund; none for one that gives back no charge (a customer balance). Raises Malformed.

    One that failed makes another where its balance transaction tells when: it was seen to have failed then.
    """
    charge_id = reference(refund, "charge")
    if not charge_id:
        return []
    return _refund(refund, charge_id, _payment_of(refund, charge_id), workspace, seen)


def dispute_facts(dispute: Json, workspace: HashesEmails, seen: Observation) -> list[PaymentFact]:
    """The fact of a dispute, with the money it moved. Raises Malformed.

    ``balance_transactions`` "show funds withdrawn and reinstated"
    (https://docs.stripe.com/api/disputes/object). Where they are missing, the event's own name or a final
    status tells: an open dispute without either has moved nothing yet, an inquiry (``warning_``) never does.
    """
    charge_id = reference(dispute, "charge")
    if not charge_id:
        return []
    fact = PaymentFact(
        kind=FactKind.DISPUTE,
        payment=_payment_of(dispute, charge_id),
        charge=charge_id,
        id=an_id(dispute, "id"),
        created_at=moment(dispute, "created"),
        status=text(dispute, "status"),
        amount_minor=minor(dispute, "amount"),
        currency=currency(dispute),
        moves=moves_of(dispute, seen),
        **seen.of(workspace),
    )
    return [fact]


def payment_intent_facts(intent: Json, workspace: HashesEmails, seen: Observation) -> list[PaymentFact]:
    """What a payment intent says of its payment beside the money. Raises Malformed."""
    named = reference(intent, "invoice") or invoice_in(optional_object(intent, "payment_details"))
    return [
        link_fact(
            intent,
            workspace,
            seen,
            payment=an_id(intent, "id"),
            # An intent has one charge that counts, and may have had others that failed: it is of them all.
            customer=reference(intent, "customer"),
            email_key=hashed_email(
                workspace,
                optional_text(intent, "receipt_email"),
                optional_text(expanded(intent, "customer"), "email"),
            ),
            visitor=visitor_in(workspace, intent),
            invoice=named,
        )
    ]


def invoice_payment_facts(paid: Json, workspace: HashesEmails, seen: Observation) -> list[PaymentFact]:
    """The payment that an invoice payment links to its invoice; none outside Stripe. Raises Malformed."""
    payment = optional_object(paid, "payment")
    charge = reference(payment, "charge")
    named = reference(payment, "payment_intent") or _payment_of(payment, charge)
    if not named:
        return []
    return [
        link_fact(paid, workspace, seen, payment=named, charge=charge, invoice=reference(paid, "invoice"))
    ]


def link_fact(
    of: Json,
    workspace: HashesEmails,
    seen: Observation,
    *,
    payment: str,
    charge: str = "",
    customer: str = "",
    email_key: str = "",
    visitor: str = "",
    invoice: str = "",
    subscription: str = "",
) -> PaymentFact:
    """What the object ``of`` says of a payment beside the money. Raises Malformed."""
    return PaymentFact(
        kind=FactKind.LINK,
        payment=payment,
        charge=charge,
        id=an_id(of, "id"),
        created_at=moment(of, "created"),
        status=optional_text(of, "status"),
        amount_minor=0,
        currency="",
        customer=customer,
        email_key=email_key,
        visitor=visitor,
        invoice=invoice,
        subscription=subscription,
        **seen.of(workspace),
    )


def _payment_of(of: Json, charge_id: str) -> str:
    """The payment of a refund or dispute: its intent, else that of its expanded charge, else the charge."""
    return reference(of, "payment_intent") or reference(expanded(of, "charge"), "payment_intent") or charge_id


def _refund(
    refund: Json, charge_id: str, payment: str, workspace: HashesEmails, seen: Observation
) -> list[PaymentFact]:
    fact = PaymentFact(
        kind=FactKind.REFUND,
        payment=payment,
        charge=charge_id,
        id=an_id(refund, "id"),
        created_at=moment(refund, "created"),
        # Null on refunds from before Stripe gave them a status: those had gone through.
        status=optional_text(refund, "status") or "succeeded",
        amount_minor=minor(refund, "amount"),
        currency=currency(refund),
        **seen.of(workspace),
    )
    came_home = expanded(refund, "failure_balance_transaction")
    if not came_home or fact.status not in FAILED:
        return [fact]
    return [fact, replace(fact, observed_at=min(moment(came_home, "created"), seen.observed_at))]


def _authorized(charge: Json) -> int:
    """What was authorized; only what was captured where none of the rest counts as refunded.

    Before 2025-03-31.basil the release of the rest did (see ``domain.reversals``). It does not where a charge
    that is refunded whole shows less than was authorized, nor where no more was entered than was captured.
    """
    amount = minor(charge, "amount")
    captured = minor(charge, "amount_captured", amount)
    if not flag(charge, "captured") or captured >= amount:
        return amount
    if charge.get("refunded") is True:
        return captured if minor(charge, "amount_refunded", 0) < amount else amount
    entered = expanded(charge, "balance_transaction")
    return captured if entered and entered_minor(charge, entered) < (amount + captured) // 2 else amount


def _invoice(charge: Json) -> str:
    # Without `invoice`, an expanded payment intent may still name it.
    intent = expanded(charge, "payment_intent")
    return (
        reference(charge, "invoice")
        or reference(intent, "invoice")
        or invoice_in(optional_object(intent, "payment_details"))
    )
