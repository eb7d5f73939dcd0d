"""A small year by every way. The whole one: `make soak-stripe`, its last results in ops/soak.md."""

import asyncio
from collections import Counter

import pytest
import uvloop

from tests.stripe_year.year import SMALL, Ran, run
from trackrev_stream.domain.reconciliation.differences import Cause

UNKNOWN_OF_FOUR = {"fee", "dispute", "dispute_fee", "dispute_reinstated"}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    async def small() -> Ran:
        async with run(SMALL, tmp_path_factory.mktemp("ways")) as found:
            return found

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(small())


def test_every_way_ends_in_the_same_standing_lines(ran: Ran) -> None:
    wanted = ran.standing("backfill")
    assert len(wanted) > 2 * SMALL.charges
    assert ran.standing("webhooks") == wanted
    assert ran.standing("poller") == wanted


def test_every_charge_is_worth_what_the_books_of_stripe_say(ran: Ran) -> None:
    assert ran.worth("backfill") == ran.books()


@pytest.mark.parametrize("way", ["webhooks", "poller", "backfill"])
def test_reconcile_finds_no_difference(ran: Ran, way: str) -> None:
    assert [status for status, _ in ran.reconciled[way]] == [0, 0, 0]
    accounts = [one for _, answer in ran.reconciled[way] for one in answer["accounts"].values()]
    assert [one["differences"] for one in accounts] == [[], [], []]
    assert sum(one["charges"] for one in accounts) == len(ran.books())


def test_with_four_permissions_all_is_right_but_fees_and_disputes(ran: Ran) -> None:
    assert by_place(ran.standing("four"), set()) == by_place(ran.standing("backfill"), UNKNOWN_OF_FOUR)
    accounts = [one for _, answer in ran.reconciled["four"] for one in answer["accounts"].values()]
    named = [one for each in accounts for one in each["differences"]]
    assert {one["cause"] for one in named} == {Cause.DISPUTE_UNREADABLE}
    assert {one["stripe_minor"] for one in named} == {None}
    assert all("rak_dispute_read" in each["missing_permissions"] for each in accounts)
    disputed = {one["id"] for one in ran.made.charges() if one["disputed"]}
    assert {one["charge"] for one in named} == disputed
    unseen = {way: found for way in ran.places if (found := ran.unseen(way))}
    assert unseen == {"four": disputed}


def by_place(lines: list[str], left_out: set[str]) -> Counter[tuple[str, ...]]:
    """What each place earned of each charge by each reason; Stripe tells these keys no day of failure."""
    found: Counter[tuple[str, ...]] = Counter()
    for text in lines:
        kind, _, *rest = text.split(" ")
        if kind != "line":
            continue
        charge, _, _, reason, *place, amount, currency, _, _, _, _ = rest
        if reason not in left_out:
            found[charge, "refund" if reason == "refund_failed" else reason, *place, currency] += int(amount)
    return Counter({key: amount for key, amount in found.items() if amount})
