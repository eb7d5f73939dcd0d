"""The shape of an invoice, with the fields of acacia and of basil: `versions.view` chooses."""

from collections.abc import Sequence
from typing import Final

from ops.standin.billing_objects import listed
from ops.standin.errors import Json


def invoice(
    *,
    id_: str,
    created: int,
    livemode: bool,
    customer: Json,
    currency: str,
    subscription: Json,
    reason: str,
    lines: Sequence[Json],
    looks_back_to: int,
    starting_balance_minor: int,
) -> Json:
    """A finalized invoice that is not paid yet. What the customer has as credit is taken off.

    Its own period looks back, and `looks_back_to` is where that began: the lines have the periods that are
    paid for (https://docs.stripe.com/api/invoices/object#invoice_object-period_start).
    """
    total = sum(line["amount"] for line in lines)
    owed = total + starting_balance_minor
    due = max(owed, 0)
    details = {"metadata": subscription["metadata"], "subscription": subscription["id"]}
    return {
        "id": id_,
        "object": "invoice",
        "amount_due": due,
        "amount_remaining": due,
        "auto_advance": due > 0,
        "billing_reason": reason,
        "created": created,
        "currency": currency,
        "customer": customer["id"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": customer["phone"],
        "effective_at": created,
        "ending_balance": min(owed, 0),
        "lines": listed(lines, f"/v1/invoices/{id_}/lines"),
        "livemode": livemode,
        "parent": {"quote_details": None, "subscription_details": details, "type": "subscription_details"},
        "period_end": created,
        "period_start": looks_back_to,
        "starting_balance": starting_balance_minor,
        "status_transitions": {**_STAMPS, "finalized_at": created},
        "subscription": subscription["id"],
        "subscription_details": {"metadata": subscription["metadata"]},
        **dict.fromkeys(("subtotal", "subtotal_excluding_tax", "total", "total_excluding_tax"), total),
        "webhooks_delivered_at": created,
        **_FRESH,
    }


_STAMPS: Final = dict.fromkeys(("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at"))
_AUTOMATIC_TAX: Final = {
    "enabled": False,
    **dict.fromkeys(("disabled_reason", "liability", "provider", "status")),
}
_NULLS: Final = (
    *("account_name", "account_tax_ids", "application", "application_fee_amount"),
    *("automatically_finalizes_at", "charge", "custom_fields", "customer_address", "customer_shipping"),
    *("default_payment_method", "default_source", "description", "discount", "due_date", "footer"),
    *("from_invoice", "hosted_invoice_url", "invoice_pdf", "last_finalization_error", "latest_revision"),
    *("next_payment_attempt", "number", "on_behalf_of", "payment_intent", "quote", "receipt_number"),
    *("rendering", "shipping_cost", "shipping_details", "statement_descriptor", "tax", "test_clock"),
    "transfer_data",
)
_FRESH: Final[Json] = {
    "account_country": "US",
    "amount_overpaid": 0,
    "amount_paid": 0,
    "amount_shipping": 0,
    "attempt_count": 0,
    "attempted": False,
    "automatic_tax": _AUTOMATIC_TAX,
    "collection_method": "charge_automatically",
    "customer_tax_exempt": "none",
    "customer_tax_ids": [],
    "default_tax_rates": [],
    "discounts": [],
    "issuer": {"type": "self"},
    "metadata": {},
    "paid": False,
    "paid_out_of_band": False,
    "payment_settings": dict.fromkeys(("default_mandate", "payment_method_options", "payment_method_types")),
    "post_payment_credit_notes_amount": 0,
    "pre_payment_credit_notes_amount": 0,
    "status": "open",
    "total_discount_amounts": [],
    "total_pretax_credit_amounts": [],
    "total_tax_amounts": [],
    "total_taxes": [],
    **dict.fromkeys(_NULLS),
}
"""What every new invoice has alike."""
