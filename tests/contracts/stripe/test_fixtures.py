"""The readers over the objects that Stripe itself publishes (stripe/openapi, fixtures3.json)."""

from typing import Any

import pytest

from tests.collectors.edge import WORKSPACE
from tests.contracts.stripe import objects
from tests.contracts.stripe.objects import event
from tests.facts import NOW
from tests.stripe_fixtures import fixtures
from trackrev_stream.contracts.stripe.events import event_types, facts_of

RESOURCES = {
    "charge": "charge", "charge.refund": "refund", "refund": "refund", "charge.dispute": "dispute",
    "payment_intent": "payment_intent", "invoice_payment": "invoice_payment", "invoice": "invoice",
    "checkout.session": "checkout.session", "customer": "customer", "customer.subscription": "subscription",
}  # fmt: skip
# What the fixtures fill with invented content that no account has.
INVENTED: dict[str, dict[str, Any]] = {
    "invoice_payment": {"currency": "usd"},
    "invoice": {"parent": None},
    "subscription": {"currency": "usd"},
}
# Fields of before 2025-03-31.basil, or that only an expanded object has.
OLDER = {"invoice.charge", "invoice.payment_intent", "invoice.subscription"}


@pytest.mark.parametrize("event_type", event_types())
def test_every_event_reads_what_stripe_publishes(event_type: str) -> None:
    resource = RESOURCES[event_type.rpartition(".")[0]]
    shown = fixtures()[resource] | INVENTED.get(resource, {})
    found = facts_of(event(event_type, shown), WORKSPACE, NOW, "webhook")
    # The fixtures' invoice payment names no payment, and so links nothing.
    assert [fact.id for fact in found][:1] == ([] if resource == "invoice_payment" else [shown["id"]])


@pytest.mark.parametrize(
    "name",
    [
        "charge",
        "refund",
        "dispute",
        "payment_intent",
        "subscription",
        "invoice",
        "invoice_payment",
        "customer",
    ],
)
def test_the_objects_of_our_tests_have_fields_that_stripe_has(name: str) -> None:
    ours = getattr(objects, name)()
    theirs = fixtures()[name]
    assert {f"{name}.{field}" for field in ours.keys() - theirs.keys()} <= OLDER
    assert {field for field in ours if field in theirs and not _alike(ours[field], theirs[field])} == set()


def _alike(ours: Any, theirs: Any) -> bool:
    return ours is None or theirs is None or type(ours) is type(theirs)
