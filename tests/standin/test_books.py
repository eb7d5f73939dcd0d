"""The stand-in's own books, and that what they know never reaches the product."""

import json
from typing import Any

import aiohttp
import pytest

from ops.standin import StandIn
from tests.standin.support import client, endpoint, pay, receiving, run, standing_in


async def _get(stand_in: StandIn, path: str) -> Any:
    async with aiohttp.ClientSession() as session, session.get(stand_in.url + path) as response:
        assert response.status == 200
        return await response.json()


async def _visit(stand_in: StandIn, report: Any) -> int:
    url = f"{stand_in.url}/_standin/visits"
    async with aiohttp.ClientSession() as session, session.post(url, json=report) as response:
        return response.status


def test_each_channel_has_its_clicks_and_its_money() -> None:
    async def scenario() -> None:
        async with standing_in() as stand_in, client(stand_in) as api:
            assert await _visit(stand_in, {"channel": "newsletter", "clicks": 3}) == 200
            assert await _visit(stand_in, {"channel": "newsletter"}) == 200
            assert await _visit(stand_in, {"channel": "podcast", "clicks": 2}) == 200
            first = await pay(api, 1000, "newsletter")
            await pay(api, 500, "newsletter")
            await pay(api, 70)
            await api.v1.refunds.create_async({"payment_intent": first.id, "amount": 250})
            await api.v1.refunds.create_async({"payment_intent": first.id, "amount": 50})
            books = await _get(stand_in, "/_standin/books")
        shown = {
            name: [
                row[key] for key in ("clicks", "gross_minor", "net_minor", "charges", "refunds", "currency")
            ]
            for name, row in {**books["channels"], "all": books["totals"]}.items()
        }
        assert shown == {
            "newsletter": [4, 1500, 1200, 2, 2, "usd"],
            "podcast": [2, 0, 0, 0, 0, None],
            "(untagged)": [0, 70, 70, 1, 0, "usd"],
            "all": [6, 1570, 1270, 3, 2, "usd"],
        }

    run(scenario())


def test_currencies_are_not_added_to_each_other() -> None:
    async def scenario() -> None:
        async with standing_in() as stand_in, client(stand_in) as api:
            await pay(api, 1000, "ads")
            euros = await pay(api, 600, "ads", currency="eur")
            await api.v1.refunds.create_async({"payment_intent": euros.id, "amount": 100})
            ads = stand_in.books.report()["channels"]["ads"]
        assert (ads["gross_minor"], ads["net_minor"], ads["currency"]) == (None, None, None)
        assert ads["native"] == [
            {"currency": "eur", "gross_minor": 600, "net_minor": 500, "charges": 1, "refunds": 1},
            {"currency": "usd", "gross_minor": 1000, "net_minor": 1000, "charges": 1, "refunds": 0},
        ]

    run(scenario())


@pytest.mark.parametrize(
    "report", [{}, {"channel": ""}, {"channel": "ads", "clicks": 0}, {"channel": "ads", "clicks": True}, [1]]
)
def test_a_report_that_is_none_is_refused(report: Any) -> None:
    async def scenario() -> None:
        async with standing_in() as stand_in:
            assert await _visit(stand_in, report) == 400
            assert stand_in.books.report()["channels"] == {}

    run(scenario())


def test_the_channel_reaches_neither_webhooks_nor_reads() -> None:
    async def scenario() -> None:
        async with (
            receiving() as receiver,
            standing_in(endpoint=endpoint(receiver)) as stand_in,
            client(stand_in) as api,
        ):
            tagged = {"standin_channel": "zebra", "standin_note": "zebra", "order": "7"}
            customer = await api.v1.customers.create_async({"email": "a@example.com", "metadata": tagged})
            intent = await pay(api, 1000, "zebra", customer=customer.id, metadata=tagged)
            refund = await api.v1.refunds.create_async({"payment_intent": intent.id, "metadata": tagged})
            await stand_in.drained()
            assert stand_in.books.report()["channels"]["zebra"]["charges"] == 1
            lists: list[Any] = [
                await api.v1.charges.list_async({"expand": ["data.customer", "data.payment_intent"]}),
                await api.v1.customers.list_async(),
                await api.v1.payment_intents.list_async(),
                await api.v1.refunds.list_async(),
                await api.v1.balance_transactions.list_async(),
            ]
        charge = lists[0].data[0]
        for held in (customer, intent, refund, charge, charge.customer, charge.payment_intent):
            assert held.to_dict()["metadata"] == {"order": "7"}
        read = json.dumps([found.to_dict() for found in (*lists, customer, intent, refund)])
        assert "zebra" not in read
        assert "standin_" not in read
        assert len(receiver.bodies) == 5
        for body in receiver.bodies:
            assert b"zebra" not in body
            assert b"standin_" not in body

    run(scenario())


def test_pending_is_told() -> None:
    async def scenario() -> None:
        async with (
            receiving() as receiver,
            standing_in(endpoint=endpoint(receiver)) as stand_in,
            client(stand_in) as api,
        ):
            receiver.gate.clear()
            await pay(api)
            assert await _get(stand_in, "/_standin/pending") == {"pending": 2}
            receiver.gate.set()
            await stand_in.drained()
            assert await _get(stand_in, "/_standin/pending") == {"pending": 0}

    run(scenario())
