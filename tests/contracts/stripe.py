"""Stripe objects for tests, in the shapes of its API (fixtures of stripe/openapi)."""

from typing import Any

CREATED = 1_789_999_000


def charge(**changes: Any) -> dict[str, Any]:
    """A paid charge as a webhook of a new API version shows it: no invoice, no refunds."""
    return {
        "id": "ch_1",
        "object": "charge",
        "amount": 4_200,
        "amount_captured": 4_200,
        "amount_refunded": 0,
        "balance_transaction": "txn_1",
        "billing_details": {
            "address": None,
            "email": "Jenny@Shop.example",
            "name": "Jenny Rosen",
            "phone": None,
        },
        "captured": True,
        "created": CREATED,
        "currency": "usd",
        "customer": "cus_1",
        "description": None,
        "disputed": False,
        "livemode": True,
        "metadata": {},
        "paid": True,
        "payment_intent": "pi_1",
        "receipt_email": None,
        "refunded": False,
        "status": "succeeded",
    } | changes


def refund(**changes: Any) -> dict[str, Any]:
    """A refund of that charge."""
    return {
        "id": "re_1",
        "object": "refund",
        "amount": 1_000,
        "charge": "ch_1",
        "created": CREATED + 60,
        "currency": "usd",
        "metadata": {},
        "payment_intent": "pi_1",
        "reason": None,
        "status": "succeeded",
    } | changes


def event(event_type: str, of: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """An event about an object."""
    return {
        "id": "evt_1",
        "object": "event",
        "api_version": "2026-10-28.clover",
        "created": CREATED + 1,
        "data": {"object": of},
        "livemode": True,
        "pending_webhooks": 1,
        "type": event_type,
    } | changes
