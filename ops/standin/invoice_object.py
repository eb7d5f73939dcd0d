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
        "account_country": "US",
        "amount_due": due,
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_remaining": due,
        "amount_shipping": 0,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": due > 0,
        "automatic_tax": {
            "disabled_reason": None,
            "enabled": False,
            "liability": None,
            "provider": None,
            "status": None,
        },
        "billing_reason": reason,
        "collection_method": "charge_automatically",
        "created": created,
        "currency": currency,
        "customer": customer["id"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": customer["phone"],
        "customer_tax_exempt": "none",
        "customer_tax_ids": [],
        "default_tax_rates": [],
        "discounts": [],
        "effective_at": created,
        "ending_balance": min(owed, 0),
        "issuer": {"type": "self"},
        "lines": listed(lines, f"/v1/invoices/{id_}/lines"),
        "livemode": livemode,
        "metadata": {},
        "paid": False,
        "paid_out_of_band": False,
        "parent": {"quote_details": None, "subscription_details": details, "type": "subscription_details"},
        "payment_settings": {
            "default_mandate": None,
            "payment_method_options": None,
            "payment_method_types": None,
        },
        "period_end": created,
        "period_start": looks_back_to,
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "starting_balance": starting_balance_minor,
        "status": "open",
        "status_transitions": {
            "finalized_at": created,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        "subscription": subscription["id"],
        "subscription_details": {"metadata": subscription["metadata"]},
        "subtotal": total,
        "subtotal_excluding_tax": total,
        "total": total,
        "total_discount_amounts": [],
        "total_excluding_tax": total,
        "total_pretax_credit_amounts": [],
        "total_tax_amounts": [],
        "total_taxes": [],
        "webhooks_delivered_at": created,
        **dict.fromkeys(_NULLS),
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
