"""Stripe's objects in the shapes of its API. Pure: ids and times come in, nothing is kept."""

from typing import Final

from ops.standin.errors import Json

_PRIVATE = "standin_"


def split_metadata(metadata: Json) -> tuple[dict[str, str], dict[str, str]]:
    """What is public, and what is for the stand-in's own books: that part never enters a Stripe object."""
    texts = {str(key): str(value) for key, value in metadata.items() if value not in (None, "")}
    public = {key: value for key, value in texts.items() if not key.startswith(_PRIVATE)}
    return public, {key: value for key, value in texts.items() if key.startswith(_PRIVATE)}


def customer(*, id_: str, created: int, livemode: bool, email: str | None, metadata: dict[str, str]) -> Json:
    return {
        "id": id_,
        "object": "customer",
        "balance": 0,
        "created": created,
        "delinquent": False,
        "email": email,
        # Stripe derives the prefix from the customer; any eight letters do.
        "invoice_prefix": id_[-8:].upper(),
        "invoice_settings": _nulls("custom_fields", "default_payment_method", "footer", "rendering_options"),
        "livemode": livemode,
        "metadata": metadata,
        "next_invoice_sequence": 1,
        "preferred_locales": [],
        "tax_exempt": "none",
        **_nulls("address", "currency", "default_source", "description", "discount", "name", "phone"),
        **_nulls("shipping", "test_clock"),
    }


def payment_intent(*, id_: str, client_secret: str, capture_method: str, charge: Json) -> Json:
    """The intent of a payment that was confirmed and authorised by the given charge."""
    copied = ("created", "currency", "customer", "description", "invoice", "livemode", "metadata")
    return {
        "id": id_,
        "object": "payment_intent",
        "amount": charge["amount"],
        "amount_capturable": 0 if charge["captured"] else charge["amount"],
        "amount_details": {"tip": {}},
        "amount_received": charge["amount_captured"],
        "automatic_payment_methods": None,
        "capture_method": capture_method,
        "client_secret": client_secret,
        "confirmation_method": "automatic",
        "latest_charge": charge["id"],
        "payment_method": charge["payment_method"],
        "payment_method_options": {"card": _CARD_OPTIONS},
        "payment_method_types": ["card"],
        "receipt_email": charge["receipt_email"],
        "status": "succeeded" if charge["captured"] else "requires_capture",
        **{name: charge[name] for name in copied},
        **_INTENT_NULLS,
        # Not in Stripe's documentation, but seen by others: an invoice names itself here.
        **({"payment_details": {"order_reference": charge["invoice"]}} if charge["invoice"] else {}),
    }


def charge(
    *,
    id_: str,
    created: int,
    livemode: bool,
    amount_minor: int,
    currency: str,
    captured: bool,
    customer: str | None,
    payment_intent: str,
    payment_method: str,
    billing: Json,
    receipt_email: str | None,
    description: str | None,
    metadata: dict[str, str],
    invoice: str | None = None,
) -> Json:
    """A card charge that has succeeded: captured, or only authorised. Its balance transaction comes later."""
    return {
        "id": id_,
        "object": "charge",
        "amount": amount_minor,
        "amount_captured": amount_minor if captured else 0,
        "amount_refunded": 0,
        "balance_transaction": None,
        "billing_details": billing,
        "calculated_statement_descriptor": "STAND-IN",
        "captured": captured,
        "created": created,
        "currency": currency,
        "customer": customer,
        "description": description,
        "disputed": False,
        "fraud_details": {},
        "invoice": invoice,
        "livemode": livemode,
        "metadata": metadata,
        "outcome": _OUTCOME,
        "paid": True,
        "payment_intent": payment_intent,
        "payment_method": payment_method,
        "payment_method_details": {"card": _CARD, "type": "card"},
        "receipt_email": receipt_email,
        "refunded": False,
        "status": "succeeded",
        **_CHARGE_NULLS,
    }


def billing_details(email: str | None, name: str | None) -> Json:
    address = _nulls("city", "country", "line1", "line2", "postal_code", "state")
    return {"address": address, "email": email, "name": name, "phone": None, "tax_id": None}


def refund(
    *,
    id_: str,
    created: int,
    charge: Json,
    amount_minor: int,
    status: str,
    reason: str | None,
    metadata: Json,
) -> Json:
    """Money that goes back; its balance transaction comes later."""
    return {
        "id": id_,
        "object": "refund",
        "amount": amount_minor,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": created,
        "currency": charge["currency"],
        "destination_details": {"card": {"type": "refund"}, "type": "card"},
        "metadata": metadata,
        "payment_intent": charge["payment_intent"],
        "reason": reason,
        "status": status,
        **_nulls("receipt_number", "source_transfer_reversal", "transfer_reversal"),
    }


