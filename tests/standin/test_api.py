"""The stand-in's API through Stripe's own library."""

from typing import Any

import aiohttp
import pytest
import stripe

from ops.standin import ACACIA, BASIL
from tests.standin.support import START_MS, Hand, client, endpoint, pay, receiving, run, standing_in

START_S = START_MS // 1000


def test_a_payment_of_a_customer_makes_a_captured_charge() -> None:
    async def scenario() -> None:
        async with standing_in(clock=Hand()) as stand_in, client(stand_in) as api:
            customer = await api.v1.customers.create_async({"email": "ada@example.com", "name": "Ada"})
            details = {"billing_details": {"email": "paying@example.com", "name": "Ada"}, "type": "card"}
            intent = await pay(api, 4200, customer=customer.id, payment_method_data=details)
            assert (intent.status, intent.amount_received) == ("succeeded", 4200)
            charge = await api.v1.charges.retrieve_async(str(intent.latest_charge))
            assert (charge.amount, charge.amount_captured, charge.amount_refunded) == (4200, 4200, 0)
            assert (charge.captured, charge.paid, charge.refunded) == (True, True, False)
            assert (charge.status, charge.currency, charge.created) == ("succeeded", "usd", START_S)
            assert (charge.customer, charge.payment_intent) == (customer.id, intent.id)
            assert charge.billing_details.email == "paying@example.com"
            assert charge.receipt_email is None
            assert charge.livemode is False
            assert (await api.v1.customers.retrieve_async(customer.id)).email == "ada@example.com"

    run(scenario())


def test_a_guest_pays_without_a_customer() -> None:
    async def scenario() -> None:
        async with standing_in() as stand_in, client(stand_in) as api:
            intent = await pay(api, receipt_email="guest@example.com")
            charge = await api.v1.charges.retrieve_async(str(intent.latest_charge))
            assert charge.customer is None
            assert charge.receipt_email == "guest@example.com"
            assert charge.billing_details.email is None

    run(scenario())


def test_json_bodies_are_taken_too() -> None:
    async def scenario() -> None:
        async with standing_in(clock=Hand()) as stand_in, aiohttp.ClientSession() as session:
            body = {"amount": 500, "currency": "EUR", "confirm": True, "metadata": {"order": 7}}
            headers = {"Authorization": "Bearer sk_test_standin"}
            url = f"{stand_in.url}/v1/payment_intents"
            async with session.post(url, json=body, headers=headers) as response:
                assert response.status == 200
                assert response.headers["Request-Id"].startswith("req_")
                assert response.headers["Date"] == "Thu, 01 Jan 2026 00:00:00 GMT"
                intent = await response.json()
            assert (intent["amount"], intent["currency"], intent["metadata"]) == (500, "eur", {"order": "7"})

    run(scenario())


def test_partial_refunds_add_up() -> None:
    async def scenario() -> None:
        async with standing_in() as stand_in, client(stand_in) as api:
            intent = await pay(api, 1000)
            charge_id = str(intent.latest_charge)
            await api.v1.refunds.create_async({"charge": charge_id, "amount": 300})
            charge = await api.v1.charges.retrieve_async(charge_id)
            assert (charge.amount_refunded, charge.refunded) == (300, False)
            with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded"):
                await api.v1.refunds.create_async({"charge": charge_id, "amount": 701})
            rest = await api.v1.refunds.create_async({"payment_intent": intent.id})
            assert (rest.amount, rest.status, rest.charge) == (700, "succeeded", charge_id)
            charge = await api.v1.charges.retrieve_async(charge_id)
            assert (charge.amount_refunded, charge.refunded) == (1000, True)
            with pytest.raises(stripe.InvalidRequestError) as caught:
                await api.v1.refunds.create_async({"charge": charge_id})
            assert caught.value.code == "charge_already_refunded"
            assert len((await api.v1.refunds.list_async({"charge": charge_id})).data) == 2

    run(scenario())


