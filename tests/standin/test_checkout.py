"""Checkout sessions, from the shop's asking to the buyer's paying."""

from typing import Any

import aiohttp
import stripe

from ops.standin import StandIn
from tests.standin.support import Hand, client, endpoint, receiving, run, standing_in

ONCE: Any = {"price_data": {"unit_amount": 4200, "currency": "eur"}, "quantity": 2}
MONTHLY: Any = {"price_data": {"unit_amount": 900, "currency": "usd", "recurring": {"interval": "month"}}}


async def _buy(stand_in: StandIn, session: stripe.checkout.Session, **form: str) -> Any:
    url = f"{stand_in.url}/_standin/checkout/{session.id}"
    async with aiohttp.ClientSession() as http, http.post(url, json=form) as response:
        assert response.status == 200
        return await response.json()


def test_a_purchase_carries_the_reference_and_the_channel_stays_in_the_books() -> None:
    async def scenario() -> None:
        async with (
            receiving() as receiver,
            standing_in(endpoint=endpoint(receiver, concurrency=1)) as stand_in,
            client(stand_in) as api,
        ):
            asked: Any = {
                "mode": "payment",
                "client_reference_id": "visitor-1",
                "line_items": [ONCE],
                "payment_intent_data": {"metadata": {"order": "7", "standin_channel": "ads"}},
            }
            session = await api.v1.checkout.sessions.create_async(asked)
            assert (session.status, session.payment_status, session.amount_total) == ("open", "unpaid", 8400)
            await _buy(stand_in, session, email="ada@example.com", name="Ada")
            session = await api.v1.checkout.sessions.retrieve_async(session.id)
            assert (session.status, session.payment_status) == ("complete", "paid")
            charge = (await api.v1.charges.list_async()).data[0]
            assert (charge.amount, charge.payment_intent) == (8400, session.payment_intent)
            assert charge.billing_details.email == "ada@example.com"
            assert charge.to_dict()["metadata"] == {"order": "7"}
            found = await api.v1.checkout.sessions.list_async({"payment_intent": str(charge.payment_intent)})
            assert [each.client_reference_id for each in found.data] == ["visitor-1"]
            assert stand_in.books.report()["channels"]["ads"]["gross_minor"] == 8400
            await stand_in.drained()
        [told] = receiver.objects("checkout.session.completed")
        assert told["object"]["client_reference_id"] == "visitor-1"
        assert all(b"standin_" not in body for body in receiver.bodies)

    run(scenario())


def test_a_subscription_is_bought_with_a_new_customer_and_a_trial() -> None:
    async def scenario() -> None:
        async with standing_in(clock=Hand()) as stand_in, client(stand_in) as api:
            asked: Any = {
                "mode": "subscription",
                "line_items": [MONTHLY],
                "client_reference_id": "visitor-2",
                "subscription_data": {"trial_period_days": 14, "metadata": {"standin_channel": "ads"}},
            }
            session = await api.v1.checkout.sessions.create_async(asked)
            bought = await _buy(stand_in, session, email="bea@example.com")
            subscription = await api.v1.subscriptions.retrieve_async(bought["subscription"])
            assert (subscription.status, subscription.customer) == ("trialing", bought["customer"])
            assert (await api.v1.customers.retrieve_async(bought["customer"])).email == "bea@example.com"
            assert (await api.v1.charges.list_async()).data == []
            stand_in.advance(days=50)
            paid = (await api.v1.charges.list_async()).data
            assert [charge.amount for charge in paid] == [900, 900]
            assert [charge.billing_details.email for charge in paid] == [None, None]
            assert stand_in.books.report()["channels"]["ads"]["gross_minor"] == 1800

    run(scenario())


def test_a_bank_pays_a_checkout_days_later() -> None:
    async def scenario() -> None:
        async with (
            receiving() as receiver,
            standing_in(clock=Hand(), endpoint=endpoint(receiver)) as stand_in,
            client(stand_in) as api,
        ):
            session = await api.v1.checkout.sessions.create_async({"mode": "payment", "line_items": [ONCE]})
            bought = await _buy(stand_in, session, payment_method="pm_usBankAccount")
            assert (bought["status"], bought["payment_status"]) == ("complete", "unpaid")
            stand_in.advance(days=5)
            await stand_in.drained()
        statuses = [
            receiver.objects(f"checkout.session.{type_}")[0]["object"]["payment_status"]
            for type_ in ("completed", "async_payment_succeeded")
        ]
        assert statuses == ["unpaid", "paid"]

    run(scenario())


def test_an_expired_session_sells_nothing() -> None:
    async def scenario() -> None:
        async with standing_in() as stand_in, client(stand_in) as api:
            session = await api.v1.checkout.sessions.create_async({"mode": "payment", "line_items": [ONCE]})
            assert (await api.v1.checkout.sessions.expire_async(session.id)).status == "expired"
            url = f"{stand_in.url}/_standin/checkout/{session.id}"
            async with aiohttp.ClientSession() as http, http.post(url, json={}) as response:
                assert response.status == 400
            assert (await api.v1.charges.list_async()).data == []

    run(scenario())
