"""Subscriptions and their invoices, over months that pass at once."""

from datetime import UTC, datetime
from typing import Any

import pytest
import stripe

from ops.standin import ACACIA, BASIL
from tests.standin.support import Hand, client, endpoint, receiving, run, standing_in

MONTHLY = {"unit_amount": 2000, "currency": "usd", "recurring": {"interval": "month"}}


def _ms(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000)


def _day(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).date().isoformat()


async def _subscribe(api: stripe.StripeClient, **more: Any) -> stripe.Subscription:
    customer = await api.v1.customers.create_async({"email": "ada@example.com"})
    price: Any = {**MONTHLY, **more.pop("price", {})}
    params: Any = {"customer": customer.id, "items": [{"price_data": price}], **more}
    return await api.v1.subscriptions.create_async(params)


def _at_once(amount_minor: int) -> dict[str, Any]:
    """Another price, and the difference asked for now."""
    price = {**MONTHLY, "unit_amount": amount_minor}
    return {"items": [{"price_data": price}], "proration_behavior": "always_invoice"}


async def _charges(api: stripe.StripeClient) -> list[tuple[str, int]]:
    """Day and amount of what was captured, oldest first."""
    listed = (await api.v1.charges.list_async({"limit": 100})).data
    return [(_day(charge.created), charge.amount_captured) for charge in reversed(listed)]


async def _reasons(api: stripe.StripeClient) -> list[tuple[str | None, int, str | None]]:
    listed = (await api.v1.invoices.list_async({"limit": 100})).data
    return [(each.billing_reason, each.amount_due, each.status) for each in reversed(listed)]


def test_renewals_follow_the_anchor_with_month_ends_clamped() -> None:
    async def scenario() -> None:
        async with standing_in(clock=Hand(_ms("2026-01-31"))) as stand_in, client(stand_in) as api:
            made = await _subscribe(api)
            stand_in.advance_to(_ms("2026-05-01"))
            assert await _charges(api) == [
                ("2026-01-31", 2000), ("2026-02-28", 2000), ("2026-03-31", 2000), ("2026-04-30", 2000)
            ]  # fmt: skip
            assert [reason for reason, *_ in await _reasons(api)] == [
                "subscription_create",
                *["subscription_cycle"] * 3,
            ]
            now = await api.v1.subscriptions.retrieve_async(made.id)
            assert _day(now.to_dict()["current_period_end"]) == "2026-05-31"
            newest = (await api.v1.invoices.list_async({"limit": 1})).data[0]
            assert now.latest_invoice == newest.id
            line = newest.lines.data[0]
            assert (_day(line.period.start), _day(line.period.end)) == ("2026-04-30", "2026-05-31")
            assert (_day(newest.period_start), _day(newest.period_end)) == ("2026-03-31", "2026-04-30")

    run(scenario())


def test_a_trial_is_an_invoice_of_nothing_and_then_the_first_charge() -> None:
    async def scenario() -> None:
        async with standing_in(clock=Hand(_ms("2026-03-01"))) as stand_in, client(stand_in) as api:
            made = await _subscribe(api, trial_period_days=14)
            assert made.status == "trialing"
            assert (await _charges(api), await _reasons(api)) == ([], [("subscription_create", 0, "paid")])
            stand_in.advance_to(_ms("2026-03-16"))
            assert (await api.v1.subscriptions.retrieve_async(made.id)).status == "active"
            assert await _charges(api) == [("2026-03-15", 2000)]
            assert (await _reasons(api))[1] == ("subscription_cycle", 2000, "paid")
            stand_in.advance_to(_ms("2026-04-16"))
            assert await _charges(api) == [("2026-03-15", 2000), ("2026-04-15", 2000)]

    run(scenario())


