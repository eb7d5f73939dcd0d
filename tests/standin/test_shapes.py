"""The stand-in's objects beside the fixtures that Stripe publishes."""

from typing import Any

import stripe

from ops.standin import BASIL, StandIn
from ops.standin.params import Params
from tests.standin.support import client, endpoint, pay, receiving, run, standing_in
from tests.stripe_fixtures import fixtures

# What the fixtures have and the stand-in's objects have not, with the reason.
NEWER_THAN_BASIL = (
    *("balance_transaction.balance_type", "checkout.session.customer_account"),
    *("checkout.session.customer_details.business_name", "checkout.session.customer_details.individual_name"),
    *("checkout.session.integration_identifier", "checkout.session.managed_payments"),
    *("invoice.customer_account", "line_item.quantity_decimal", "line_item.subtotal"),
    *("payment_intent.customer_account", "payment_intent.excluded_payment_method_types"),
    *("payment_intent.managed_payments", "refund.customer", "refund.customer_account"),
    *("refund.payment_method", "subscription.billing_mode.flexible", "subscription.billing_schedules"),
    *("subscription.customer_account", "subscription.invoice_settings.custom_fields"),
    *("subscription.invoice_settings.description", "subscription.invoice_settings.footer"),
    "subscription.managed_payments",
)
ABSENT = {
    **dict.fromkeys(NEWER_THAN_BASIL, "newer than basil"),
    "charge.refunds": "expanded only on request since 2022-11-15",
    "invoice.subscription": "gone with basil, though the fixture still has it",
}
# What the stand-in's objects have and the fixtures, which are abridged, have not.
ADDED = {
    "charge.outcome.risk_level": "an assessed payment has it",
    "invoice_payment.payment.payment_intent": "what the type says",
    "line_item.pricing.price_details": "what the type says",
}
# Fields whose content differs from object to object, or that the fixtures fill with invented content.
OPEN = {
    *("charge.payment_method_details.card", "payment_intent.payment_method_options", "event.data"),
    # The library makes decimals of them.
    *("price.unit_amount_decimal", "subscription_item.price.unit_amount_decimal"),
}


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


async def _one_of_each(api: stripe.StripeClient, stand_in: StandIn) -> list[Any]:
    customer = await api.v1.customers.create_async({"email": "a@example.com"})
    intent = await pay(api, customer=customer.id, receipt_email="b@example.com")
    refund = await api.v1.refunds.create_async({"payment_intent": intent.id})
    charge = await api.v1.charges.retrieve_async(str(intent.latest_charge))
    entry = await api.v1.balance_transactions.retrieve_async(str(charge.balance_transaction))
    disputed = await pay(api, payment_method="pm_card_createDispute")
    [dispute] = (await api.v1.disputes.list_async({"payment_intent": disputed.id})).data
    monthly: Any = {"unit_amount": 2000, "currency": "usd", "recurring": {"interval": "month"}}
    price = await api.v1.prices.create_async(monthly)
    bought: Any = {"customer": customer.id, "items": [{"price": price.id}]}
    subscription = await api.v1.subscriptions.create_async(bought)
    invoice = await api.v1.invoices.retrieve_async(str(subscription.latest_invoice))
    [payment] = (await api.v1.invoice_payments.list_async({"invoice": invoice.id})).data
    asked: Any = {"mode": "payment", "line_items": [{"price": price.id}]}
    session = await api.v1.checkout.sessions.create_async(asked)
    stand_in.platform.checkout.complete(session.id, Params({"email": "c@example.com"}))
    session = await api.v1.checkout.sessions.retrieve_async(session.id)
    shown = [customer, intent, refund, charge, entry, dispute, price, subscription, invoice, payment]
    return [*shown, session, subscription.items.data[0], invoice.lines.data[0]]


def test_objects_have_the_fields_and_types_of_stripes_fixtures() -> None:
    published = fixtures()
    shown: dict[str, Any] = {}

    async def scenario() -> None:
        async with (
            receiving() as receiver,
            standing_in(endpoint=endpoint(receiver), api_version=BASIL) as stand_in,
            client(stand_in, version=BASIL) as api,
        ):
            made = await _one_of_each(api, stand_in)
            await stand_in.drained()
            shown.update((held.object, held.to_dict()) for held in [*made, receiver.acknowledged[0]])

    run(scenario())
    assert len(shown) == 14
    differences = [line for name, ours in shown.items() for line in _differences(ours, published[name], name)]
    assert sorted(differences) == sorted(
        [f"{path}: absent" for path in ABSENT] + [f"{path}: Stripe has none" for path in ADDED]
    )
