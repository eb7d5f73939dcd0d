"""Stripe's charges, refunds and disputes, and what links a payment, as payment facts.

Since the API version 2025-03-31.basil a charge carries no ``invoice``, and newer versions do not embed its
refunds. A webhook follows the version of its endpoint, so both shapes are read here.
"""

from collections.abc import Sequence
from decimal import Decimal

from trackrev_stream.contracts.codec import Malformed
from trackrev_stream.contracts.stripe_shapes import (
    MOST_MINOR,
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
    objects,
    optional_object,
    optional_text,
    reference,
    signed_minor,
    text,
    visitor_in,
)
from trackrev_stream.domain.money import exponent
from trackrev_stream.domain.payment import FactKind, Move, PaymentFact

_ROUNDING_PARTS = 200  # an amount that went through an exchange rate is the whole one when 0.5 % apart


def charge_facts(charge: Json, workspace: HashesEmails, seen: Observation) -> list[PaymentFact]:
    """The fact of a charge, and one for each refund embedded in it. Raises Malformed."""
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
        authorized_minor=amount,
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
        fee_minor=_fee_minor(charge),
        fee_currency=_fee_currency(charge),
        **seen.of(workspace),
    )
    # The payment is the charge's own, so that a refund can never be sent elsewhere than its charge.
    embedded = listed(charge, "refunds")
    return [fact, *(_refund(refund, charge_id, payment, workspace, seen) for refund in embedded)]


def refund_facts(refund: Json, workspace: HashesEmails, seen: Observation) -> list[PaymentFact]:
    """The fact of a refund; none for one that gives back no charge (a customer balance). Raises Malformed."""
    charge_id = reference(refund, "charge")
    if not charge_id:
        return []
    return [_refund(refund, charge_id, _payment_of(refund, charge_id), workspace, seen)]


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
        moves=_moves(dispute, seen),
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
) -> PaymentFact:
    return PaymentFact(
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


def _invoice(charge: Json) -> str:
    # Without `invoice`, an expanded payment intent may still name it.
    intent = expanded(charge, "payment_intent")
    return (
        reference(charge, "invoice")
        or reference(intent, "invoice")
        or invoice_in(optional_object(intent, "payment_details"))
    )


def _fee_minor(charge: Json) -> int | None:
    transaction = expanded(charge, "balance_transaction")
    return minor(transaction, "fee") if transaction else None


def _fee_currency(charge: Json) -> str:
    """Fees are taken in the currency of settlement, which need not be the charge's."""
    transaction = expanded(charge, "balance_transaction")
    return currency(transaction) if transaction else ""


def _moves(dispute: Json, seen: Observation) -> tuple[Move, ...]:
    """What a dispute moved: its balance transactions, and what they do not show of what the event is about.

    Only without any does a final status tell: the money of a dispute that was won may come back later.
    """
    amount, status = minor(dispute, "amount"), text(dispute, "status")
    transactions: Sequence[Json] = objects(dispute, "balance_transactions")
    moves = [
        Move(an_id(one, "id"), _disputed_minor(dispute, one), moment(one, "created")) for one in transactions
    ]
    withdrawn = seen.event_type == "charge.dispute.funds_withdrawn" or (status == "lost" and not moves)
    reinstated = seen.event_type == "charge.dispute.funds_reinstated" or (status == "won" and not moves)
    if withdrawn and not any(move.amount_minor < 0 for move in moves):
        moves.append(Move("", -amount, seen.observed_at))
    if reinstated and not any(move.amount_minor > 0 for move in moves):
        moves.append(Move("", amount, seen.observed_at))
    return tuple(moves)


def _disputed_minor(dispute: Json, transaction: Json) -> int:
    """What a balance transaction moved, in the dispute's currency; it may be in that of settlement."""
    moved, disputed = signed_minor(transaction, "amount"), minor(dispute, "amount")
    settled, asked = currency(transaction), currency(dispute)
    if settled == asked:
        return moved
    sign = 1 if moved > 0 else -1
    rate = transaction.get("exchange_rate")
    if isinstance(rate, bool) or not isinstance(rate, int | float) or rate <= 0:
        return sign * disputed
    # Stripe: the amount in the dispute's currency times the rate is the amount settled, in major units.
    shift = exponent(asked) - exponent(settled)
    amount = int((Decimal(abs(moved)) / Decimal(str(rate))).scaleb(shift).to_integral_value())
    if amount > MOST_MINOR:
        raise Malformed("exchange_rate should be the rate of its amounts")
    return sign * (disputed if abs(amount - disputed) * _ROUNDING_PARTS <= disputed else amount)
