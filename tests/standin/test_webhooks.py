"""Webhooks, received by a real server and checked by Stripe's own library."""

from collections import Counter
from typing import Any

import pytest
import stripe
from stripe.events import V1ChargeSucceededEventNotification

from ops.standin import ACACIA, BASIL, Endpoint
from ops.standin.clock import wall_clock_ms
from tests.standin.support import (
    DROP,
    SECRET,
    START_MS,
    Hand,
    Receiver,
    client,
    endpoint,
    pay,
    receiving,
    run,
    standing_in,
)


def test_a_payment_and_its_refunds_are_told() -> None:
    async def scenario() -> None:
        async with (
            receiving() as receiver,
            standing_in(endpoint=endpoint(receiver, concurrency=1)) as stand_in,
            client(stand_in) as api,
        ):
            customer = await api.v1.customers.create_async(
                {"email": "ada@example.com", "name": "Adá Łovelace"}
            )
            intent = await pay(api, 1000, customer=customer.id)
            await api.v1.refunds.create_async({"payment_intent": intent.id, "amount": 400})
            await api.v1.refunds.create_async({"payment_intent": intent.id})
            await stand_in.drained()
            assert stand_in.pending == 0
        assert receiver.types() == [
            "customer.created",
            "payment_intent.succeeded",
            "charge.succeeded",
            *["refund.created", "charge.refunded"] * 2,
        ]
        assert receiver.objects("customer.created")[0]["object"]["name"] == "Adá Łovelace"
        charge = receiver.objects("charge.succeeded")[0]["object"]
        assert (charge["id"], charge["amount_refunded"]) == (intent.latest_charge, 0)
        first, second = receiver.objects("charge.refunded")
        assert (first["object"]["amount_refunded"], first["object"]["refunded"]) == (400, False)
        assert first["previous_attributes"] == {"amount_refunded": 0}
        assert (second["object"]["amount_refunded"], second["object"]["refunded"]) == (1000, True)
        assert second["previous_attributes"] == {"amount_refunded": 400, "refunded": False}
        assert [told["object"]["amount"] for told in receiver.objects("refund.created")] == [400, 600]

    run(scenario())


def test_the_envelope_says_when_by_which_request_and_in_which_mode() -> None:
    async def scenario() -> None:
        clock = Hand()
        async with (
            receiving() as receiver,
            standing_in(endpoint=endpoint(receiver), clock=clock) as stand_in,
            client(stand_in) as api,
        ):
            intent = await pay(api)
            clock.now_ms += 5000
            await api.v1.refunds.create_async({"payment_intent": intent.id})
            await stand_in.drained()
        for event in receiver.acknowledged:
            late = event.type in {"refund.created", "charge.refunded"}
            assert event.created == START_MS // 1000 + (5 if late else 0)
            assert event.livemode is False
            assert "account" not in event.to_dict()
            assert event.request is not None
            assert str(event.request.id).startswith("req_")
        assert len({event.id for event in receiver.acknowledged}) == 4

    run(scenario())


@pytest.mark.parametrize(("version", "carries_invoice"), [(ACACIA, True), (BASIL, False)])
def test_webhooks_have_the_shape_of_the_accounts_version(version: str, carries_invoice: bool) -> None:
    async def scenario() -> None:
        async with (
            receiving() as receiver,
            standing_in(endpoint=endpoint(receiver), api_version=version) as stand_in,
            client(stand_in, version="2026-10-28.endive") as api,
        ):
            await pay(api)
            await stand_in.drained()
        for event in receiver.acknowledged:
            assert event.api_version == version
            assert ("invoice" in event.data.to_dict()["object"]) is carries_invoice

    run(scenario())


def test_an_event_is_sent_until_it_is_acknowledged() -> None:
    async def scenario() -> None:
        failures = [500, DROP, 404, 302, DROP, 503]
        async with (
            receiving(failures) as receiver,
            standing_in(endpoint=endpoint(receiver, concurrency=2)) as stand_in,
            client(stand_in) as api,
        ):
            await pay(api)
            await stand_in.drained()
        assert sorted(receiver.types()) == ["charge.succeeded", "payment_intent.succeeded"]
        assert len(receiver.bodies) == len(failures) + 2
        assert len(set(receiver.bodies)) == 2

    run(scenario())


