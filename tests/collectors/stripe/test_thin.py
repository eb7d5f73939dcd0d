"""Thin payloads: what they name is read through the key, or the endpoint says what to do."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from collectors.deps import EdgeDeps
from collectors.limits import Limits
from collectors.routes import add_routes
from ops.standin import Backoff, Endpoint, StandIn
from tests.agents.simulation import Simulation
from tests.collectors.edge import OWN, PARTITIONS, DictDirectory, Edge, on_edge, running
from tests.collectors.shop import ALL, EVERYTHING, Shop, played, shop
from tests.collectors.stripe.test_webhook import post
from trackrev_stream.contracts.codec import Malformed
from trackrev_stream.contracts.ports import EVENT, Recheck, StripeConnection, Unavailable
from trackrev_stream.contracts.stripe.thin import read_thin
from trackrev_stream.domain.ledger.lines import net_of
from trackrev_stream.domain.values.days import HOUR_MS
from trackrev_stream.metrics import REGISTRY
from trackrev_stream.store.database.sealer import open_sealer
from trackrev_stream.store.operations.poller_state import StorePollState

WITH_KEY = replace(OWN, api_key="rk_live_1")
CONNECTED = StripeConnection("ws_1", "acct_1", True, ("whsec_connect",), "rk_live_1")


def thin(
    event_type: str = "v1.charge.succeeded", url: str = "/v1/charges/ch_1", **changes: Any
) -> dict[str, Any]:
    """As https://docs.stripe.com/event-destinations and the SDK's EventNotification have it."""
    return {
        "id": "evt_1",
        "object": "v2.core.event",
        "created": "2026-11-30T10:00:00.000Z",
        "livemode": True,
        "context": None,
        "reason": {"type": "request", "request": {"id": "req_1", "idempotency_key": "key"}},
        "related_object": {"id": url.rpartition("/")[2], "type": "charge", "url": url},
        "type": event_type,
    } | changes


@pytest.mark.parametrize(
    ("event_type", "url", "place"),
    [
        ("v1.charge.succeeded", "/v1/charges/ch_1", "charges"),
        ("v1.charge.dispute.closed", "/v1/disputes/dp_1", "disputes"),
        ("v1.charge.refund.updated", "/v1/charges/ch_1/refunds/re_1", "refunds"),
        ("v1.refund.failed", "/v1/refunds/re_1", "refunds"),
        ("v1.checkout.session.completed", "/v1/checkout/sessions/cs_1", "sessions"),
        ("v1.customer.subscription.updated", "/v1/subscriptions/sub_1", "subscriptions"),
        ("v1.payment_intent.succeeded", "/v1/payment_intents/pi_1", "payment_intents"),
        ("v1.invoice_payment.paid", "/v1/invoice_payments/inpay_1", ""),
    ],
)
def test_what_a_thin_event_names(event_type: str, url: str, place: str) -> None:
    named = read_thin(thin(event_type, url))
    assert (named.list, named.id) == (place, url.rpartition("/")[2])
    assert f"v1.{named.type}" == event_type


@pytest.mark.parametrize(
    ("context", "account"),
    [(None, "own"), ("", "own"), ("acct_1", "acct_1"), ("org_1/acct_1", "acct_1"), ("org_1", "own")],
)
def test_whose_a_thin_event_is(context: str | None, account: str) -> None:
    assert read_thin(thin(context=context)).account == account


@pytest.mark.parametrize(
    "changes",
    [
        {"related_object": None}, {"related_object": {"id": "ch_1"}}, {"type": 7}, {"context": 7},
        {"related_object": {"id": "ch_2", "url": "/v1/charges/ch_1"}}, {"context": "acct_é"},
        {"related_object": {"id": "../x", "url": "/v1/charges/../x"}},
        {"related_object": {"id": "ch_1", "url": "https://evil.example/v1/charges/ch_1"}},
    ],
)  # fmt: skip
def test_what_names_nothing_is_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed, match="should"):
        read_thin(thin(**changes))


def accepted(event_type: str) -> float:
    labels = {"workspace": "ws_1", "type": event_type}
    return REGISTRY.get_sample_value("trackrev_webhooks_accepted_total", labels) or 0.0


async def refused(edge: Edge, event: dict[str, Any], secret: str = "whsec_new") -> str:
    status, body = await post(edge, event, secret=secret)
    assert (status, body["error"]["code"]) == (422, "thin_payload")
    return str(body["error"]["message"])


def test_without_a_key_it_is_refused_with_what_to_do() -> None:
    async def scenario(edge: Edge) -> None:
        told = await refused(edge, thin())
        assert "Snapshot" in told
        assert "trackrev stripe connect ws_1 --key" in told
        assert edge.log.records == []

    on_edge(scenario)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (thin("v1.payout.paid", "/v1/payouts/po_1"), "event_type"),
        (thin("v2.core.account.created", "/v2/core/accounts/acct_1"), "event_type"),
        (thin("v1.invoice_payment.paid", "/v1/invoice_payments/inpay_1"), "no_effect"),
        (thin(livemode=False), "livemode"),
        (thin(context="acct_9"), "account"),
    ],
)
def test_what_moves_nothing_is_acknowledged_and_counted(event: dict[str, Any], reason: str) -> None:
    async def scenario(edge: Edge) -> None:
        assert await post(edge, event) == (200, {"received": True, "ignored": reason})

    on_edge(scenario)


