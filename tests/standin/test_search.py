"""Search for charges, in Stripe's query language."""

from typing import Any

import pytest
import stripe

from ops.standin import StandIn
from ops.standin.params import Params
from tests.standin.support import START_MS, Hand, client, pay, run, standing_in

START_S = START_MS // 1000


async def _charges(stand_in: StandIn, clock: Hand, api: stripe.StripeClient) -> None:
    """Amounts 100 to 104, a second apart: 101 fully, 102 partially refunded, 103 disputed, 104 in euros."""
    for number in range(5):
        clock.now_ms = START_MS + number * 1000
        currency = "eur" if number == 4 else "usd"
        intent = await pay(api, 100 + number, currency=currency, metadata={"n": f'say "{number}"'})
        if number in {1, 2}:
            await api.v1.refunds.create_async({"payment_intent": intent.id, "amount": 101})
        if number == 3:
            stand_in.platform.disputes.arrange(Params({"charge": intent.latest_charge}))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (f"created>{START_S + 2}", [104, 103]),
        (f"created>={START_S + 2} AND created<{START_S + 4}", [103, 102]),
        ('disputed:"true"', [103]),
        ("disputed:'false' amount<=101", [101, 100]),
        ("-refunded:null", [102, 101]),
        (f"created>{START_S} AND -refunded:null", [102, 101]),
        ('refunded:"true"', [101]),
        ('refunded:"false"', [102]),
        ("amount:100 OR amount:104", [104, 100]),
        ('currency:"eur"', [104]),
        ('-currency:"usd" and status:"succeeded"', [104]),
        ("""metadata["n"]:"say \\"2\\"" """, [102]),
        ("-metadata['n']:null", [104, 103, 102, 101, 100]),
        ("metadata['other']:'x'", []),
        ("payment_method_details.card.last4:4242 amount>103", [104]),
        ("-customer:null", []),
    ],
)
def test_queries_find_what_they_say(query: str, found: list[int]) -> None:
    async def scenario() -> None:
        clock = Hand()
        async with standing_in(clock=clock) as stand_in, client(stand_in) as api:
            await _charges(stand_in, clock, api)
            result = await api.v1.charges.search_async({"query": query})
            assert [charge.amount for charge in result.data] == found
            assert not result.has_more
            assert result.to_dict()["next_page"] is None

    run(scenario())


def test_results_page_by_tokens_and_expand() -> None:
    async def scenario() -> None:
        clock = Hand()
        async with standing_in(clock=clock) as stand_in, client(stand_in) as api:
            await _charges(stand_in, clock, api)
            asked: Any = {"query": "amount>100", "limit": 2, "expand": ["data.refunds"]}
            first = await api.v1.charges.search_async(asked)
            assert first.has_more
            assert first.next_page
            assert [charge.amount async for charge in first.auto_paging_iter()] == [104, 103, 102, 101]
            asked["page"] = first.next_page
            second = await api.v1.charges.search_async(asked)
            refunds = [charge.refunds.data[0].amount for charge in second.data if charge.refunds]
            assert refunds == [101, 101]
            with pytest.raises(stripe.InvalidRequestError, match="another query"):
                await api.v1.charges.search_async({"query": "amount>99", "page": first.next_page})

    run(scenario())


@pytest.mark.parametrize(
    "query",
    [
        "created",
        "colour:'red'",
        "created>now",
        "currency>'usd'",
        "disputed:'perhaps'",
        "currency:usd",
        "amount:1 AND amount:2 OR amount:3",
        "amount:1 ) x",
        "amount~1",
    ],
)
def test_what_is_no_query_is_refused(query: str) -> None:
    async def scenario() -> None:
        async with standing_in() as stand_in, client(stand_in) as api:
            with pytest.raises(stripe.InvalidRequestError) as caught:
                await api.v1.charges.search_async({"query": query})
            assert (caught.value.http_status, caught.value.param) == (400, "query")

    run(scenario())


def test_there_is_no_search_in_india() -> None:
    async def scenario() -> None:
        async with standing_in() as stand_in, client(stand_in, "rk_test_standin") as api:
            stand_in.search_available = False
            with pytest.raises(stripe.InvalidRequestError, match="unavailable in your region") as caught:
                await api.v1.charges.search_async({"query": "amount>0"})
            assert caught.value.http_status == 400

    run(scenario())
