"""What another process asks of the stand-in itself, below /_standin/."""

from typing import Any

import aiohttp
import pytest
import stripe

from tests.standin.support import START_MS, Hand, client, pay, run, standing_in

SHOP = "acct_1ConnectedShop"
START_S = START_MS // 1000


async def _post(url: str, path: str, **body: Any) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as session, session.post(url + path, json=body) as response:
        return response.status, await response.json()


async def _get(url: str, path: str) -> Any:
    async with aiohttp.ClientSession() as session, session.get(url + path) as response:
        assert response.status == 200
        return await response.json()


def test_disputes_are_opened_and_moved_on_at_any_account() -> None:
    async def scenario() -> None:
        async with standing_in(connected=[SHOP]) as stand_in, client(stand_in, account=SHOP) as api:
            charge = str((await pay(api, 1000)).latest_charge)
            asked = {"charge": charge, "amount": 600, "reason": "product_not_received"}
            assert (await _post(stand_in.url, "/_standin/disputes", **asked))[0] == 400
            status, dispute = await _post(stand_in.url, "/_standin/disputes", account=SHOP, **asked)
            assert (status, dispute["amount"], dispute["status"]) == (200, 600, "needs_response")
            with pytest.raises(stripe.InvalidRequestError, match="has been charged back") as caught:
                await api.v1.refunds.create_async({"charge": charge})
            assert caught.value.code == "charge_disputed"
            won = {"account": SHOP, "dispute": dispute["id"], "status": "won"}
            assert (await _post(stand_in.url, "/_standin/disputes", **won))[1]["status"] == "won"
            await api.v1.refunds.create_async({"charge": charge, "amount": 400})
            told = (await _get(stand_in.url, "/_standin/books/charges"))[charge]
            assert (told["account"], told["refunded_minor"], told["net_minor"]) == (SHOP, 400, 600)
            assert (await _post(stand_in.url, "/_standin/disputes", account="acct_none"))[0] == 400

    run(scenario())


@pytest.mark.parametrize(("status", "net"), [("failed", 1000), ("succeeded", 600)])
def test_a_refund_is_moved_on(status: str, net: int) -> None:
    async def scenario() -> None:
        async with standing_in() as stand_in, client(stand_in) as api:
            intent = await pay(api, 1000, payment_method="pm_card_pendingRefund")
            refund = await api.v1.refunds.create_async({"payment_intent": intent.id, "amount": 400})
            path = f"/_standin/refunds/{refund.id}"
            assert (await _post(stand_in.url, path, status="lost"))[0] == 400
            assert (await _post(stand_in.url, path, status=status))[1]["status"] == status
            assert stand_in.books.by_charge()[str(intent.latest_charge)].net_minor == net

    run(scenario())


def test_the_clock_is_put_forward_and_never_back() -> None:
    async def scenario() -> None:
        async with standing_in(clock=Hand()) as stand_in, client(stand_in) as api:
            await pay(api, 1000)
            assert (await _post(stand_in.url, "/_standin/clock", frozen_time=START_S + 90))[0] == 200
            later = await pay(api, 70)
            assert later.created == START_S + 90
            assert (await _post(stand_in.url, "/_standin/clock", frozen_time=START_S))[0] == 400
            before = stand_in.books.by_charge(until_s=START_S + 89)
            assert [balance.net_minor for balance in before.values()] == [1000]
            assert len(stand_in.books.by_charge(until_s=START_S + 90)) == 2

    run(scenario())