def test_what_a_thin_event_names_is_noted_before_the_answer() -> None:
    noted: list[tuple[str, Recheck]] = []

    async def note(connection: StripeConnection, one: Recheck) -> None:
        noted.append((connection.account, one))

    async def scenario() -> None:
        directory = DictDirectory(connections=(WITH_KEY, CONNECTED))
        async with running(directory=directory, read_soon=note) as edge:
            before = accepted("v1.charge.succeeded")
            assert await post(edge, thin()) == (200, {"received": True})
            assert await post(edge, thin(context="acct_1"), secret="whsec_connect") == (
                200,
                {"received": True},
            )
            assert noted == [
                (account, Recheck("charges", "ch_1", EVENT, edge.now)) for account in ("own", "acct_1")
            ]
            assert accepted("v1.charge.succeeded") == before + 2
            assert "should be an object" in await refused(edge, thin(related_object=None))

    asyncio.run(scenario())


@pytest.mark.parametrize("slow", [False, True])
def test_what_cannot_be_noted_is_not_acknowledged(*, slow: bool) -> None:
    async def note(_: StripeConnection, __: Recheck) -> None:
        if slow:
            await asyncio.Event().wait()
        raise Unavailable("the database cannot be written now")

    async def scenario() -> None:
        directory = DictDirectory(connections=(WITH_KEY,))
        async with running(Limits(publish_wait_s=0.05), directory, read_soon=note) as edge:
            status, body = await post(edge, thin())
            assert (status, body["error"]["code"]) == (503, "unavailable")

    asyncio.run(scenario())


async def served(at: Shop, connection: StripeConnection) -> tuple[web.AppRunner, str]:
    """The real edge on loopback, over the shop's database."""
    polls = StorePollState(at.store, open_sealer(at.place))
    directory = DictDirectory(connections=(replace(connection, webhook_secrets=("whsec_thin",)),))
    deps = EdgeDeps(directory, at.log, PARTITIONS, at.clock, read_soon=polls.read_soon)
    app = web.Application()
    add_routes(app, deps)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}/webhooks/stripe/ws_1"


@played
async def test_a_destination_with_thin_payloads_brings_all_the_money(tmp_path: Path) -> None:
    async with shop(tmp_path) as at:
        runner, url = await served(at, replace(WITH_KEY, livemode=False))
        endpoint = Endpoint(url, "whsec_thin", thin=True, backoff=Backoff(0.01, 0.05))
        await at.stripe.stop()
        at.stripe = StandIn(
            endpoint=endpoint, restricted_keys={ALL: EVERYTHING}, clock=at.clock, sent_clock=at.clock, seed=1
        )
        await at.stripe.start()
        connection = at.connect()
        poller = at.poller()
        await poller.poll(connection)
        charge = await at.pay()
        await at.stripe.drained()
        assert connection in await poller._deps.state.due(at.clock()), "a round begins at once"
        at.pass_time(1_000)
        await poller.poll(connection)
        await at.post("/v1/refunds", charge=charge, amount=800)
        other = at.stripe.platform.account.find("charges", "charge", await at.pay(900))
        dispute = at.stripe.platform.disputes.open(other, None, status="needs_response")
        at.stripe.platform.disputes.end(dispute, "won")
        await at.stripe.drained()
        at.log.records.clear()
        at.pass_time(1_000)
        await poller.poll(connection)
        assert {fact.via for fact in at.log.facts()} == {"poll"}
        assert {fact.id for fact in at.log.facts()} >= {charge, other["id"], dispute["id"]}
        simulation = Simulation()
        simulation.feed(*at.log.facts())
        simulation.run()
        found = {one.state.charge: net_of(one.state) for one in simulation.charges.values()}
        assert found == {charge: 4_000, other["id"]: 900}
        await runner.cleanup()


@played
async def test_what_is_named_anew_while_it_is_read_is_read_again(tmp_path: Path) -> None:
    async with shop(tmp_path) as at:
        connection = at.connect()
        state = StorePollState(at.store, open_sealer(tmp_path))
        done = Recheck("charges", "ch_1", EVENT, at.clock())
        await state.read_soon(connection, done)
        await state.read_soon(connection, replace(done, due_at=done.due_at + 1))
        await state.settle_again(connection, done, None)
        assert await state.again(connection, at.clock() + 1, 9) == [replace(done, due_at=done.due_at + 1)]
        await state.settle_again(connection, replace(done, due_at=done.due_at + 1), None)
        assert await state.again(connection, at.clock() + 1, 9) == []


@played
async def test_what_stripe_does_not_show_ends_no_round(tmp_path: Path) -> None:
    async with shop(tmp_path) as at:
        connection = at.connect()
        state = StorePollState(at.store, open_sealer(tmp_path))
        await state.read_soon(connection, Recheck("charges", "ch_nobody", EVENT, at.clock()))
        charge = await at.pay()
        await at.poller().poll(connection)
        assert at.charges() == {charge: 1}
        assert at.progress(connection).report.result == "ok"
        again = await state.again(connection, at.clock() + HOUR_MS, 9)
        assert [(one.id, one.tries) for one in again] == [("ch_nobody", 1)]


def test_a_thin_event_is_verified_like_any_other() -> None:
    async def scenario(edge: Edge) -> None:
        raw = json.dumps(thin()).encode()
        status, body = await post(edge, raw, "t=1,v1=00")
        assert (status, body["error"]["code"]) == (400, "bad_signature")

    on_edge(scenario)
