"""Connected accounts: objects of their own, webhooks of their own."""

import pytest
import stripe

from ops.standin import ACACIA, BASIL
from tests.standin.support import client, endpoint, pay, receiving, run, standing_in

SHOP = "acct_1ConnectedShop"


def test_a_direct_charge_is_on_the_connected_account_alone() -> None:
    async def scenario() -> None:
        async with (
            standing_in(connected=[SHOP]) as stand_in,
            client(stand_in) as api,
            client(stand_in, account=SHOP) as shop,
        ):
            own, direct = await pay(api, 100), await pay(shop, 200)
            assert [charge.amount for charge in (await api.v1.charges.list_async()).data] == [100]
            assert [charge.amount for charge in (await shop.v1.charges.list_async()).data] == [200]
            with pytest.raises(stripe.InvalidRequestError, match="No such charge"):
                await api.v1.charges.retrieve_async(str(direct.latest_charge))
            balances = stand_in.books.by_charge()
            assert balances[str(direct.latest_charge)].account == SHOP
            assert balances[str(own.latest_charge)].account == stand_in.platform.account.id

    run(scenario())


def test_an_account_that_is_not_connected_is_refused() -> None:
    async def scenario() -> None:
        async with standing_in() as stand_in, client(stand_in, account=SHOP) as shop:
            with pytest.raises(stripe.PermissionError, match=f"does not have access to account '{SHOP}'"):
                await shop.v1.charges.list_async()

    run(scenario())


def test_each_endpoint_is_told_of_its_accounts_in_its_version() -> None:
    async def scenario() -> None:
        async with receiving() as receiver, receiving() as connect:
            endpoints = [
                endpoint(receiver, types=frozenset({"charge.succeeded"})),
                endpoint(connect, connect=True, api_version=ACACIA),
            ]
            async with (
                standing_in(connected=[SHOP], endpoints=endpoints, api_version=BASIL) as stand_in,
                client(stand_in) as api,
                client(stand_in, account=SHOP) as shop,
            ):
                await pay(api)
                await pay(shop)
                await stand_in.drained()
        assert receiver.types() == ["charge.succeeded"]
        assert "account" not in receiver.acknowledged[0].to_dict()
        assert receiver.acknowledged[0].api_version == BASIL
        assert "invoice" not in receiver.objects("charge.succeeded")[0]["object"]
        assert sorted(connect.types()) == ["charge.succeeded", "payment_intent.succeeded"]
        assert {(event.account, event.api_version) for event in connect.acknowledged} == {(SHOP, ACACIA)}
        assert "invoice" in connect.objects("charge.succeeded")[0]["object"]

    run(scenario())
