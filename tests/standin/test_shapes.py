"""The stand-in's objects beside the fixtures that Stripe publishes."""

import json
from pathlib import Path
from typing import Any

import pytest

from ops.standin import BASIL
from tests.standin.support import client, endpoint, pay, receiving, run, standing_in

FIXTURES = [place / "shared/data/stripe-fixtures3.json" for place in Path(__file__).parents]

# What the fixtures have and the stand-in's objects have not, with the reason.
ABSENT = {
    "charge.refunds": "expanded only on request since 2022-11-15",
    "payment_intent.excluded_payment_method_types": "newer than basil",
    "payment_intent.customer_account": "newer than basil",
    "payment_intent.managed_payments": "newer than basil",
    "refund.customer": "newer than basil",
    "refund.customer_account": "newer than basil",
    "refund.payment_method": "newer than basil",
    "balance_transaction.balance_type": "newer than basil",
}
# What a card that paid has and the fixtures, whose card is abridged, have not.
ADDED = {
    "charge.outcome.risk_level": "an assessed payment has it",
}
# Fields whose content differs from charge to charge, or that the fixtures fill with invented content.
OPEN = {"charge.payment_method_details.card", "payment_intent.payment_method_options", "event.data"}


def _differences(ours: Any, theirs: Any, path: str) -> list[str]:
    if ours is None or theirs is None or path in OPEN:
        return []
    if type(ours) is not type(theirs):
        return [f"{path}: {type(ours).__name__}, Stripe has {type(theirs).__name__}"]
    if not isinstance(ours, dict) or path.endswith(".metadata"):
        return []
    found = [f"{path}.{name}: Stripe has none" for name in ours.keys() - theirs.keys()]
    found += [f"{path}.{name}: absent" for name in theirs.keys() - ours.keys()]
    for name in ours.keys() & theirs.keys():
        found += _differences(ours[name], theirs[name], f"{path}.{name}")
    return found


def test_objects_have_the_fields_and_types_of_stripes_fixtures() -> None:
    found = next((place for place in FIXTURES if place.exists()), None)
    if found is None:
        # They are Stripe's, from github.com/stripe/openapi (MIT): 190 KB that are not kept with the project.
        pytest.skip("Stripe's fixtures, shared/data/stripe-fixtures3.json, are in no directory above")
    fixtures = json.loads(found.read_text())["resources"]
    shown: dict[str, Any] = {}

    async def scenario() -> None:
        async with (
            receiving() as receiver,
            standing_in(endpoint=endpoint(receiver), api_version=BASIL) as stand_in,
            client(stand_in, version=BASIL) as api,
        ):
            customer = await api.v1.customers.create_async({"email": "a@example.com"})
            intent = await pay(api, customer=customer.id, receipt_email="b@example.com")
            refund = await api.v1.refunds.create_async({"payment_intent": intent.id})
            charge = await api.v1.charges.retrieve_async(str(intent.latest_charge))
            entry = await api.v1.balance_transactions.retrieve_async(str(charge.balance_transaction))
            await stand_in.drained()
            event = receiver.acknowledged[0]
            for held in (customer, intent, refund, charge, entry, event):
                shown[held.object] = held.to_dict()

    run(scenario())
    assert len(shown) == 6
    differences = [line for name, ours in shown.items() for line in _differences(ours, fixtures[name], name)]
    assert sorted(differences) == sorted(
        [f"{path}: absent" for path in ABSENT] + [f"{path}: Stripe has none" for path in ADDED]
    )
