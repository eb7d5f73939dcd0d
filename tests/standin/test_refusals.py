"""What the stand-in refuses, in Stripe's words and error classes."""

from typing import Any

import aiohttp
import pytest
import stripe

from ops.standin import PROMISED_PERMISSIONS, StandIn
from tests.standin.support import client, pay, run, standing_in


def test_a_restricted_key_reads_what_it_was_granted_and_writes_nothing() -> None:
    async def scenario() -> None:
        keys = {"rk_test_all": PROMISED_PERMISSIONS, "rk_test_few": {"rak_customer_read"}}
        async with (
            standing_in(restricted_keys=keys) as stand_in,
            client(stand_in) as owner,
            client(stand_in, "rk_test_all") as reader,
            client(stand_in, "rk_test_few") as few,
        ):
            await pay(owner)
            assert len((await reader.v1.charges.list_async()).data) == 1
            assert (await few.v1.customers.list_async()).data == []
            await _refused(few.v1.charges.list_async(), "rak_charge_read")
            await _refused(few.v1.charges.retrieve_async("ch_1"), "rak_charge_read")
            await _refused(few.v1.subscriptions.list_async(), "rak_subscription_read")
            await _refused(few.v1.payment_intents.list_async(), "rak_payment_intent_read")
            await _refused(reader.v1.customers.create_async({"email": "a@example.com"}), "rak_customer_write")
            await _refused(pay(reader), "rak_payment_intent_write")
            expanding = reader.v1.charges.list_async({"expand": ["data.balance_transaction"]})
            await _refused(expanding, "rak_balance_transaction_source_read")
            assert len((await owner.v1.charges.list_async()).data) == 1

    run(scenario())


async def _refused(call: Any, permission: str) -> None:
    with pytest.raises(stripe.PermissionError) as caught:
        await call
    assert caught.value.http_status == 403
    assert f"Having the '{permission}' permission would allow this request to continue." in str(caught.value)
    assert "rk_test_all" not in str(caught.value)
    assert "rk_test_few" not in str(caught.value)


def test_unknown_keys_and_objects_are_refused_in_stripes_words() -> None:
    async def scenario() -> None:
        async with (
            standing_in() as stand_in,
            client(stand_in) as api,
            client(stand_in, "sk_test_other") as other,
        ):
            with pytest.raises(
                stripe.AuthenticationError, match=r"Invalid API Key provided: sk_test_\*+ther"
            ):
                await other.v1.charges.list_async()
            with pytest.raises(stripe.InvalidRequestError) as caught:
                await api.v1.charges.retrieve_async("ch_3none")
            assert (caught.value.http_status, caught.value.code, caught.value.param) == (
                404,
                "resource_missing",
                "id",
            )
            assert "No such charge: 'ch_3none'" in str(caught.value)
            with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL"):
                await api.v1.products.list_async()
            async with (
                aiohttp.ClientSession() as session,
                session.get(f"{stand_in.url}/v1/charges") as response,
            ):
                assert response.status == 401
                assert (await response.json())["error"]["type"] == "invalid_request_error"

    run(scenario())


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"amount": "12.50"}, "amount"),
        ({"amount": 0}, "amount"),
        ({"amount": 100_000_000}, "amount"),
        ({"currency": "dollars"}, "currency"),
        ({"customer": "cus_none"}, "customer"),
        ({"confirm": False}, "confirm"),
        ({"metadata": "x"}, "metadata"),
        ({"receipt_email": {"a": "b"}}, "receipt_email"),
        ({"transfer_group": "x"}, "transfer_group"),
        ({"expand": ["latest_charge"]}, "expand"),
    ],
)
def test_a_payment_that_cannot_be_is_refused_and_leaves_nothing(changes: dict[str, Any], param: str) -> None:
    async def scenario() -> None:
        async with standing_in() as stand_in, client(stand_in) as api:
            with pytest.raises(stripe.InvalidRequestError) as caught:
                await pay(api, **changes)
            assert (caught.value.http_status, caught.value.param) == (400, param)
            assert (await api.v1.charges.list_async()).data == []
            assert (await api.v1.balance_transactions.list_async()).data == []

    run(scenario())


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=101", "limit=x", "created[at]=1", "starting_after=ch_none", "a[[=1", "created[gt]=x"],
)
def test_a_list_that_cannot_be_is_refused(query: str) -> None:
    async def scenario() -> None:
        headers = {"Authorization": "Bearer rk_test_standin"}
        async with standing_in() as stand_in, client(stand_in) as api, aiohttp.ClientSession() as session:
            await pay(api)
            async with session.get(f"{stand_in.url}/v1/charges?{query}", headers=headers) as response:
                assert response.status == 400
                assert (await response.json())["error"]["type"] == "invalid_request_error"

    run(scenario())


@pytest.mark.parametrize(
    "options",
    [
        {"secret_key": "pk_test_x"},
        {"restricted_keys": {"rk_live_x": PROMISED_PERMISSIONS}},
        {"restricted_keys": {"rk_test_x": {"charges"}}},
        {"api_version": "latest"},
    ],
)
def test_what_could_not_be_stripes_is_refused_at_once(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must begin with|unknown permissions|Invalid Stripe API version"):
        StandIn(**options)
