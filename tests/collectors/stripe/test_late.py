"""What changes when nobody expects it any more is heard of, and what cannot change is not read again."""

from pathlib import Path

import pytest
from sqlalchemy import select

from collectors.stripe.lists import DISPUTES, came_late, unsettled
from ops.standin.cards import card_of
from ops.standin.payments import Terms
from tests.collectors.shop import ALL, FOUR, played, shop
from trackrev_stream.domain.values.days import DAY_MS, HOUR_MS
from trackrev_stream.store.database.poller_schema import again


@played
async def test_subscriptions_are_read_with_their_list_alone(tmp_path: Path) -> None:
    async with shop(tmp_path) as at:
        connection = at.connect()
        for _ in range(3):
            customer = await at.post("/v1/customers", email="anna@shop.example")
            price = {
                "items[0][price_data][currency]": "usd",
                "items[0][price_data][unit_amount]": "900",
                "items[0][price_data][recurring][interval]": "month",
            }
            await at.post("/v1/subscriptions", customer=customer["id"], **price)
        for _ in range(3):
            at.pass_time(26 * HOUR_MS)
            await at.poller().poll(connection)
        assert "GET /v1/subscriptions/{id}" not in at.stripe.traffic.reads()


@pytest.mark.parametrize(("key", "told"), [(ALL, True), (FOUR, False)])
@played
async def test_a_refund_that_fails_days_later_is_heard_of(tmp_path: Path, key: str, told: bool) -> None:
    async with shop(tmp_path) as at:
        connection = at.connect(key)
        at.stripe.platform.payments.take(Terms(900, "usd", card=card_of("pm_card_refundFail")))
        [charge] = at.stripe.platform.account.tables["charges"].values()
        refund = await at.post("/v1/refunds", charge=charge["id"])
        failed_at = at.clock() + DAY_MS
        for hours in (1, 2, 60):
            at.pass_time(hours * HOUR_MS)
            await at.poller().poll(connection)
        sights = [fact for fact in at.log.facts() if fact.id == refund["id"]]
        assert [fact.status for fact in sights[:1]] == ["succeeded"]
        since = min(fact.observed_at for fact in sights if fact.status == "failed")
        # Where balance transactions can be read they tell when; else it is when it was seen.
        assert (since == failed_at) == told


@played
async def test_a_dispute_that_ends_after_months_is_heard_of(tmp_path: Path) -> None:
    async with shop(tmp_path) as at:
        connection = at.connect()
        charge = at.stripe.platform.account.find("charges", "charge", await at.pay())
        dispute = at.stripe.platform.disputes.open(charge, None, status="needs_response")
        poller = at.poller()
        for _ in range(44):
            at.pass_time(25 * HOUR_MS)
            await poller.poll(connection)
        assert not at.store.read_now(lambda sql: sql.execute(select(again)).all()), "given up by now"
        at.stripe.platform.disputes.end(dispute, "won")
        at.pass_time(25 * HOUR_MS)
        await poller.poll(connection)
        newest = [fact for fact in at.log.facts() if fact.id == dispute["id"]][-1]
        assert newest.status == "won"
        assert sum(move.amount_minor for move in newest.moves) == 0


@pytest.mark.parametrize("status", ["won", "lost", "warning_closed", "prevented"])
def test_a_dispute_that_is_over_is_not_read_again(status: str) -> None:
    assert unsettled(DISPUTES, {"status": status}) == ""
    assert came_late(DISPUTES, {"status": status})
    assert unsettled(DISPUTES, {"status": "appeal_under_review"}) == "open"