def test_lists_are_newest_first_and_page() -> None:
    async def scenario() -> None:
        async with standing_in() as stand_in, client(stand_in) as api:
            made = [str((await pay(api, 100 + number)).latest_charge) for number in range(7)]
            first = await api.v1.charges.list_async({"limit": 3})
            assert [charge.id for charge in first.data] == made[:3:-1]
            assert (first.has_more, first.url) == (True, "/v1/charges")
            assert [charge.id async for charge in first.auto_paging_iter()] == made[::-1]
            last = await api.v1.charges.list_async({"limit": 3, "starting_after": made[3]})
            assert ([charge.id for charge in last.data], last.has_more) == (made[2::-1], False)
            assert len((await api.v1.payment_intents.list_async()).data) == 7
            assert (await api.v1.subscriptions.list_async({"status": "all"})).data == []

    run(scenario())


def test_lists_page_backwards_too() -> None:
    async def scenario() -> None:
        async with standing_in() as stand_in, client(stand_in) as api:
            made = [str((await pay(api, 100 + number)).latest_charge) for number in range(7)]
            before = await api.v1.charges.list_async({"limit": 3, "ending_before": made[1]})
            assert [charge.id for charge in before.data] == made[4:1:-1]
            assert before.has_more
            newest = await api.v1.charges.list_async({"limit": 3, "ending_before": made[4]})
            assert ([charge.id for charge in newest.data], newest.has_more) == (made[6:4:-1], False)
            with pytest.raises(stripe.InvalidRequestError, match="only provide one of"):
                await api.v1.charges.list_async({"ending_before": made[4], "starting_after": made[5]})

    run(scenario())


def test_customers_are_changed_and_deleted() -> None:
    async def scenario() -> None:
        async with (
            receiving() as receiver,
            standing_in(endpoint=endpoint(receiver, concurrency=1)) as stand_in,
            client(stand_in) as api,
        ):
            made = await api.v1.customers.create_async({"email": "a@example.com", "metadata": {"a": "1"}})
            intent = await pay(api, customer=made.id)
            changed = await api.v1.customers.update_async(made.id, {"email": "b@example.com"})
            assert (changed.email, changed.to_dict()["metadata"]) == ("b@example.com", {"a": "1"})
            assert (await api.v1.customers.list_async({"email": "b@example.com"})).data[0].id == made.id
            await api.v1.customers.delete_async(made.id)
            assert (await api.v1.customers.list_async()).data == []
            gone = (await api.v1.customers.retrieve_async(made.id)).to_dict()
            assert gone == {"id": made.id, "object": "customer", "deleted": True}
            charge = await api.v1.charges.retrieve_async(str(intent.latest_charge), {"expand": ["customer"]})
            assert charge.to_dict()["customer"] == gone
            await stand_in.drained()
        told = receiver.objects("customer.updated")
        assert told[0]["previous_attributes"] == {"email": "a@example.com"}
        assert receiver.types()[-1] == "customer.deleted"

    run(scenario())


def test_the_refunds_of_a_charge_page_on_where_they_were_expanded() -> None:
    async def scenario() -> None:
        async with standing_in() as stand_in, client(stand_in) as api:
            intent = await pay(api, 1000)
            part: Any = {"payment_intent": intent.id, "amount": 1}
            made = [(await api.v1.refunds.create_async(part)).id for _ in range(12)]
            charge = await api.v1.charges.retrieve_async(str(intent.latest_charge), {"expand": ["refunds"]})
            assert charge.refunds is not None
            assert (len(charge.refunds.data), charge.refunds.has_more) == (10, True)
            found = [refund.id async for refund in charge.refunds.auto_paging_iter()]
            assert found == made[::-1]

    run(scenario())


def test_refunds_came_with_their_charges_until_late_2022() -> None:
    async def scenario() -> None:
        async with (
            standing_in() as stand_in,
            client(stand_in, version="2022-08-01") as old,
            client(stand_in) as api,
        ):
            intent = await pay(api)
            refund = await api.v1.refunds.create_async({"payment_intent": intent.id, "amount": 10})
            charge = (await old.v1.charges.retrieve_async(str(intent.latest_charge))).to_dict()
            assert [each["id"] for each in charge["refunds"]["data"]] == [refund.id]
            assert "refunds" not in (await api.v1.charges.retrieve_async(charge["id"])).to_dict()

    run(scenario())