def test_an_upgrade_asks_for_the_difference_of_the_rest_of_the_period() -> None:
    async def scenario() -> None:
        async with standing_in(clock=Hand(_ms("2026-04-01"))) as stand_in, client(stand_in) as api:
            made = await _subscribe(api)
            stand_in.advance_to(_ms("2026-04-16"))  # half of the 30 days are left
            dearer: Any = _at_once(5001)
            await api.v1.subscriptions.update_async(made.id, dearer)
            # -2000/2 + 5001/2, the half cent up.
            assert await _charges(api) == [("2026-04-01", 2000), ("2026-04-16", 1501)]
            assert (await _reasons(api))[1] == ("subscription_update", 1501, "paid")
            invoice = (await api.v1.invoices.list_async({"limit": 1})).data[0]
            assert [(line.amount, line.to_dict()["proration"]) for line in invoice.lines.data] == [
                (-1000, True), (2501, True)
            ]  # fmt: skip
            stand_in.advance_to(_ms("2026-05-02"))
            assert (await _charges(api))[2:] == [("2026-05-01", 5001)]

    run(scenario())


def test_a_downgrade_becomes_credit_and_makes_the_next_invoices_smaller() -> None:
    async def scenario() -> None:
        async with standing_in(clock=Hand(_ms("2026-04-01"))) as stand_in, client(stand_in) as api:
            made = await _subscribe(api, price={"unit_amount": 6000})
            stand_in.advance_to(_ms("2026-04-16"))
            cheaper: Any = _at_once(1000)
            await api.v1.subscriptions.update_async(made.id, cheaper)
            customer = await api.v1.customers.retrieve_async(str(made.customer))
            assert customer.balance == -2500
            assert (await api.v1.refunds.list_async()).data == []
            stand_in.advance_to(_ms("2026-07-02"))
            assert [due for _, due, _ in await _reasons(api)] == [6000, 0, 0, 0, 500]
            assert await _charges(api) == [("2026-04-01", 6000), ("2026-07-01", 500)]

    run(scenario())


def test_prorations_wait_for_the_next_invoice_by_default() -> None:
    async def scenario() -> None:
        async with standing_in(clock=Hand(_ms("2026-04-01"))) as stand_in, client(stand_in) as api:
            made = await _subscribe(api)
            stand_in.advance_to(_ms("2026-04-16"))
            dearer: Any = {"items": [{"price_data": {**MONTHLY, "unit_amount": 4000}}]}
            await api.v1.subscriptions.update_async(made.id, dearer)
            stand_in.advance_to(_ms("2026-05-02"))
            assert await _charges(api) == [("2026-04-01", 2000), ("2026-05-01", 1000 + 4000)]

    run(scenario())


def test_a_subscription_ends_at_once_or_with_its_period() -> None:
    async def scenario() -> None:
        async with (
            receiving() as receiver,
            standing_in(
                clock=Hand(_ms("2026-04-01")), endpoint=endpoint(receiver, concurrency=1)
            ) as stand_in,
            client(stand_in) as api,
        ):
            first, second = await _subscribe(api), await _subscribe(api)
            await api.v1.subscriptions.cancel_async(first.id)
            await api.v1.subscriptions.update_async(second.id, {"cancel_at_period_end": True})
            live = (await api.v1.subscriptions.list_async()).data
            assert [(each.id, each.status) for each in live] == [(second.id, "active")]
            stand_in.advance_to(_ms("2026-06-01"))
            assert (await api.v1.subscriptions.list_async()).data == []
            everything = (await api.v1.subscriptions.list_async({"status": "all"})).data
            assert {each.status for each in everything} == {"canceled"}
            assert len(await _charges(api)) == 2
            await stand_in.drained()
        ended = receiver.objects("customer.subscription.deleted")
        assert [_day(told["object"]["ended_at"]) for told in ended] == ["2026-04-01", "2026-05-01"]

    run(scenario())


