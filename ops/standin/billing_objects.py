"""Shapes of prices and subscriptions, with the fields of acacia and of basil: `versions.view` chooses."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ops.standin.errors import Json


@dataclass(frozen=True, slots=True)
class Line:
    """What an invoice asks for: a period of a subscription, or a proration of one (credit if negative)."""

    amount_minor: int
    description: str
    begins_s: int
    ends_s: int
    price: Json
    item: str
    subscription: str
    proration: bool = False


def price(
    *,
    id_: str,
    product: str,
    created: int,
    livemode: bool,
    amount_minor: int,
    currency: str,
    interval: str | None,
    interval_count: int,
) -> Json:
    """A price by the unit: every interval, or once when that is None."""
    recurring = {
        "interval": interval,
        "interval_count": interval_count,
        **_nulls("meter", "trial_period_days"),
        "usage_type": "licensed",
    }
    return {
        "id": id_,
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "created": created,
        "currency": currency,
        "livemode": livemode,
        "metadata": {},
        "product": product,
        "recurring": recurring if interval else None,
        "tax_behavior": "unspecified",
        "type": "recurring" if interval else "one_time",
        "unit_amount": amount_minor,
        "unit_amount_decimal": str(amount_minor),
        **_nulls("custom_unit_amount", "lookup_key", "nickname", "tiers_mode", "transform_quantity"),
    }


def plan(of: Json) -> Json:
    """The older face of a price that recurs."""
    copied = ("id", "active", "billing_scheme", "created", "currency", "livemode", "metadata", "nickname")
    return {
        "object": "plan",
        "amount": of["unit_amount"],
        "amount_decimal": of["unit_amount_decimal"],
        "interval": of["recurring"]["interval"],
        "interval_count": of["recurring"]["interval_count"],
        "product": of["product"],
        "usage_type": "licensed",
        **{name: of[name] for name in copied},
        **_nulls("meter", "tiers_mode", "transform_usage", "trial_period_days"),
    }


def subscription_item(
    *, id_: str, created: int, subscription: str, of: Json, quantity: int, period: tuple[int, int]
) -> Json:
    return {
        "id": id_,
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": created,
        "current_period_end": period[1],
        "current_period_start": period[0],
        "discounts": [],
        "metadata": {},
        "plan": plan(of),
        "price": of,
        "quantity": quantity,
        "subscription": subscription,
        "tax_rates": [],
    }


def subscription(
    *,
    id_: str,
    created: int,
    livemode: bool,
    customer: str,
    item: Json,
    status: str,
    trial_end: int | None,
    pauses: bool,
    metadata: dict[str, str],
) -> Json:
    trial_ends = {"missing_payment_method": "pause" if pauses else "create_invoice"}
    return {
        "id": id_,
        "object": "subscription",
        "billing_cycle_anchor": trial_end or created,
        "created": created,
        "currency": item["price"]["currency"],
        "current_period_end": item["current_period_end"],
        "current_period_start": item["current_period_start"],
        "customer": customer,
        "items": listed([item], f"/v1/subscription_items?subscription={id_}"),
        "livemode": livemode,
        "metadata": metadata,
        "start_date": created,
        "status": status,
        "trial_end": trial_end,
        "trial_settings": {"end_behavior": trial_ends},
        "trial_start": created if trial_end else None,
        **_NEW_SUBSCRIPTION,
    }


def line_item(*, id_: str, invoice: str, livemode: bool, line: Line) -> Json:
    credited = {"credited_items": None}
    of_item = {
        "invoice_item": None,
        "proration": line.proration,
        "proration_details": credited,
        "subscription": line.subscription,
        "subscription_item": line.item,
    }
    priced = {"price": line.price["id"], "product": line.price["product"]}
    unit_amount = line.price["unit_amount_decimal"]
    kind = "subscription_item_details"
    return {
        "id": id_,
        "object": "line_item",
        "amount": line.amount_minor,
        "amount_excluding_tax": line.amount_minor,
        "currency": line.price["currency"],
        "description": line.description,
        "discountable": not line.proration,
        "invoice": invoice,
        "invoice_item": None,
        "livemode": livemode,
        "metadata": {},
        "parent": {"invoice_item_details": None, kind: of_item, "type": kind},
        "period": {"end": line.ends_s, "start": line.begins_s},
        "plan": plan(line.price),
        "price": line.price,
        "pricing": {"price_details": priced, "type": "price_details", "unit_amount_decimal": unit_amount},
        "proration": line.proration,
        "proration_details": credited,
        "quantity": 1,
        "subscription": line.subscription,
        "subscription_item": line.item,
        "type": "subscription",
        "unit_amount_excluding_tax": unit_amount,
        **{name: [] for name in _EMPTY_OF_A_LINE},
    }


def invoice_payment(*, id_: str, created: int, invoice: Json, payment_intent: str) -> Json:
    """Says by which payment intent an invoice is paid; there since basil."""
    return {
        "id": id_,
        "object": "invoice_payment",
        "amount_paid": None,
        "amount_requested": invoice["amount_due"],
        "created": created,
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "is_default": True,
        "livemode": invoice["livemode"],
        "payment": {"payment_intent": payment_intent, "type": "payment_intent"},
        "status": "open",
        "status_transitions": _nulls("canceled_at", "paid_at"),
    }


def listed(data: Sequence[Json], url: str) -> Json:
    return {"object": "list", "data": list(data), "has_more": False, "url": url}


def _nulls(*names: str) -> Json:
    return dict.fromkeys(names)


_EMPTY_OF_A_LINE: Final = (
    "discount_amounts",
    "discounts",
    "pretax_credit_amounts",
    "tax_amounts",
    "tax_rates",
    "taxes",
)
_NEW_SUBSCRIPTION: Final[Json] = {
    "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
    "billing_mode": {"type": "classic"},
    "cancel_at_period_end": False,
    "cancellation_details": _nulls("comment", "feedback", "reason"),
    "collection_method": "charge_automatically",
    "default_tax_rates": [],
    "discounts": [],
    "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
    "payment_settings": {
        **_nulls("payment_method_options", "payment_method_types"),
        "save_default_payment_method": "off",
    },
    **_nulls("application", "application_fee_percent", "billing_cycle_anchor_config", "billing_thresholds"),
    **_nulls("cancel_at", "canceled_at", "days_until_due", "default_payment_method", "default_source"),
    **_nulls("description", "discount", "ended_at", "latest_invoice", "next_pending_invoice_item_invoice"),
    **_nulls("on_behalf_of", "pause_collection", "pending_invoice_item_interval", "pending_setup_intent"),
    **_nulls("pending_update", "schedule", "test_clock", "transfer_data"),
}
"""What every new subscription has alike."""
