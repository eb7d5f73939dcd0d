"""Stripe's charges, refunds and disputes, and what links a payment, as payment facts.

Since the API version 2025-03-31.basil a charge carries no ``invoice``, and newer versions do not embed its
refunds. A webhook follows the version of its endpoint, so both shapes are read here.
"""

from dataclasses import replace
from typing import Any

from trackrev_stream.contracts.stripe.balance import Entered, entered_of, moves_of
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
    time_told,
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
    entered = entered_of(charge)
    authorized, released = _authorized(charge, entered, seen)
    fact = PaymentFact(
        kind=FactKind.CHARGE,
        payment=payment,
        charge=charge_id,
        id=charge_id,
        created_at=moment(charge, "created"),
        status=text(charge, "status"),
        amount_minor=minor(charge, "amount_captured", amount if captured else 0),
        authorized_minor=authorized,
        released=released,
        currency=currency(charge),
        captured=captured,
        refunded_minor=minor(charge, "amount_refunded", 0),
        customer=reference(charge, "customer"),
        email_key=_email(charge, workspace),
        visitor=visitor_in(workspace, charge),
        invoice=_invoice(charge),
        **_kept(entered),
        settled_minor=entered.settled_minor,
        settled_currency=entered.currency if entered.settled_minor else "",
        disputed=charge.get("disputed") is True,
        **seen.of(workspace),
    )
    # The payment is the charge's own, so that a refund can never be sent elsewhere than its charge.
    embedded = listed(charge, "refunds")
    refunds = [_refund(refund, charge_id, payment, workspace, seen) for refund in embedded]
    return [*(sight for sights in refunds for sight in sights), fact]


def refund_facts(refund: Json, workspace: HashesEmails, seen: Observation) -> list[PaymentFact]:
    """The fact of a refund; none for one that gives back no payment (a customer balance). Raises Malformed.

    One that failed makes another where its balance transaction tells when: it was seen to have failed then.
    """
    charge_id = reference(refund, "charge")
    payment = _payment_of(refund, charge_id)
    return _refund(refund, charge_id, payment, workspace, seen) if payment else []


def dispute_facts(dispute: Json, workspace: HashesEmails, seen: Observation) -> list[PaymentFact]:
    """The fact of a dispute, with the money it moved. Raises Malformed.

    ``balance_transactions`` "show funds withdrawn and reinstated"
    (https://docs.stripe.com/api/disputes/object). Where they are missing, the event's own name or a final
    status tells: an open dispute without either has moved nothing yet, an inquiry (``warning_``) never does.
    """
    charge_id = reference(dispute, "charge")
    payment = _payment_of(dispute, charge_id)
    if not payment:
        return []
    fact = PaymentFact(
        kind=FactKind.DISPUTE,
        payment=payment,
        charge=charge_id,
        id=an_id(dispute, "id"),
        created_at=seen.time_of(dispute),
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
        created_at=seen.time_of(of),
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
    home_at = time_told(came_home, "created")
    if home_at is None or fact.status not in FAILED:
        return [fact]
    return [fact, replace(fact, observed_at=min(home_at, seen.observed_at))]


def _kept(entered: Entered) -> dict[str, Any]:
    """What was kept of a charge, as far as its balance transaction tells."""
    if entered.fee_minor is None:
        return {"fee_minor": None}
    return {
        "fee_minor": entered.fee_minor,
        "fee_currency": entered.currency,
        "application_fee_minor": entered.application_fee_minor,
    }


def _authorized(charge: Json, entered: Entered, seen: Observation) -> tuple[int, bool]:
    """What was authorized, and whether what was not captured of it is known to count as refunded.

    Before 2025-03-31.basil its release did (see ``domain.payments.reversals``). Where it is known not to,
    only what was captured counts as authorized: a charge that is refunded whole shows less than was
    authorized, or no more was entered than was captured, or a refund is told of another amount before which
    less was refunded. It does where a charge refunded whole shows all that was authorized, or all of that
    was entered, or where the capture itself tells of it.
    """
    amount = minor(charge, "amount")
    captured = minor(charge, "amount_captured", amount)
    if not flag(charge, "captured") or captured >= amount:
        return amount, False
    rest, refunded, before = amount - captured, minor(charge, "amount_refunded", 0), seen.refunded_before
    if charge.get("refunded") is True:
        return (captured, False) if refunded < amount else (amount, True)
    if entered.minor is not None:
        return (captured, False) if entered.minor < (amount + captured) // 2 else (amount, refunded >= rest)
    if seen.event_type == "charge.captured":
        return amount, refunded == rest
    stepped = seen.event_type == "charge.refunded" and before is not None and before < rest
    return captured if stepped and refunded - (before or 0) != rest else amount, False


def _email(charge: Json, workspace: HashesEmails) -> str:
    return hashed_email(
        workspace,
        optional_text(optional_object(charge, "billing_details"), "email"),
        optional_text(charge, "receipt_email"),
        optional_text(expanded(charge, "customer"), "email"),
    )


def _invoice(charge: Json) -> str:
    # Without `invoice`, an expanded payment intent may still name it.
    intent = expanded(charge, "payment_intent")
    return (
        reference(charge, "invoice")
        or reference(intent, "invoice")
        or invoice_in(optional_object(intent, "payment_details"))
    )
