"""What becomes of payments: authorised, captured late, declined, refunded in every way, in any currency."""

from typing import Any

import pytest
import stripe

from ops.standin import ACACIA, BASIL, StandIn
from ops.standin.currencies import exchanged
from ops.standin.errors import ApiError
from tests.standin.support import START_MS, Hand, client, endpoint, pay, receiving, run, standing_in

DAY_MS = 86_400_000


def _balance(stand_in: StandIn, intent: stripe.PaymentIntent) -> tuple[int, int, int]:
    balance = stand_in.books.by_charge()[str(intent.latest_charge)]
    return balance.captured_minor, balance.refunded_minor, balance.net_minor


async def _charge(api: stripe.StripeClient, intent: stripe.PaymentIntent) -> stripe.Charge:
    return await api.v1.charges.retrieve_async(str(intent.latest_charge))


@pytest.mark.parametrize(("version", "released"), [(ACACIA, 300), (BASIL, 0)])
def test_a_part_of_an_authorization_is_captured_and_the_rest_released(version: str, released: int) -> None:
    async def scenario() -> None:
        async with (
            receiving() as receiver,
            standing_in(
                clock=Hand(), endpoint=endpoint(receiver, concurrency=1), api_version=version
            ) as stand_in,
            client(stand_in, version=version) as api,
        ):
            intent = await pay(api, 1000, capture_method="manual")
            charge = await _charge(api, intent)
            assert (intent.status, intent.amount_capturable) == ("requires_capture", 1000)
            assert (charge.paid, charge.captured, charge.amount_captured) == (True, False, 0)
            assert (charge.status, charge.balance_transaction) == ("succeeded", None)
            assert str(intent.latest_charge) not in stand_in.books.by_charge()
            stand_in.advance(days=1)
            intent = await api.v1.payment_intents.capture_async(intent.id, {"amount_to_capture": 700})
            charge = await _charge(api, intent)
            assert (intent.status, intent.amount_received) == ("succeeded", 700)
            assert (charge.amount, charge.amount_captured, charge.refunded) == (1000, 700, False)
            assert charge.amount_refunded == released
            entries = (await api.v1.balance_transactions.list_async()).data
            assert (sum(entry.amount for entry in entries), sum(entry.fee for entry in entries)) == (700, 50)
            assert len(entries) == (2 if released else 1)
            assert _balance(stand_in, intent) == (700, 0, 700)
            with pytest.raises(stripe.InvalidRequestError) as caught:
                await api.v1.payment_intents.capture_async(intent.id)
            assert caught.value.code == "payment_intent_unexpected_state"
            await stand_in.drained()
        assert receiver.types() == [
            "payment_intent.amount_capturable_updated",
            "charge.succeeded",
            "charge.captured",
            *(["refund.created", "charge.refunded"] if released else []),
            "payment_intent.succeeded",
        ]
        assert stand_in.books.movements[0].at_s == (START_MS + DAY_MS) // 1000

    run(scenario())


@pytest.mark.parametrize("version", [ACACIA, BASIL])
def test_no_more_is_refunded_than_was_captured(version: str) -> None:
    async def scenario() -> None:
        async with standing_in(api_version=version) as stand_in, client(stand_in, version=version) as api:
            intent = await pay(api, 1000, capture_method="manual")
            await api.v1.payment_intents.capture_async(intent.id, {"amount_to_capture": 700})
            with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded"):
                await api.v1.refunds.create_async({"payment_intent": intent.id, "amount": 701})
            await api.v1.refunds.create_async({"payment_intent": intent.id, "amount": 200})
            assert (await _charge(api, intent)).refunded is False
            await api.v1.refunds.create_async({"payment_intent": intent.id})
            assert (await _charge(api, intent)).refunded is True
            assert _balance(stand_in, intent) == (700, 700, 0)

    run(scenario())


@pytest.mark.parametrize("version", [ACACIA, BASIL])
def test_an_authorization_is_given_up_or_expires(version: str) -> None:
    async def scenario() -> None:
        async with (
            receiving() as receiver,
            standing_in(clock=Hand(), endpoint=endpoint(receiver), api_version=version) as stand_in,
            client(stand_in, version=version) as api,
        ):
            given_up, expiring = [await pay(api, capture_method="manual") for _ in range(2)]
            canceled = await api.v1.payment_intents.cancel_async(given_up.id)
            stand_in.advance(days=8)
            expired = await api.v1.payment_intents.retrieve_async(expiring.id)
            assert (canceled.status, expired.status) == ("canceled", "canceled")
            assert expired.cancellation_reason == ("automatic" if version == ACACIA else "expired")
            charge = await _charge(api, expiring)
            assert (charge.captured, charge.amount_captured) == (False, 0)
            assert (charge.refunded, charge.amount_refunded) == (
                (True, 1000) if version == ACACIA else (False, 0)
            )
            with pytest.raises(stripe.InvalidRequestError, match="not been captured"):
                await api.v1.refunds.create_async({"charge": charge.id})
            assert stand_in.books.movements == []
            await stand_in.drained()
        assert receiver.types().count("payment_intent.canceled") == 2
        assert receiver.types().count("charge.expired") == 1
        assert receiver.types().count("charge.refunded") == (2 if version == ACACIA else 0)

    run(scenario())


