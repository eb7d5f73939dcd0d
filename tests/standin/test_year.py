"""A year of business: what it is made of, and that its books, objects and events tell one story."""

from collections import Counter
from typing import Any

import pytest
import stripe

from ops.standin import ACACIA, Sender
from ops.standin.people import PRICES, Buyer, Subscriber
from ops.standin.year import CONNECTED, END_S, START_S, Year, invite, year
from tests.standin.support import Hand, client, endpoint, receiving, run, standing_in

CHARGES = 1000
DAY_S = 86_400


@pytest.fixture(scope="module")
def made() -> Year:
    return year(seed=3, charges=CHARGES)


def test_it_has_what_was_asked_for(made: Year) -> None:
    balances = made.stand_in.books.by_charge()
    assert len(balances) == CHARGES
    assert {balance.currency for balance in balances.values()} == set(PRICES)
    assert {balance.account for balance in balances.values()} == {
        made.stand_in.platform.account.id,
        *CONNECTED,
    }
    statuses = Counter(charge["status"] for charge in made.charges())
    assert statuses["failed"] > 0
    assert statuses["pending"] == 0
    renewals = sum(charge["invoice"] is not None for charge in made.charges())
    assert CHARGES / 4 < renewals < CHARGES * 3 / 4
    kinds = Counter(movement.kind for movement in made.stand_in.books.movements)
    assert len(kinds) == 5
    assert min(kinds.values()) > 0


def test_the_same_seed_is_the_same_year(made: Year) -> None:
    again, other = year(seed=3, charges=CHARGES), year(seed=4, charges=CHARGES)
    assert again.events == made.events
    assert again.charges() == made.charges()
    assert {event["id"] for event in other.events}.isdisjoint(event["id"] for event in made.events)


def test_events_are_in_order_and_name_connected_accounts_alone(made: Year) -> None:
    times = [event["created"] for event in made.events]
    assert times == sorted(times)
    assert times[0] >= START_S
    assert times[-1] <= END_S
    assert {event.get("account") for event in made.events} == {None, *CONNECTED}
    assert len({event["id"] for event in made.events}) == len(made.events)


def test_the_books_are_what_the_objects_say(made: Year) -> None:
    disputed: Counter[str] = Counter()
    for merchant in made.stand_in.merchants.values():
        for dispute in merchant.account.tables["disputes"].values():
            lost = dispute["status"] in {"needs_response", "lost"}
            disputed[dispute["charge"]] += dispute["amount"] if lost else 0
    for id_, balance in made.stand_in.books.by_charge().items():
        charge = next(
            found
            for merchant in made.stand_in.merchants.values()
            if (found := merchant.account.tables["charges"].get(id_))
        )
        assert (balance.captured_minor, balance.refunded_minor, balance.disputed_minor) == (
            charge["amount_captured"],
            charge["amount_refunded"],
            disputed[id_],
        )


def test_the_books_are_what_the_events_tell(made: Year) -> None:
    """A receiver that knows nothing but events comes to the same sums."""
    captured: dict[str, int] = {}
    refunds: dict[str, dict[str, Any]] = {}
    disputed: Counter[str] = Counter()
    for event in made.events:
        shown = event["data"]["object"]
        if shown["object"] == "charge" and shown["captured"] and shown["status"] == "succeeded":
            captured[shown["id"]] = shown["amount_captured"]
        elif shown["object"] == "refund":
            refunds[shown["id"]] = shown
        elif event["type"] == "charge.dispute.funds_withdrawn":
            disputed[shown["charge"]] += shown["amount"]
        elif event["type"] == "charge.dispute.funds_reinstated":
            disputed[shown["charge"]] -= shown["amount"]
    refunded: Counter[str] = Counter()
    for refund in refunds.values():
        refunded[refund["charge"]] += 0 if refund["status"] in {"failed", "canceled"} else refund["amount"]
    assert {
        id_: (balance.captured_minor, balance.refunded_minor, balance.disputed_minor)
        for id_, balance in made.stand_in.books.by_charge().items()
    } == {id_: (amount, refunded[id_], disputed[id_]) for id_, amount in captured.items()}


def test_days_add_up_to_what_charges_are_worth(made: Year) -> None:
    worth: Counter[str] = Counter()
    for balance in made.stand_in.books.by_charge().values():
        worth[balance.currency] += balance.net_minor
    by_day: Counter[str] = Counter()
    for day in made.stand_in.books.net_by_day().values():
        by_day.update(day)
    assert by_day == worth
    captured = sum(
        row.captured_minor for day in made.stand_in.books.by_day().values() for row in day.values()
    )
    assert captured == sum(
        charge["amount_captured"] for charge in made.charges() if charge["status"] == "succeeded"
    )


def test_it_can_be_read_over_the_api(made: Year) -> None:
    async def scenario() -> None:
        await made.stand_in.start()
        try:
            seen: list[stripe.Charge] = []
            for account in (None, *CONNECTED):
                async with client(made.stand_in, version=ACACIA, account=account) as api:
                    listed = await api.v1.charges.list_async({"limit": 100, "expand": ["data.refunds"]})
                    of_account = [charge async for charge in listed.auto_paging_iter()]
                    times = [charge.created for charge in of_account]
                    assert times == sorted(times, reverse=True)
                    seen += of_account
            assert len({charge.id for charge in seen}) == len(made.charges())
        finally:
            await made.stand_in.stop()

    run(scenario())


def test_its_events_can_be_sent_in_disorder(made: Year) -> None:
    async def scenario() -> None:
        async with receiving() as receiver:
            sender = Sender(endpoint(receiver, duplicate=0.2, reorder=True), seed="1")
            await sender.start()
            for event in made.events[:60]:
                sender.send(event)
            await sender.drained()
            await sender.stop()
        came = [event.id for event in receiver.acknowledged]
        sent = [event["id"] for event in made.events[:60]]
        assert set(came) == set(sent)
        assert len(came) > len(sent)
        assert list(dict.fromkeys(came)) != sent

    run(scenario())


def test_a_month_of_business_can_be_watched_hour_by_hour() -> None:
    """What a poller does, whose reads of a month can be counted: the hours' charges are the month's."""
    clock = Hand(START_S * 1000)

    async def scenario() -> None:
        async with standing_in(seed=5, clock=clock) as stand_in, client(stand_in) as api:
            people = [Buyer(5, number) for number in range(40)] + [Subscriber(5, n) for n in range(10)]
            invite(stand_in, people, START_S, START_S + 30 * DAY_S)
            seen: dict[str, stripe.Charge] = {}
            for day in range(1, 31):
                clock.now_ms = (START_S + day * DAY_S) * 1000
                asked: Any = {"limit": 100, "created": {"gte": START_S + (day - 8) * DAY_S}}
                listed = await api.v1.charges.list_async(asked)
                seen.update({charge.id: charge for charge in listed.data})
            assert stand_in.traffic.reads() == {"GET /v1/charges": 30}
            paid = {id_ for id_, charge in seen.items() if charge.amount_captured}
            assert paid == stand_in.books.by_charge().keys()
            assert len(paid) > 30

    run(scenario())


def test_a_year_is_not_too_small() -> None:
    with pytest.raises(ValueError, match="at least 10"):
        year(charges=3)