@pytest.mark.parametrize(
    ("created", "found"),
    [
        ({"gte": START_S + 2}, [4, 3, 2]),
        ({"gt": START_S + 2}, [4, 3]),
        ({"lte": START_S + 2}, [2, 1, 0]),
        ({"lt": START_S + 2}, [1, 0]),
        ({"gt": START_S, "lt": START_S + 3}, [2, 1]),
        (START_S + 1, [1]),
    ],
)
def test_lists_take_ranges_of_created(created: Any, found: list[int]) -> None:
    async def scenario() -> None:
        clock = Hand()
        async with standing_in(clock=clock) as stand_in, client(stand_in) as api:
            for number in range(5):
                clock.now_ms = START_MS + number * 1000
                await pay(api, 100 + number)
            charges = await api.v1.charges.list_async({"created": created})
            assert [charge.amount - 100 for charge in charges.data] == found

    run(scenario())


def test_an_object_of_an_earlier_time_is_listed_where_it_belongs() -> None:
    async def scenario() -> None:
        clock = Hand()
        async with standing_in(clock=clock) as stand_in, client(stand_in) as api:
            for second in (5, 1, 3):
                clock.now_ms = START_MS + second * 1000
                await pay(api, 100 + second)
            listed = [
                charge async for charge in (await api.v1.charges.list_async({"limit": 1})).auto_paging_iter()
            ]
            assert [charge.amount for charge in listed] == [105, 103, 101]

    run(scenario())


def test_fees_come_with_the_balance_transaction() -> None:
    async def scenario() -> None:
        async with standing_in() as stand_in, client(stand_in) as api:
            await pay(api, 10_000)
            charges = await api.v1.charges.list_async({"expand": ["data.balance_transaction"]})
            entry = charges.data[0].balance_transaction
            assert isinstance(entry, stripe.BalanceTransaction)
            assert (entry.amount, entry.fee, entry.net) == (10_000, 320, 9_680)
            with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
                await api.v1.charges.list_async({"expand": ["data.outcome"]})

    run(scenario())


@pytest.mark.parametrize(
    ("version", "carries_invoice"), [(ACACIA, True), (BASIL, False), ("2026-10-28.endive", False)]
)
def test_the_version_of_a_read_decides_the_shape(version: str, carries_invoice: bool) -> None:
    async def scenario() -> None:
        async with standing_in() as stand_in, client(stand_in, version=version) as api:
            intent = await pay(api)
            charge = await api.v1.charges.retrieve_async(
                str(intent.latest_charge), {"expand": ["payment_intent"]}
            )
            assert ("invoice" in charge.to_dict()) is carries_invoice
            assert ("invoice" in intent.to_dict()) is carries_invoice
            assert ("invoice" in charge.to_dict()["payment_intent"]) is carries_invoice

    run(scenario())


def test_a_live_account_has_live_keys_and_objects() -> None:
    async def scenario() -> None:
        async with (
            standing_in(secret_key="sk_live_shop") as stand_in,
            client(stand_in, "sk_live_shop") as api,
        ):
            intent = await pay(api)
            assert intent.livemode is True
            assert [key.text for key in stand_in.keyring.restricted] == ["rk_live_standin"]

    run(scenario())


def test_a_seed_makes_ids_repeatable() -> None:
    async def ids(seed: int | None, reads: int = 0) -> list[str]:
        async with standing_in(seed=seed) as stand_in, client(stand_in) as api:
            for _ in range(reads):
                await api.v1.charges.list_async()
            customer = await api.v1.customers.create_async({"email": "a@example.com"})
            intent = await pay(api, customer=customer.id)
            refund = await api.v1.refunds.create_async({"payment_intent": intent.id})
            return [customer.id, intent.id, str(intent.latest_charge), refund.id]

    async def scenario() -> None:
        first, again, other, free = await ids(7), await ids(7, reads=2), await ids(8), await ids(None)
        assert first == again
        assert len({*first, *other, *free}) == 12
        for made in (first, free):
            starts = ("cus_", "pi_3", "ch_3", "re_3")
            assert all(id_.startswith(start) for id_, start in zip(made, starts, strict=True))

    run(scenario())