def balance_transaction(
    *,
    id_: str,
    created: int,
    kind: str,
    source: str,
    amount_minor: int,
    fee_minor: int,
    fee_for: str,
    currency: str,
    exchange_rate: float | None,
) -> Json:
    """What came into (positive) or went out of the account's balance, in the currency of settlement."""
    fee = {"amount": fee_minor, "currency": currency, "description": fee_for, "type": "stripe_fee"}
    return {
        "id": id_,
        "object": "balance_transaction",
        "amount": amount_minor,
        "available_on": created,
        "created": created,
        "currency": currency,
        "description": None,
        "exchange_rate": exchange_rate,
        "fee": fee_minor,
        "fee_details": [{"application": None, **fee}] if fee_minor else [],
        "net": amount_minor - fee_minor,
        "reporting_category": _DISPUTED[amount_minor > 0] if kind == "adjustment" else kind,
        "source": source,
        "status": "available",
        "type": kind,
    }


def event(
    *,
    id_: str,
    type_: str,
    created: int,
    api_version: str,
    shown: Json,
    previous: Json | None,
    request: Json,
    livemode: bool,
    account: str | None,
) -> Json:
    """The envelope of a webhook. `account` names a connected account; events of one's own have none."""
    data: Json = {"object": shown}
    if previous is not None:
        data["previous_attributes"] = previous
    return {
        "id": id_,
        "object": "event",
        **({} if account is None else {"account": account}),
        "api_version": api_version,
        "created": created,
        "data": data,
        "livemode": livemode,
        "pending_webhooks": 1,
        "request": request,
        "type": type_,
    }


def thin_event(
    *, id_: str, type_: str, created: str, shown: Json, livemode: bool, account: str | None
) -> Json:
    """The envelope of an event destination with thin payloads: https://docs.stripe.com/event-destinations."""
    path = _PATHS.get(shown["object"], f"{shown['object']}s")
    return {
        "id": id_,
        "object": "v2.core.event",
        "context": account,
        "created": created,
        "livemode": livemode,
        "reason": None,
        "related_object": {
            "id": shown["id"],
            "type": shown["object"],
            "url": f"/v1/{path}/{shown['id']}",
        },
        "type": f"v1.{type_}",
    }


def _nulls(*names: str) -> Json:
    return dict.fromkeys(names)


_CHARGE_NULLS: Final[Json] = {
    **_nulls("application", "application_fee", "application_fee_amount", "failure_balance_transaction"),
    **_nulls("failure_code", "failure_message", "on_behalf_of", "receipt_number", "receipt_url"),
    **_nulls("review", "shipping", "source", "source_transfer", "statement_descriptor"),
    **_nulls("statement_descriptor_suffix", "transfer_data", "transfer_group"),
}
_INTENT_NULLS: Final[Json] = {
    **_nulls("application", "application_fee_amount", "canceled_at", "cancellation_reason"),
    **_nulls("last_payment_error", "next_action", "on_behalf_of", "payment_method_configuration_details"),
    **_nulls("processing", "review", "setup_future_usage", "shipping", "source"),
    **_nulls("statement_descriptor", "statement_descriptor_suffix", "transfer_data", "transfer_group"),
}
_PATHS: Final = {"checkout.session": "checkout/sessions"}
_DISPUTED: Final = ("dispute", "dispute_reversal")
"""The reporting category of what a dispute took, and of what it gave back."""
_CARD_OPTIONS: Final[Json] = {
    **_nulls("installments", "mandate_options", "network"),
    "request_three_d_secure": "automatic",
}
_OUTCOME: Final[Json] = {
    **_nulls("advice_code", "network_advice_code", "network_decline_code", "reason"),
    "network_status": "approved_by_network",
    "risk_level": "normal",
    "seller_message": "Payment complete.",
    "type": "authorized",
}
_CARD: Final[Json] = {
    "brand": "visa",
    "checks": {**_nulls("address_line1_check", "address_postal_code_check"), "cvc_check": "pass"},
    "country": "US",
    "exp_month": 8,
    "exp_year": 2030,
    "fingerprint": "AOB934RVNwzk6xtn",
    "funding": "credit",
    "last4": "4242",
    "network": "visa",
    **_nulls("installments", "mandate", "network_transaction_id", "three_d_secure", "wallet"),
}
