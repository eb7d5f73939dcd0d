"""The poller reconciles by itself: once a day, again while something differs, and the metric follows."""

from pathlib import Path

from collectors.stripe_audit import DAYS
from collectors.stripe_round import DAY_MS, HOUR_MS
from tests.agents.simulation import Simulation
from tests.collectors.test_stripe_poller import Shop, played, shop
from tests.store.builders import at_offsets
from trackrev_stream.contracts.ports import StripeConnection
from trackrev_stream.domain.days import day_of
from trackrev_stream.metrics import REGISTRY
from trackrev_stream.store.post import post
from trackrev_stream.store.reconcile import StoreBook


def residual() -> float | None:
    labels = {"workspace": "ws_1", "account": "own", "currency": "usd"}
    return REGISTRY.get_sample_value("trackrev_reconcile_residual_minor", labels)


def differences() -> float | None:
    return REGISTRY.get_sample_value(
        "trackrev_reconcile_differences", {"workspace": "ws_1", "account": "own"}
    )


def book(at: Shop, first_offset: int) -> None:
    """Let all that was published reach the book."""
    played = Simulation()
    played.feed(*at.log.facts())
    played.run()
    postings = at_offsets(*played.charges.values(), first=first_offset)
    at.store.write_now(lambda sql: post(sql, postings, at.clock()))


def charges_read(at: Shop) -> int:
    return at.stripe.traffic.reads()["GET /v1/charges"]


async def rounds(at: Shop, connection: StripeConnection, count: int) -> None:
    poller = at.poller()
    for _ in range(count):
        at.pass_time(HOUR_MS)
        await poller.poll(connection)


@played
async def test_the_book_is_held_against_stripe_once_a_day_and_while_it_differs(tmp_path: Path) -> None:
    async with shop(tmp_path) as at:
        connection = at.connect()
        await at.pay(4_800)
        await rounds(at, connection, 1)
        at.pass_time(DAY_MS)
        await rounds(at, connection, 2)  # the first of the day reads past midnight, the next reconciles
        assert (residual(), differences()) == (4_800, 1)

        book(at, 0)
        await rounds(at, connection, 1)
        assert (residual(), differences()) == (0, 0)
        kept = await StoreBook(at.store).last(connection, DAYS)
        assert kept is not None
        assert (kept.period.last, kept.differences) == (day_of(at.clock()) - 1, 0)

        at.stripe.traffic.clear()
        await rounds(at, connection, 3)
        once_a_round = charges_read(at)
        at.pass_time(DAY_MS)
        await rounds(at, connection, 3)
        assert charges_read(at) == 2 * once_a_round + 1
