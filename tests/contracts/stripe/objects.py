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


def dispute(**changes: Any) -> dict[str, Any]:
    """A dispute of that charge; its money has not moved yet."""
    return {
        "id": "dp_1",
        "object": "dispute",
        "amount": 4_200,
        "balance_transactions": [],
        "charge": "ch_1",
        "created": CREATED + 120,
        "currency": "usd",
        "evidence": {"customer_email_address": "jenny@shop.example"},
        "metadata": {},
        "payment_intent": "pi_1",
        "reason": "fraudulent",
        "status": "needs_response",
    } | changes


def moved(amount_minor: int, **changes: Any) -> dict[str, Any]:
    """A balance transaction of that dispute."""
    return {
        "id": "txn_away" if amount_minor < 0 else "txn_back",
        "object": "balance_transaction",
        "amount": amount_minor,
        "created": CREATED + (130 if amount_minor < 0 else 900),
        "currency": "usd",
        "exchange_rate": None,
        "fee": 1_500,
    } | changes


def payment_intent(**changes: Any) -> dict[str, Any]:
    """The payment intent of that charge, in the shape of basil."""
    return {
        "id": "pi_1",
        "object": "payment_intent",
        "amount": 4_200,
        "created": CREATED - 5,
        "currency": "usd",
        "customer": "cus_1",
        "latest_charge": "ch_1",
        "metadata": {},
        "receipt_email": None,
        "status": "succeeded",
    } | changes


def subscription(**changes: Any) -> dict[str, Any]:
    """A subscription, in the shape of basil: the period stands on the items."""
    item = {"id": "si_1", "current_period_start": CREATED, "current_period_end": CREATED + 2_592_000}
    return {
        "id": "sub_1",
        "object": "subscription",
        "created": CREATED - 10,
        "currency": "usd",
        "customer": "cus_1",
        "ended_at": None,
        "items": {"object": "list", "data": [item], "has_more": False},
        "latest_invoice": "in_1",
        "metadata": {},
        "status": "active",
    } | changes


def line(**changes: Any) -> dict[str, Any]:
    """A line of an invoice that bills a period of the subscription, in the shape of basil."""
    details = {"proration": False, "subscription": "sub_1"}
    return {
        "id": "il_1",
        "object": "line_item",
        "parent": {"type": "subscription_item_details", "subscription_item_details": details},
        "period": {"start": CREATED, "end": CREATED + 2_592_000},
    } | changes


def invoice(**changes: Any) -> dict[str, Any]:
    """The first invoice of that subscription, paid, in the shape of basil."""
    return {
        "id": "in_1",
        "object": "invoice",
        "amount_due": 4_200,
        "amount_paid": 4_200,
        "billing_reason": "subscription_create",
        "created": CREATED - 8,
        "currency": "usd",
        "customer": "cus_1",
        "customer_email": "Jenny@Shop.example",
        "lines": {"object": "list", "data": [line()], "has_more": False},
        "metadata": {},
        "parent": {"type": "subscription_details", "subscription_details": {"subscription": "sub_1"}},
        "period_end": CREATED - 8,
        "period_start": CREATED - 8,
        "status": "paid",
    } | changes


def invoice_payment(**changes: Any) -> dict[str, Any]:
    """What joins that invoice and its payment since basil."""
    return {
        "id": "inpay_1",
        "object": "invoice_payment",
        "created": CREATED - 4,
        "currency": "usd",
        "invoice": "in_1",
        "payment": {"type": "payment_intent", "payment_intent": "pi_1"},
        "status": "paid",
    } | changes


def customer(**changes: Any) -> dict[str, Any]:
    """The customer who pays."""
    return {
        "id": "cus_1",
        "object": "customer",
        "created": CREATED - 20,
        "email": "Jenny@Shop.example",
        "metadata": {},
        "name": "Jenny Rosen",
    } | changes


def checkout_session(**changes: Any) -> dict[str, Any]:
    """A completed checkout of one payment."""
    return {
        "id": "cs_1",
        "object": "checkout.session",
        "client_reference_id": None,
        "created": CREATED - 60,
        "currency": "usd",
        "customer": "cus_1",
        "customer_details": {"email": "Jenny@Shop.example", "name": "Jenny Rosen"},
        "customer_email": None,
        "invoice": None,
        "metadata": {},
        "mode": "payment",
        "payment_intent": "pi_1",
        "payment_status": "paid",
        "status": "complete",
        "subscription": None,
    } | changes