def test_subscriptions_are_listed_by_the_start_of_their_period() -> None:
    async def scenario() -> None:
        async with standing_in(clock=Hand(_ms("2026-01-10"))) as stand_in, client(stand_in) as api:
            old = await _subscribe(api, price={"recurring": {"interval": "year"}})
            monthly = await _subscribe(api)
            stand_in.advance_to(_ms("2026-03-20"))
            since: Any = {"status": "all", "current_period_start": {"gte": _ms("2026-03-01") // 1000}}
            assert [each.id for each in (await api.v1.subscriptions.list_async(since)).data] == [monthly.id]
            before: Any = {"status": "all", "current_period_start": {"lt": _ms("2026-03-01") // 1000}}
            assert [each.id for each in (await api.v1.subscriptions.list_async(before)).data] == [old.id]

    run(scenario())


def test_a_declined_renewal_is_tried_again_on_the_same_intent() -> None:
    async def scenario() -> None:
        async with standing_in(clock=Hand(_ms("2026-04-01"))) as stand_in, client(stand_in) as api:
            made = await _subscribe(api)
            empty: Any = {"default_payment_method": "pm_card_visa_chargeDeclined"}
            await api.v1.subscriptions.update_async(made.id, empty)
            stand_in.advance_to(_ms("2026-05-02"))
            assert (await api.v1.subscriptions.retrieve_async(made.id)).status == "past_due"
            [failed] = [c for c in (await api.v1.charges.list_async()).data if c.status == "failed"]
            assert (failed.captured, failed.paid, failed.failure_code) == (False, False, "card_declined")
            await api.v1.subscriptions.update_async(made.id, {"default_payment_method": "pm_card_visa"})
            stand_in.advance_to(_ms("2026-05-05"))
            assert (await api.v1.subscriptions.retrieve_async(made.id)).status == "active"
            newest = (await api.v1.charges.list_async({"limit": 1})).data[0]
            assert (newest.status, newest.payment_intent) == ("succeeded", failed.payment_intent)
            assert stand_in.books.by_charge()[newest.id].captured_minor == 2000
            assert failed.id not in stand_in.books.by_charge()
            await api.v1.subscriptions.update_async(made.id, empty)
            stand_in.advance_to(_ms("2026-07-01"))
            ended = await api.v1.subscriptions.retrieve_async(made.id)
            assert (ended.status, ended.cancellation_details.reason) == ("canceled", "payment_failed")  # type: ignore[union-attr]  # it is there

    run(scenario())


def test_a_first_payment_that_is_declined_leaves_nothing_for_long() -> None:
    async def scenario() -> None:
        async with standing_in(clock=Hand(_ms("2026-04-01"))) as stand_in, client(stand_in) as api:
            made = await _subscribe(api, default_payment_method="pm_card_visa_chargeDeclined")
            assert (made.status, await _reasons(api)) == (
                "incomplete",
                [("subscription_create", 2000, "open")],
            )
            stand_in.advance_to(_ms("2026-06-03"))
            ended = await api.v1.subscriptions.retrieve_async(made.id)
            assert (ended.status, [status for *_, status in await _reasons(api)]) == (
                "incomplete_expired",
                ["void"],
            )

    run(scenario())


def test_a_trial_without_a_card_pauses_and_is_resumed() -> None:
    async def scenario() -> None:
        async with (
            receiving() as receiver,
            standing_in(clock=Hand(_ms("2026-04-01")), endpoint=endpoint(receiver)) as stand_in,
            client(stand_in) as api,
        ):
            pausing = {"end_behavior": {"missing_payment_method": "pause"}}
            made = await _subscribe(api, trial_period_days=7, trial_settings=pausing)
            stand_in.advance_to(_ms("2026-04-20"))
            assert (await api.v1.subscriptions.retrieve_async(made.id)).status == "paused"
            await api.v1.subscriptions.resume_async(made.id)
            stand_in.advance_to(_ms("2026-05-21"))
            assert await _charges(api) == [("2026-04-20", 2000), ("2026-05-20", 2000)]
            await stand_in.drained()
        assert {"customer.subscription.paused", "customer.subscription.resumed"} <= set(receiver.types())

    run(scenario())


@pytest.mark.parametrize("version", [ACACIA, BASIL])
def test_billing_has_the_shape_of_its_version(version: str) -> None:
    async def scenario() -> None:
        old = version == ACACIA
        async with (
            receiving() as receiver,
            standing_in(
                clock=Hand(_ms("2026-04-01")), endpoint=endpoint(receiver), api_version=version
            ) as stand_in,
            client(stand_in, version=version) as api,
        ):
            made = await _subscribe(api, metadata={"tr_visitor": "v1"})
            stand_in.advance_to(_ms("2026-05-02"))
            await stand_in.drained()
            charge = (await api.v1.charges.list_async({"limit": 1})).data[0].to_dict()
            invoice = (await api.v1.invoices.list_async({"limit": 1})).data[0].to_dict()
            intent = await api.v1.payment_intents.retrieve_async(charge["payment_intent"])
            if not old:
                by: Any = {"payment": {"type": "payment_intent", "payment_intent": intent.id}}
                [payment] = (await api.v1.invoice_payments.list_async(by)).data
                assert (payment.invoice, payment.status) == (invoice["id"], "paid")
        told = receiver.objects("customer.subscription.updated")[-1]
        assert ("current_period_end" in told["object"]) is old
        assert ("current_period_end" in told["object"]["items"]["data"][0]) is not old
        assert ("current_period_end" in told["previous_attributes"]) is old
        assert ("current_period_end" in told["previous_attributes"]["items"]["data"][0]) is not old
        assert ("invoice_payment.paid" in receiver.types()) is not old
        if old:
            assert (charge["invoice"], invoice["charge"]) == (invoice["id"], charge["id"])
            assert (invoice["subscription"], invoice["payment_intent"]) == (made.id, intent.id)
        else:
            details = invoice["parent"]["subscription_details"]
            assert details == {"metadata": {"tr_visitor": "v1"}, "subscription": made.id}
            assert not {"charge", "subscription", "payment_intent", "paid"} & invoice.keys()
            assert intent.to_dict()["payment_details"]["order_reference"] == invoice["id"]
        for event in receiver.acknowledged:
            assert event.api_version == version

    run(scenario())


def test_what_a_subscription_names_can_be_expanded() -> None:
    async def scenario() -> None:
        async with (
            standing_in() as stand_in,
            client(stand_in) as api,
            client(stand_in, version=BASIL) as newer,
        ):
            made = await _subscribe(api)
            deep: Any = {"expand": ["latest_invoice.payment_intent.latest_charge", "customer"]}
            shown = (await api.v1.subscriptions.retrieve_async(made.id, deep)).to_dict()
            assert shown["latest_invoice"]["payment_intent"]["latest_charge"]["amount"] == 2000
            assert shown["customer"]["email"] == "ada@example.com"
            of_charge: Any = {"expand": ["data.invoice.subscription", "data.customer"]}
            [charge] = (await api.v1.charges.list_async(of_charge)).data
            assert charge.to_dict()["invoice"]["subscription"]["id"] == made.id
            paths: Any = {"expand": ["data.payments", "data.parent.subscription_details.subscription"]}
            [invoice] = (await newer.v1.invoices.list_async(paths)).data
            assert invoice.payments is not None
            assert invoice.payments.data[0].payment.type == "payment_intent"
            assert invoice.to_dict()["parent"]["subscription_details"]["subscription"]["id"] == made.id
            wrong: Any = {"expand": ["data.payment_intent"]}
            with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
                await newer.v1.invoices.list_async(wrong)

    run(scenario())


def test_there_are_no_invoice_payments_before_basil() -> None:
    async def scenario() -> None:
        async with standing_in() as stand_in, client(stand_in) as api:
            with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL"):
                await api.v1.invoice_payments.list_async()

    run(scenario())