def test_each_attempt_is_signed_anew_by_its_own_clock() -> None:
    async def scenario() -> None:
        earlier_ms = wall_clock_ms() - 100_000
        sent = Hand(earlier_ms)
        async with (
            receiving([500]) as receiver,
            standing_in(endpoint=endpoint(receiver), clock=Hand(), sent_clock=sent) as stand_in,
            client(stand_in) as api,
        ):
            receiver.gate.clear()
            await api.v1.customers.create_async({"email": "a@example.com"})
            await receiver.until(lambda: receiver.open == 1)
            sent.now_ms += 50_000
            receiver.gate.set()
            await stand_in.drained()
        stamps = [header.partition(",")[0] for header in receiver.signatures]
        assert stamps == [f"t={earlier_ms // 1000}", f"t={(earlier_ms + 50_000) // 1000}"]
        assert receiver.bodies[0] == receiver.bodies[1]
        assert receiver.acknowledged[0].created == START_MS // 1000
        for body, header in zip(receiver.bodies, receiver.signatures, strict=True):
            assert stripe.WebhookSignature.verify_header(body, header, SECRET, tolerance=300)

    run(scenario())


def test_a_signature_of_another_secret_does_not_verify() -> None:
    async def scenario() -> None:
        async with (
            receiving() as receiver,
            standing_in(endpoint=endpoint(receiver)) as stand_in,
            client(stand_in) as api,
        ):
            await pay(api)
            await stand_in.drained()
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(receiver.bodies[0], receiver.signatures[0], "whsec_other")

    run(scenario())


def test_a_secret_is_rolled_with_two_signatures_and_then_retired() -> None:
    def verifies(receiver: Receiver, secret: str) -> bool:
        body, header = receiver.bodies[-1], receiver.signatures[-1]
        try:
            stripe.WebhookSignature.verify_header(body, header, secret)
        except stripe.SignatureVerificationError:
            return False
        return True

    async def scenario() -> None:
        async with (
            receiving() as receiver,
            standing_in(endpoint=endpoint(receiver)) as stand_in,
            client(stand_in) as api,
        ):
            found = []
            for step in ("before", "rolled", "retired"):
                if step == "rolled":
                    stand_in.roll_secret("whsec_new")
                if step == "retired":
                    stand_in.retire_secrets()
                    receiver.checks = False  # by the old secret, which would be refused for ever
                await api.v1.customers.create_async({"email": "a@example.com"})
                await stand_in.drained()
                found.append((verifies(receiver, SECRET), verifies(receiver, "whsec_new")))
            assert found == [(True, False), (True, True), (False, True)]

    run(scenario())


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_a_share_of_the_events_is_never_sent(share: float) -> None:
    async def scenario() -> None:
        dropped: list[list[str]] = []
        for _ in range(2):
            async with (
                receiving() as receiver,
                standing_in(endpoint=endpoint(receiver, drop=share), seed=3) as stand_in,
                client(stand_in) as api,
            ):
                told: list[dict[str, Any]] = []
                stand_in.listeners.append(told.append)
                for _ in range(20):
                    await pay(api)
                await stand_in.drained()
            came = {event.id for event in receiver.acknowledged}
            dropped.append([event["id"] for event in told if event["id"] not in came])
        assert dropped[0] == dropped[1]
        assert {0.0: not dropped[0], 0.4: 0 < len(dropped[0]) < 40, 1.0: len(dropped[0]) == 40}[share]

    run(scenario())


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_a_share_of_the_events_is_sent_twice(share: float) -> None:
    async def scenario() -> None:
        async with (
            receiving() as receiver,
            standing_in(endpoint=endpoint(receiver, duplicate=share), seed=3) as stand_in,
            client(stand_in) as api,
        ):
            for _ in range(20):
                await pay(api)
            await stand_in.drained()
        times = Counter(event.id for event in receiver.acknowledged)
        twice = sum(count == 2 for count in times.values())
        assert len(times) == 40
        assert set(times.values()) <= {1, 2}
        assert {0.0: twice == 0, 0.4: 0 < twice < 40, 1.0: twice == 40}[share]

    run(scenario())


