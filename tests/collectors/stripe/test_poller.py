"""The poller over the stand-in of Stripe and a real database: all is read once, whatever goes wrong."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from collectors.stripe.poll_round import MOST_AGAIN
from ops.standin import Fault
from ops.standin.payments import Terms
from tests.collectors.edge import RecordingPublisher
from tests.collectors.shop import FOUR, QUICK, has_struck, played, shop
from tests.eventlog.embedded.apps import until
from trackrev_stream.contracts.codec import decode
from trackrev_stream.contracts.topics import STRIPE_ACCOUNTS
from trackrev_stream.domain.payments.payment import FactKind
from trackrev_stream.domain.payments.subscription import AccountFact
from trackrev_stream.domain.values.days import DAY_MS, HOUR_MS
from trackrev_stream.store.database.sealer import open_sealer
from trackrev_stream.store.operations.poller_state import StorePollState


@played
async def test_everything_is_read_once_oldest_first_and_only_what_is_new_after_that(tmp_path: Path) -> None:
    async with shop(tmp_path) as at:
        connection = at.connect()
        paid = []
        for _ in range(7):
            at.pass_time(20 * DAY_MS)
            paid.append(await at.pay())
        await at.post("/v1/refunds", charge=paid[2], amount=100)
        at.pass_time(2 * HOUR_MS)
        await at.poller().poll(connection)
        assert list(at.charges()) == paid
        refunds = [fact for fact in at.log.facts() if fact.kind is FactKind.REFUND]
        assert {(fact.charge, fact.amount_minor) for fact in refunds} == {(paid[2], 100)}
        assert at.progress(connection).report.result == "ok"

        at.log.records.clear()
        at.pass_time(2 * HOUR_MS)
        new = await at.pay()
        await at.post("/v1/refunds", charge=paid[0], amount=55)
        await at.poller().poll(connection)
        assert [(f.kind, f.charge) for f in at.log.facts()] == [
            (FactKind.CHARGE, new),
            (FactKind.REFUND, paid[0]),
        ]


@dataclass
class Narrow(RecordingPublisher):
    """A log that takes so many records, and is down then."""

    room: int = 0

    async def publish(self, topic: str, partition: int, key: bytes | None, value: bytes) -> int:
        self.down = len(self.records) >= self.room
        return await super().publish(topic, partition, key, value)


@played
async def test_a_round_that_is_cut_off_goes_on_where_it_was(tmp_path: Path) -> None:
    async with shop(tmp_path) as at:
        connection, narrow = at.connect(), Narrow()
        at.log = narrow
        paid = []
        for _ in range(12):
            at.pass_time(45 * DAY_MS)
            paid.append(await at.pay())
        for room in (3, 6, 9, 100):
            narrow.room = room
            await at.poller().poll(connection)
            assert set(at.charges()) < set(paid) or room == 100
            at.pass_time(QUICK.after_failure_ms)
        assert set(at.charges()) == set(paid)
        # What a window had published before it was cut off comes again; no more than that.
        assert at.charges().total() <= len(paid) + 6


@played
async def test_two_pollers_never_read_a_connection_at_the_same_time(tmp_path: Path) -> None:
    async with shop(tmp_path) as at:
        connection = at.connect()
        await at.pay()
        gate = asyncio.Event()
        at.stripe.faults.append(Fault(until=gate))
        other = RecordingPublisher()
        first = asyncio.create_task(at.poller().poll(connection))
        await until(partial(has_struck, at.stripe.faults[0]))
        await at.poller(other).poll(connection)
        assert not other.records
        gate.set()
        await first
        assert at.charges().total() == 1


@played
async def test_another_poller_takes_over_when_the_lease_has_run_out(tmp_path: Path) -> None:
    async with shop(tmp_path) as at:
        connection = at.connect()
        await at.pay()
        gates, other = [asyncio.Event(), asyncio.Event()], RecordingPublisher()
        rounds = []
        for gate, log in zip(gates, (at.log, other), strict=True):
            fault = Fault(until=gate)
            at.stripe.faults.append(fault)
            rounds.append(asyncio.create_task(at.poller(log).poll(connection)))
            await until(partial(has_struck, fault))
            at.pass_time(QUICK.lease_ms + 1)
        for gate, stuck in zip(reversed(gates), reversed(rounds), strict=True):
            gate.set()
            if gate is gates[1]:
                at.pass_time(-1)
            await stuck
        assert len(other.facts()) == 1


@played
async def test_with_the_four_permissions_of_the_page_the_rest_is_read_and_what_is_missing_is_named(
    tmp_path: Path,
) -> None:
    async with shop(tmp_path) as at:
        connection = at.connect(FOUR)
        charge = await at.pay()
        await at.poller().poll(connection)
        report = at.progress(connection).report
        assert report.result == "ok"
        assert "rak_dispute_read" in report.missing
        assert [fact.fee_minor for fact in at.log.facts() if fact.charge == charge] == [None]


@played
async def test_limits_and_failures_of_stripe_are_waited_out(tmp_path: Path) -> None:
    async with shop(tmp_path) as at:
        connection = at.connect()
        charge = await at.pay()
        for status in (429, 500, 503):
            at.stripe.faults.append(Fault(status=status))
        at.stripe.faults += [Fault(drop="before"), Fault(drop="midway")]
        await at.poller().poll(connection)
        assert at.charges() == {charge: 1}
        assert at.progress(connection).report.result == "ok"


@played
async def test_a_broken_connection_is_said_and_never_stops_the_others(tmp_path: Path) -> None:
    async with shop(tmp_path) as at:
        broken = at.connect("rk_test_revoked", "ws_2")
        connection = at.connect()
        charge = await at.pay()
        running = asyncio.create_task(at.poller().run())
        ended = [at.ended(broken), at.ended(connection)]
        await asyncio.wait_for(asyncio.gather(*ended), 30)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert at.charges() == {charge: 1}
        assert "does not know this key" in at.progress(broken).report.result


@played
async def test_what_the_log_does_not_take_is_read_again(tmp_path: Path) -> None:
    async with shop(tmp_path) as at:
        connection = at.connect()
        charge = await at.pay()
        at.log.down = True
        await at.poller().poll(connection)
        assert "the log is down" in at.progress(connection).report.result
        at.log.down = False
        at.pass_time(QUICK.after_failure_ms)
        await at.poller().poll(connection)
        assert at.charges() == {charge: 1}


@played
async def test_an_authorization_is_read_again_until_it_is_captured(tmp_path: Path) -> None:
    async with shop(tmp_path) as at:
        connection = at.connect()
        intent = await at.post(
            "/v1/payment_intents", amount=900, currency="usd", confirm="true", capture_method="manual"
        )
        await at.poller().poll(connection)
        at.pass_time(26 * HOUR_MS)
        await at.poller().poll(connection)
        await at.post(f"/v1/payment_intents/{intent['id']}/capture", amount_to_capture=700)
        at.pass_time(26 * HOUR_MS)
        await at.poller().poll(connection)
        facts = [fact for fact in at.log.facts() if fact.charge == intent["latest_charge"]]
        assert facts[-1].captured
        assert facts[-1].amount_minor == 700
        at.log.records.clear()
        at.pass_time(26 * HOUR_MS)
        await at.poller().poll(connection)
        assert not at.log.facts()


@played
async def test_who_polls_once_a_week_reads_all_again_that_was_unsettled(tmp_path: Path) -> None:
    held = {"amount": 900, "currency": "usd", "confirm": "true", "capture_method": "manual"}
    async with shop(tmp_path) as at:
        connection = at.connect()
        intents = [await at.post("/v1/payment_intents", **held) for _ in range(2 * MOST_AGAIN + 3)]
        at.pass_time(2 * HOUR_MS)
        await at.poller().poll(connection)
        for intent in intents:
            await at.post(f"/v1/payment_intents/{intent['id']}/capture")
        at.pass_time(7 * DAY_MS)
        await at.poller().poll(connection)
        captured = {fact.charge for fact in at.log.facts() if fact.captured}
        assert captured == {intent["latest_charge"] for intent in intents}


@dataclass
class Watched(RecordingPublisher):
    """A log that is asked something before each record."""

    ask: Callable[[], Awaitable[None]] | None = None

    async def publish(self, topic: str, partition: int, key: bytes | None, value: bytes) -> int:
        if self.ask is not None:
            await self.ask()
        return await super().publish(topic, partition, key, value)


@played
async def test_a_poller_keeps_its_lease_however_much_is_read_again(tmp_path: Path) -> None:
    held = {"amount": 900, "currency": "usd", "confirm": "true", "capture_method": "manual"}
    async with shop(tmp_path) as at:
        connection, taken = at.connect(), list[bool]()
        for _ in range(MOST_AGAIN):
            await at.post("/v1/payment_intents", **held)
        at.pass_time(2 * HOUR_MS)
        await at.poller().poll(connection)

        async def try_to_take_it() -> None:
            at.pass_time(QUICK.lease_ms // 4)
            state, now = StorePollState(at.store, open_sealer(tmp_path)), at.clock()
            taken.append(await state.take(connection, "another", now, now + 1))

        at.pass_time(DAY_MS)
        at.log = Watched(ask=try_to_take_it)
        await at.poller().poll(connection)
        assert taken == [False] * MOST_AGAIN


@pytest.mark.parametrize("search", [True, False], ids=["by search", "where there is none"])
@played
async def test_once_a_week_an_old_charge_is_looked_at_that_changed_unheard(
    tmp_path: Path, search: bool
) -> None:
    async with shop(tmp_path) as at:
        at.stripe.search_available = search
        connection = at.connect(FOUR)
        charge = await at.pay()
        at.pass_time(3 * DAY_MS)
        await at.poller().poll(connection)
        await at.post("/v1/refunds", charge=charge, amount=100)
        at.log.records.clear()
        at.pass_time(8 * DAY_MS)
        await at.poller().poll(connection)
        at.pass_time(HOUR_MS)
        await at.poller().poll(connection)
        assert at.charges()[charge] == 1
        assert [fact.refunded_minor for fact in at.log.facts() if fact.kind is FactKind.CHARGE] == [100]


@played
async def test_a_small_account_stays_within_stripes_read_allocation(tmp_path: Path) -> None:
    async with shop(tmp_path) as at:
        connection = at.connect(FOUR)
        rng = random.Random(7)
        for _ in range(1_000):
            at.pass_time(rng.randrange(1, 12) * HOUR_MS // 2)
            at.stripe.platform.payments.take(Terms(900, "usd"))
        poller = at.poller()
        await poller.poll(connection)
        assert at.progress(connection).reads == at.stripe.traffic.reads().total()
        at.stripe.traffic.clear()
        # A week, with its audit; the whole month: make soak-stripe ARGS=month
        for _ in range(7 * 24):
            at.pass_time(HOUR_MS)
            if rng.random() < 0.05:
                at.stripe.platform.payments.take(Terms(900, "usd"))
            await poller.poll(connection)
        assert 7 * 24 * 4 < at.stripe.traffic.reads().total() < 10_000 * 7 / 30


@played
async def test_an_object_that_is_no_charge_becomes_a_dead_letter_and_the_rest_is_read(tmp_path: Path) -> None:
    async with shop(tmp_path) as at:
        connection = at.connect()
        bad, good = await at.pay(), await at.pay()
        at.stripe.platform.account.find("charges", "charge", bad)["amount"] = "a lot"
        await at.poller().poll(connection)
        assert at.charges() == {good: 1}
        assert [letter.message for letter in at.log.dead_letters()] == [
            "amount should be a whole number from 0 to 1000000000000000"
        ]


@played
async def test_customers_come_with_their_charges(tmp_path: Path) -> None:
    async with shop(tmp_path) as at:
        connection = at.connect()
        customer = await at.post("/v1/customers", email="anna@shop.example")
        await at.post(
            "/v1/payment_intents", amount=900, currency="usd", confirm="true", customer=customer["id"]
        )
        await at.poller().poll(connection)
        accounts = [decode(AccountFact, record.value) for record in at.log.of(STRIPE_ACCOUNTS.name)]
        assert [fact.customer for fact in accounts] == [customer["id"]]
        assert accounts[0].email_key
        assert "anna" not in repr(at.log.records)
