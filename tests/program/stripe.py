"""Stripe's events about a charge, as its webhooks bring them."""

from typing import Any

Json = dict[str, Any]


def charge(charge_id: str, amount: int, created: int, email: str, **changes: Any) -> Json:
    """A paid charge; ``created`` in seconds, ``amount`` in minor units."""
    return {
        "id": charge_id,
        "object": "charge",
        "amount": amount,
        "amount_captured": amount,
        "amount_refunded": 0,
        "billing_details": {"address": None, "email": email, "name": None, "phone": None},
        "captured": True,
        "created": created,
        "currency": "usd",
        "customer": None,
        "livemode": True,
        "metadata": {},
        "paid": True,
        "payment_intent": charge_id.replace("ch_", "pi_"),
        "receipt_email": None,
        "refunded": False,
        "status": "succeeded",
    } | changes


def refund(of: Json, refund_id: str, amount: int, created: int) -> Json:
    """A refund of a charge."""
    return {
        "id": refund_id,
        "object": "refund",
        "amount": amount,
        "charge": of["id"],
        "created": created,
        "currency": of["currency"],
        "metadata": {},
        "payment_intent": of["payment_intent"],
        "status": "succeeded",
    }


def event(event_type: str, of: Json, created: int) -> Json:
    """An event about an object."""
    return {
        "id": f"evt_{of['id']}_{event_type}_{created}",
        "object": "event",
        "api_version": "2026-10-28.clover",
        "created": created,
        "data": {"object": of},
        "livemode": True,
        "pending_webhooks": 1,
        "type": event_type,
    }


def succeeded(of: Json) -> Json:
    """The event of a charge that was paid."""
    return event("charge.succeeded", of, of["created"])


def refunded(of: Json, total: int, created: int) -> Json:
    """The event of a charge of which ``total`` has been given back by now."""
    after = of | {"amount_refunded": total, "refunded": total == of["amount"]}
    return event("charge.refunded", after, created)