@pytest.mark.parametrize("reorder", [False, True])
def test_order_is_kept_by_one_slot_and_lost_by_choice(reorder: bool) -> None:
    async def scenario() -> None:
        clock = Hand()
        async with (
            receiving() as receiver,
            standing_in(
                endpoint=endpoint(receiver, reorder=reorder, concurrency=1), clock=clock, seed=3
            ) as stand_in,
            client(stand_in) as api,
        ):
            for _ in range(20):
                clock.now_ms += 1000
                await pay(api)
            await stand_in.drained()
        told = [(event.created, event.type != "payment_intent.succeeded") for event in receiver.acknowledged]
        assert len(set(told)) == 40
        assert (told != sorted(told)) is reorder

    run(scenario())


def test_few_requests_are_open_at_a_time() -> None:
    async def scenario() -> None:
        async with (
            receiving() as receiver,
            standing_in(endpoint=endpoint(receiver, concurrency=3)) as stand_in,
            client(stand_in) as api,
        ):
            receiver.gate.clear()
            for _ in range(5):
                await pay(api)
            await receiver.until(lambda: receiver.open == 3)
            assert stand_in.pending == 10
            receiver.gate.set()
            await stand_in.drained()
        assert (receiver.most_open, len(receiver.acknowledged)) == (3, 10)

    run(scenario())


def test_an_event_shows_its_object_as_it_was() -> None:
    async def scenario() -> None:
        async with (
            receiving() as receiver,
            standing_in(endpoint=endpoint(receiver, concurrency=1)) as stand_in,
            client(stand_in) as api,
        ):
            receiver.gate.clear()
            intent = await pay(api, 1000)
            await api.v1.refunds.create_async({"payment_intent": intent.id})
            receiver.gate.set()
            await stand_in.drained()
        assert receiver.objects("charge.succeeded")[0]["object"]["amount_refunded"] == 0

    run(scenario())


def test_stopping_gives_up_what_is_pending() -> None:
    async def scenario() -> None:
        async with receiving() as receiver:
            receiver.gate.clear()
            async with standing_in(endpoint=endpoint(receiver)) as stand_in, client(stand_in) as api:
                await pay(api)
                await receiver.until(lambda: receiver.open == 2)
            assert stand_in.pending == 0
            receiver.gate.set()

    run(scenario())


@pytest.mark.parametrize(
    "options",
    [
        {"duplicate": 1.5},
        {"drop": -0.1},
        {"concurrency": 0},
        {"secret": ""},
        {"url": "shop.example/webhooks"},
    ],
)
def test_an_endpoint_that_cannot_be_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"duplicate|drop|concurrency|secret|address"):
        Endpoint(**{"url": "http://127.0.0.1/", "secret": SECRET, **options})


def test_a_destination_with_thin_payloads_is_told_but_addresses() -> None:
    async def scenario() -> None:
        async with receiving() as receiver:
            receiver.checks = False
            async with (
                standing_in(endpoint=endpoint(receiver, thin=True)) as stand_in,
                client(stand_in) as api,
            ):
                intent = await pay(api, 1000)
                await stand_in.drained()
            notes = [
                api.parse_event_notification(body, header, SECRET)
                for body, header in zip(receiver.bodies, receiver.signatures, strict=True)
            ]
            [paid] = [note for note in notes if note.type == "v1.charge.succeeded"]
            assert isinstance(paid, V1ChargeSucceededEventNotification)
            assert paid.related_object.id == intent.latest_charge
            assert paid.related_object.url == f"/v1/charges/{intent.latest_charge}"
            assert all(b'"data"' not in body for body in receiver.bodies)

    run(scenario())
