"""Stripe's test payment methods, and what comes of paying with them.

Source: https://docs.stripe.com/testing#cards (refunds, disputes, declines) and
https://docs.stripe.com/payments/ach-direct-debit#test-account-numbers.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Card:
    """How a payment goes: all at once and well, unless it says otherwise."""

    declined: bool = False
    pending: bool = False
    refund: str = "succeeds"
    dispute: str | None = None
    """The status in which a dispute begins."""
    reason: str = "fraudulent"


PLAIN = Card()

_BY_TOKEN = {
    "pm_card_chargeCustomerFail": Card(declined=True),
    "pm_card_createDispute": Card(dispute="needs_response"),
    "pm_card_createDisputeInquiry": Card(dispute="warning_needs_response"),
    "pm_card_createDisputeProductNotReceived": Card(dispute="needs_response", reason="product_not_received"),
    "pm_card_pendingRefund": Card(refund="pending"),
    "pm_card_refundFail": Card(refund="fails"),
    "pm_card_visa_chargeDeclined": Card(declined=True),
    "pm_usBankAccount": Card(pending=True),
}


def card_of(token: str | None) -> Card:
    """What a payment method does; any other than those above is a plain card."""
    return _BY_TOKEN.get(token or "", PLAIN)