def test_a_balance_transaction_can_come_late() -> None:
    async def scenario() -> None:
        async with (
            receiving() as receiver,
            standing_in(clock=Hand(), endpoint=endpoint(receiver)) as stand_in,
            client(stand_in) as api,
        ):
            intent = await pay(api, capture_method="automatic_async")
            charge = await _charge(api, intent)
            assert (charge.captured, charge.balance_transaction) == (True, None)
            stand_in.advance(days=1)
            charge = await _charge(api, intent)
            assert str(charge.balance_transaction).startswith("txn_")
            await stand_in.drained()
        [told] = receiver.objects("charge.updated")
        assert told["previous_attributes"] == {"balance_transaction": None}

    run(scenario())


def test_a_declined_payment_leaves_a_failed_charge_and_can_be_paid_after_all() -> None:
    async def scenario() -> None:
        async with standing_in() as stand_in, client(stand_in) as api:
            with pytest.raises(stripe.CardError) as caught:
                await pay(api, payment_method="pm_card_visa_chargeDeclined", channel="ads")
            assert (caught.value.http_status, caught.value.code) == (402, "card_declined")
            [failed] = (await api.v1.charges.list_async()).data
            assert (failed.status, failed.paid, failed.captured) == ("failed", False, False)
            paid = await api.v1.payment_intents.confirm_async(
                str(failed.payment_intent), {"payment_method": "pm_card_visa"}
            )
            assert (paid.status, paid.latest_charge != failed.id) == ("succeeded", True)
            ads = stand_in.books.report()["channels"]["ads"]
            assert (ads["charges"], ads["gross_minor"]) == (1, 1000)
            listed = await api.v1.charges.list_async({"payment_intent": paid.id})
            assert [charge.status for charge in listed.data] == ["succeeded", "failed"]

    run(scenario())


def test_a_bank_takes_days() -> None:
    async def scenario() -> None:
        async with (
            receiving() as receiver,
            standing_in(clock=Hand(), endpoint=endpoint(receiver, concurrency=1)) as stand_in,
            client(stand_in) as api,
        ):
            intent = await pay(api, payment_method="pm_usBankAccount")
            assert (intent.status, (await _charge(api, intent)).status) == ("processing", "pending")
            assert stand_in.books.movements == []
            stand_in.advance(days=5)
            assert (await _charge(api, intent)).status == "succeeded"
            assert _balance(stand_in, intent) == (1000, 0, 1000)
            await stand_in.drained()
        kinds = ["payment_intent.processing", "charge.pending", "payment_intent.succeeded"]
        assert receiver.types() == [*kinds, "charge.succeeded"]

    run(scenario())


@pytest.mark.parametrize(
    ("card", "at_first", "later", "refunded"),
    [
        ("pm_card_visa", "succeeded", "succeeded", 400),
        ("pm_card_pendingRefund", "pending", "succeeded", 400),
        ("pm_card_refundFail", "succeeded", "failed", 0),
    ],
)
def test_refunds_end_by_their_card(card: str, at_first: str, later: str, refunded: int) -> None:
    async def scenario() -> None:
        async with (
            receiving() as receiver,
            standing_in(clock=Hand(), endpoint=endpoint(receiver)) as stand_in,
            client(stand_in) as api,
        ):
            intent = await pay(api, payment_method=card)
            refund = await api.v1.refunds.create_async({"payment_intent": intent.id, "amount": 400})
            assert refund.status == at_first
            assert _balance(stand_in, intent) == (1000, 400, 600)
            stand_in.advance(days=2)
            refund = await api.v1.refunds.retrieve_async(refund.id)
            assert refund.status == later
            assert _balance(stand_in, intent) == (1000, refunded, 1000 - refunded)
            assert (await _charge(api, intent)).amount_refunded == refunded
            await stand_in.drained()
        failed = ["charge.refund.updated", "refund.failed", "refund.updated"]
        told = {"failed": failed, "succeeded": ["refund.updated"] * (at_first == "pending")}[later]
        later_types = [type_ for type_ in receiver.types() if "refund" in type_]
        assert sorted(later_types) == sorted(["charge.refunded", "refund.created", *told])

    run(scenario())


