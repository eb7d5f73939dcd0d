"""The API's versions, and what an object shows in each. Objects are stored with the fields of all."""

import re
from typing import Final

from ops.standin.errors import ApiError, Json

ACACIA: Final = "2025-02-24.acacia"
"""The last version whose charges, payment intents and invoices name each other directly."""
BASIL: Final = "2025-03-31.basil"
"""The first version whose do not: https://docs.stripe.com/changelog/basil."""

_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(\.[a-z]+)?")
_REFUNDS_EMBEDDED_BEFORE = "2022-11-15"
"""Until then a charge came with its refunds: https://docs.stripe.com/upgrades#2022-11-15."""

_PERIOD = ("current_period_end", "current_period_start")
_BEFORE_BASIL: Final[dict[str, tuple[str, ...]]] = {
    "charge": ("invoice",),
    "payment_intent": ("invoice",),
    "subscription": (*_PERIOD, "discount"),
    "invoice": (
        "application_fee_amount",
        "charge",
        "discount",
        "paid",
        "paid_out_of_band",
        "payment_intent",
        "quote",
        "subscription",
        "subscription_details",
        "tax",
        "total_tax_amounts",
        "transfer_data",
    ),
    "line_item": (
        "invoice_item",
        "plan",
        "price",
        "proration",
        "proration_details",
        "subscription_item",
        "tax_amounts",
        "tax_rates",
        "type",
        "unit_amount_excluding_tax",
        "amount_excluding_tax",
    ),
}
_SINCE_BASIL: Final[dict[str, tuple[str, ...]]] = {
    "payment_intent": ("payment_details",),
    "subscription_item": _PERIOD,
    "invoice": ("amount_overpaid", "parent", "total_taxes"),
    "line_item": ("parent", "pricing", "taxes"),
}
_HELD_LISTS: Final = {"subscription": "items", "invoice": "lines"}


def checked_version(text: str) -> str:
    """The API version if it has the shape of one. Raises ApiError 400."""
    if not _VERSION.fullmatch(text):
        raise ApiError(400, f"Invalid Stripe API version: {text}")
    return text


def is_basil(api_version: str) -> bool:
    """Whether a version is basil or later: versions sort by their date."""
    return api_version[:10] >= BASIL[:10]


def exists(kind: str, api_version: str) -> bool:
    """Whether a version knows objects of a kind."""
    return kind != "invoice_payment" or is_basil(api_version)


def embeds_refunds(api_version: str) -> bool:
    return api_version[:10] < _REFUNDS_EMBEDDED_BEFORE


def view(stored: Json, api_version: str) -> Json:
    """A stored object as the given API version shows it: a copy that later changes do not reach.

    What an object holds (tables, lists) is replaced and never changed in place, so one level is enough.
    """
    return view_part(stored, stored["object"], api_version)


def view_part(fields: Json, kind: str, api_version: str) -> Json:
    """What the given API version shows of some fields of an object of a kind."""
    shown = dict(fields)
    for name in (_BEFORE_BASIL if is_basil(api_version) else _SINCE_BASIL).get(kind, ()):
        shown.pop(name, None)
    held = _HELD_LISTS.get(kind)
    if held in shown:
        shown[held] = {**shown[held], "data": [view(inner, api_version) for inner in shown[held]["data"]]}
    return shown
