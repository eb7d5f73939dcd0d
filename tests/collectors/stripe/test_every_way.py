"""Money that is easy to get wrong, by webhook, by poll and by both, in many orders: what Stripe's books say.

The stand-in of Stripe plays each story. Its events go through the reading of webhooks, its objects through
the poller; whatever comes first, the agents come to the same.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import update

from collectors.stripe.client import StripeReader
from collectors.stripe.reconcile import Reconciliation, reconcile
from ops.standin import ACACIA
from tests.agents.simulation import Simulation
from tests.collectors.edge import WORKSPACE
from tests.collectors.shop import ALL, FOUR, Shop, played, shop
from tests.store.builders import at_offsets
from trackrev_stream.contracts.codec import decode
from trackrev_stream.contracts.ports import StripeConnection
from trackrev_stream.contracts.stripe.events import facts_of
from trackrev_stream.contracts.topics import STRIPE_ACCOUNTS, STRIPE_PAYMENTS
from trackrev_stream.domain.ledger.lines import net_of
from trackrev_stream.domain.payments.payment import PaymentFact
from trackrev_stream.domain.payments.subscription import AccountFact
from trackrev_stream.domain.reconciliation.differences import Cause
from trackrev_stream.domain.reconciliation.movements import Period
from trackrev_stream.domain.values.days import DAY_MS, HOUR_MS, day_of
from trackrev_stream.store.database.schema import charges
from trackrev_stream.store.ledger.post import post
from trackrev_stream.store.operations.reconciliations import StoreLedgerReader

Fact = PaymentFact | AccountFact
Json = dict[str, Any]
Story = Callable[[Shop], Awaitable[None]]
FOUR_EVENTS = (
    "charge.succeeded",
    "charge.refunded",
    "customer.subscription.created",
    "customer.subscription.updated",
)


def table(at: Shop, name: str) -> list[Json]:
    return list(at.stripe.platform.account.tables[name].values())


async def held(at: Shop, amount: int, captured: int) -> str:
    """A payment of which a part is captured."""
    terms = {"amount": amount, "currency": "usd", "confirm": "true", "capture_method": "manual"}
    intent = await at.post("/v1/payment_intents", **terms)
    at.pass_time(HOUR_MS)
    await at.post(f"/v1/payment_intents/{intent['id']}/capture", amount_to_capture=captured)
    return str(intent["latest_charge"])


async def bounces(at: Shop) -> None:
    """One payment fails days after it had succeeded, one does not."""
    charge = await at.pay()
    await at.pay(700)
    at.pass_time(3 * DAY_MS)
    at.stripe.platform.payments.bounce(at.stripe.platform.account.find("charges", "charge", charge))


async def names_halves(at: Shop) -> None:
    """Refunds and a dispute that name but their charge, and a refund that names but its intent."""
    for _ in range(3):
        await at.pay()
    first, second, third = table(at, "charges")
    at.pass_time(DAY_MS)
    await at.post("/v1/refunds", charge=first["id"], amount=1_000)
    at.stripe.platform.disputes.open(second, None, status="needs_response")
    await at.post("/v1/refunds", charge=third["id"], amount=300)


async def captured_in_part(at: Shop) -> None:
    """As much as was not captured goes back; less; and nothing."""
    for refunded in (4_000, 1_500, 0):
        charge = await held(at, 10_000, 6_000)
        at.pass_time(DAY_MS)
        if refunded:
            await at.post("/v1/refunds", charge=charge, amount=refunded)


def halved(shown: Json) -> Json:
    """A refund or dispute as the story has it: the larger ones name but their charge."""
    if shown["object"] == "dispute" or (shown["object"] == "refund" and shown["amount"] == 1_000):
        return shown | {"payment_intent": None}
    return shown | {"charge": None} if shown["object"] == "refund" else shown


def told(events: list[Json]) -> list[Fact]:
    """What webhooks tell."""
    return [
        fact
        for event in events
        for fact in facts_of(event, WORKSPACE, int(event["created"]) * 1_000, "webhook")
    ]


def polled(at: Shop) -> list[Fact]:
    """What the poller has published."""
    return [
        *(decode(AccountFact, record.value) for record in at.log.of(STRIPE_ACCOUNTS.name)),
        *(decode(PaymentFact, record.value) for record in at.log.of(STRIPE_PAYMENTS.name)),
    ]


def worth(facts: list[Fact]) -> tuple[dict[str, int], Simulation]:
    """The net of each charge, and the agents that came to it."""
    simulation = Simulation()
    simulation.feed(*facts)
    simulation.run()
    return {one.state.charge: net_of(one.state) for one in simulation.charges.values()}, simulation


def books(at: Shop) -> dict[str, int]:
    return {name: one.net_minor for name, one in at.stripe.books.by_charge().items()}


async def play(at: Shop, story: Story, key: str, *, half: bool = False) -> dict[str, list[Fact]]:
    """The facts of a story by each way; it is polled in its midst, and afterwards until nothing is left."""
    events: list[Json] = []
    at.stripe.listeners.append(events.append)
    connection = at.connect(key)
    await story(at)
    for _ in range(4):
        if half:
            for name in ("refunds", "disputes"):
                for shown in table(at, name):
                    shown.update(halved(dict(shown)))
        at.pass_time(26 * HOUR_MS)
        await at.poller().poll(connection)
    for event in events:
        if half:
            event["data"]["object"] = halved(event["data"]["object"])
    by_webhook, by_poll = told(events), polled(at)
    return {"webhook": by_webhook, "poll": by_poll, "both": [*by_webhook, *by_poll]}


def in_many_orders(facts: list[Fact], expected: dict[str, int]) -> Simulation:
    """Every order comes to what is expected; the agents of the last."""
    for seed in range(12):
        rng = Random(seed)
        order = facts + [fact for fact in facts if rng.random() < 0.2]
        if seed:
            rng.shuffle(order)
        found, simulation = worth(order)
        assert found == expected
        assert simulation.waits() == {}
    return simulation


@pytest.mark.parametrize("key", [ALL, FOUR])
@played
async def test_a_payment_that_fails_after_all(tmp_path: Path, key: str) -> None:
    async with shop(tmp_path) as at:
        events: list[Json] = []
        at.stripe.listeners.append(events.append)
        connection = at.connect(key)
        charge = await at.pay()
        other = await at.pay(700)
        at.pass_time(26 * HOUR_MS)
        await at.poller().poll(connection)
        assert worth(polled(at))[0] == {charge: 4_800, other: 700}
        at.stripe.platform.payments.bounce(at.stripe.platform.account.find("charges", "charge", charge))
        # The balance tells within a day; without that permission a search does within a week.
        for _ in range(1 if key == ALL else 8):
            at.pass_time(26 * HOUR_MS)
            await at.poller().poll(connection)
        assert books(at) == {charge: 0, other: 700}
        for facts in (told(events), polled(at), [*told(events), *polled(at)]):
            in_many_orders(facts, {charge: 0, other: 700})


@pytest.mark.parametrize("way", ["webhook", "poll", "both"])
@played
async def test_refunds_and_disputes_that_name_half_of_their_payment(tmp_path: Path, way: str) -> None:
    async with shop(tmp_path) as at:
        ways = await play(at, names_halves, ALL, half=True)
        in_many_orders(ways[way], books(at))


@pytest.mark.parametrize("way", ["webhook", "poll", "both"])
@pytest.mark.parametrize("version", ["", ACACIA])
@played
async def test_holds_captured_in_part(tmp_path: Path, way: str, version: str) -> None:
    async with shop(tmp_path) as at:
        if version:
            object.__setattr__(at.stripe.platform.account, "api_version", version)
        ways = await play(at, captured_in_part, ALL)
        simulation = in_many_orders(ways[way], books(at))
        assert not [one for one in simulation.charges.values() if one.state.release_unclear]


@played
async def test_with_four_permissions_a_refund_as_large_as_the_rest_is_one_and_said_to_be_unsure(
    tmp_path: Path,
) -> None:
    async with shop(tmp_path) as at:
        charge = await held(at, 10_000, 6_000)
        await at.post("/v1/refunds", charge=charge, amount=4_000)
        await at.poller().poll(at.connect(FOUR))
        found, simulation = worth(polled(at))
        assert found == {charge: 2_000} == books(at)
        assert [one.state.release_unclear for one in simulation.charges.values()] == [True]
        # A key that may read the balance knows.
        at.pass_time(HOUR_MS)
        await at.poller().poll(at.connect(ALL, "ws_2"))
        [sure] = [one for one in worth(polled(at))[1].charges.values() if one.workspace == "ws_2"]
        assert (net_of(sure.state), sure.state.release_unclear) == (2_000, False)


@played
async def test_by_the_four_events_of_the_page_more_than_the_rest_went_back(tmp_path: Path) -> None:
    async with shop(tmp_path) as at:
        events: list[Json] = []
        at.stripe.listeners.append(events.append)
        charge = await held(at, 10_000, 6_000)
        await at.post("/v1/refunds", charge=charge, amount=5_000)
        four = [event for event in events if event["type"] in FOUR_EVENTS]
        assert [event["type"] for event in four] == ["charge.succeeded", "charge.refunded"]
        simulation = in_many_orders(told(four), {charge: 1_000})
        assert [one.state.release_unclear for one in simulation.charges.values()] == [False]
        for event in four:  # which need not say what they changed
            event["data"].pop("previous_attributes", None)
        simulation = in_many_orders(told(four), {charge: 1_000})
        assert [one.state.release_unclear for one in simulation.charges.values()] == [True]


async def reconciled(at: Shop, connection: StripeConnection) -> Reconciliation:
    reader = StripeReader(connection)
    first = day_of(at.clock()) - 60
    try:
        return await reconcile(
            reader,
            StoreLedgerReader(at.store),
            WORKSPACE,
            connection,
            period=Period(first, first + 62),
            clock=at.clock,
        )
    finally:
        await reader.close()


@pytest.mark.parametrize(("key", "named"), [(FOUR, [Cause.RELEASE_UNCLEAR]), (ALL, [])])
@played
async def test_reconcile_names_what_it_cannot_tell(tmp_path: Path, key: str, named: list[Cause]) -> None:
    async with shop(tmp_path) as at:
        connection = at.connect(key)
        charge = await held(at, 10_000, 6_000)
        await at.post("/v1/refunds", charge=charge, amount=4_000)
        at.pass_time(2 * HOUR_MS)
        await at.poller().poll(connection)
        _, simulation = worth(polled(at))
        at.store.write_now(lambda sql: post(sql, at_offsets(*simulation.charges.values()), at.clock()))
        found = await reconciled(at, connection)
        assert [one.cause for one in found.differences] == named
        assert [(one.stripe_minor, one.ledger_minor, one.residual_minor) for one in found.differences] == [
            (None, 4_000, 0)
        ] * len(named)


def replace_sum(fact: Fact) -> Fact:
    """A sight as a book was made of it that took the refund for the release of the rest."""
    return replace(fact, refunded_minor=0) if isinstance(fact, PaymentFact) else fact


@pytest.mark.parametrize("key", [FOUR, ALL])
@played
async def test_reconcile_sees_what_an_older_book_took_for_a_release(tmp_path: Path, key: str) -> None:
    async with shop(tmp_path) as at:
        connection = at.connect(key)
        charge = await held(at, 10_000, 6_000)
        await at.post("/v1/refunds", charge=charge, amount=4_000)
        at.pass_time(2 * HOUR_MS)
        await at.poller().poll(connection)
        facts = [fact for fact in polled(at) if getattr(fact, "kind", "") != "refund"]
        _, simulation = worth([replace_sum(fact) for fact in facts])
        at.store.write_now(lambda sql: post(sql, at_offsets(*simulation.charges.values()), at.clock()))
        at.store.write_now(lambda sql: sql.execute(update(charges).values(release_unclear=None)))
        found = await reconciled(at, connection)
        [one] = found.differences
        assert (one.stripe_minor, one.ledger_minor, one.residual_minor) == (4_000, 0, 4_000)
        assert one.cause is (Cause.RELEASE_UNCLEAR if key == FOUR else Cause.REFUND_MISSING)


@played
async def test_reconcile_names_a_payment_that_failed_after_all(tmp_path: Path) -> None:
    async with shop(tmp_path) as at:
        connection = at.connect()
        charge = await at.pay()
        at.pass_time(2 * HOUR_MS)
        await at.poller().poll(connection)
        _, simulation = worth(polled(at))
        at.store.write_now(lambda sql: post(sql, at_offsets(*simulation.charges.values()), at.clock()))
        at.stripe.platform.payments.bounce(at.stripe.platform.account.find("charges", "charge", charge))
        [one] = (await reconciled(at, connection)).differences
        assert (one.cause, one.stripe_minor, one.ledger_minor) == (Cause.CHARGE_FAILED, 0, 4_800)