def test_a_pending_refund_can_be_canceled_and_given_again() -> None:
    async def scenario() -> None:
        async with standing_in(clock=Hand()) as stand_in, client(stand_in) as api:
            intent = await pay(api, payment_method="pm_card_pendingRefund")
            refund = await api.v1.refunds.create_async({"payment_intent": intent.id})
            canceled = await api.v1.refunds.cancel_async(refund.id)
            assert (canceled.status, _balance(stand_in, intent)) == ("canceled", (1000, 0, 1000))
            stand_in.advance(days=2)
            assert (await api.v1.refunds.retrieve_async(refund.id)).status == "canceled"
            await api.v1.refunds.create_async({"payment_intent": intent.id})
            assert _balance(stand_in, intent) == (1000, 1000, 0)
            days = list(stand_in.books.net_by_day().values())
            assert days == [{"usd": 1000}, {"usd": -1000}]

    run(scenario())


@pytest.mark.parametrize(("currency", "amount"), [("jpy", 5000), ("eur", 5000), ("kwd", 5000), ("krw", 9)])
def test_other_currencies_settle_in_dollars(currency: str, amount: int) -> None:
    async def scenario() -> None:
        async with standing_in(clock=Hand()) as stand_in, client(stand_in) as api:
            intent = await pay(api, amount, currency=currency)
            charge = await api.v1.charges.retrieve_async(
                str(intent.latest_charge), {"expand": ["balance_transaction"]}
            )
            entry = charge.balance_transaction
            assert isinstance(entry, stripe.BalanceTransaction)
            assert (charge.currency, charge.amount, entry.currency) == (currency, amount, "usd")
            assert entry.exchange_rate
            power = {"jpy": 1, "krw": 1, "eur": 100, "kwd": 1000}[currency]
            assert abs(entry.amount - amount / power * float(entry.exchange_rate) * 100) <= 0.5
            assert entry.net == entry.amount - entry.fee

    run(scenario())


def test_without_settlement_each_currency_stays_its_own() -> None:
    async def scenario() -> None:
        async with standing_in(settles_in="") as stand_in, client(stand_in) as api:
            await pay(api, 5000, currency="jpy")
            [entry] = (await api.v1.balance_transactions.list_async()).data
            assert (entry.currency, entry.amount, entry.exchange_rate) == ("jpy", 5000, None)
            three: Any = {"currency": "kwd"}
            with pytest.raises(stripe.InvalidRequestError, match="last digit must be 0"):
                await pay(api, 5001, **three)

    run(scenario())


def test_an_exchange_rounds_halves_away_from_zero() -> None:
    from decimal import Decimal

    assert exchanged(1, "jpy", "usd", Decimal("0.005")) == 1
    assert exchanged(-1, "jpy", "usd", Decimal("0.005")) == -1
    assert exchanged(1000, "kwd", "jpy", Decimal("1.4")) == 1


def test_a_payment_that_had_succeeded_can_fail_after_all() -> None:
    async def scenario() -> None:
        async with standing_in(secret_key="sk_test_standin") as stand_in, client(stand_in) as api:
            told: list[dict[str, Any]] = []
            stand_in.listeners.append(told.append)
            intent = await pay(api, 1000)
            charge = await api.v1.charges.retrieve_async(str(intent.latest_charge))
            stand_in.platform.payments.bounce(stand_in.platform.account.find("charges", "charge", charge.id))
            gone = await api.v1.charges.retrieve_async(charge.id, {"expand": ["failure_balance_transaction"]})
            assert (gone.status, gone.paid, gone.captured) == ("failed", False, True)
            home = gone.failure_balance_transaction
            assert not isinstance(home, str)
            assert home is not None
            assert (home.type, home.amount, home.source) == ("payment_failure_refund", -1000, charge.id)
            assert [event["type"] for event in told][-1] == "charge.failed"
            assert stand_in.books.by_charge()[charge.id].net_minor == 0
            found = await api.v1.balance_transactions.list_async({"type": "payment_failure_refund"})
            assert [one.id for one in found.data] == [home.id]
            with pytest.raises(ApiError, match="has not succeeded"):
                stand_in.platform.payments.bounce(
                    stand_in.platform.account.find("charges", "charge", charge.id)
                )

    run(scenario())
