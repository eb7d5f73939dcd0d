"""The shape of a checkout session: https://docs.stripe.com/api/checkout/sessions/object."""

from typing import Final

from ops.standin.errors import Json

_OPEN_FOR_S: Final = 86_400


def checkout_session(
    *,
    id_: str,
    created: int,
    livemode: bool,
    mode: str,
    amount_minor: int,
    currency: str,
    customer: str | None,
    customer_email: str | None,
    client_reference_id: str | None,
    metadata: dict[str, str],
) -> Json:
    """An open session that nobody has paid yet."""
    shipped_later = {"enabled": False}
    return {
        "id": id_,
        "object": "checkout.session",
        "adaptive_pricing": {"enabled": False},
        "amount_subtotal": amount_minor,
        "amount_total": amount_minor,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "cancel_url": None,
        "client_reference_id": client_reference_id,
        "created": created,
        "currency": currency,
        "custom_fields": [],
        "custom_text": dict.fromkeys(
            ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")
        ),
        "customer": customer,
        "customer_creation": "always" if mode == "subscription" else "if_required",
        "customer_details": None,
        "customer_email": customer_email,
        "discounts": [],
        "expires_at": created + _OPEN_FOR_S,
        "livemode": livemode,
        "metadata": metadata,
        "mode": mode,
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "phone_number_collection": shipped_later,
        "shipping_options": [],
        "status": "open",
        "success_url": "https://shop.example/thanks",
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted",
        "url": f"https://checkout.stripe.com/c/pay/{id_}",
        **dict.fromkeys(_NULLS),
    }


def customer_details(email: str | None, name: str | None) -> Json:
    address = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
    return {
        "address": address,
        "email": email,
        "name": name,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }


_NULLS: Final = (
    *("after_expiration", "allow_promotion_codes", "billing_address_collection", "client_secret"),
    *("collected_information", "consent", "consent_collection", "currency_conversion", "invoice"),
    *("invoice_creation", "locale", "payment_intent", "payment_link", "payment_method_collection"),
    *("payment_method_configuration_details", "permissions", "recovered_from"),
    *("saved_payment_method_options", "setup_intent", "shipping_address_collection", "shipping_cost"),
    *("submit_type", "subscription", "wallet_options", "origin_context"),
)
