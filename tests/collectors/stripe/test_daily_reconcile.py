"""The poller reconciles by itself: once a day, again while something differs, and the metric follows."""

import asyncio
import json
import os
import sys
from pathlib import Path

from collectors.stripe.daily_reconcile import DAYS
from tests.agents.simulation import Simulation
from tests.collectors.shop import Shop, played, shop
from tests.store.builders import at_offsets
from trackrev_stream.contracts.ports import StripeConnection
from trackrev_stream.domain.values.days import DAY_MS, HOUR_MS, day_of, iso_of
from trackrev_stream.metrics import REGISTRY
from trackrev_stream.store.ledger.post import post
from trackrev_stream.store.operations.reconciliations import StoreLedgerReader


def residual() -> float | None:
    labels = {"workspace": "ws_1", "account": "own", "currency": "usd"}
    return REGISTRY.get_sample_value("trackrev_reconcile_residual_minor", labels)


def differences() -> float | None:
    return REGISTRY.get_sample_value(
        "trackrev_reconcile_differences", {"workspace": "ws_1", "account": "own"}
    )


def book(at: Shop, first_offset: int) -> None:
    """Let all that was published reach the ledger."""
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
        kept = await StoreLedgerReader(at.store).last(connection, DAYS)
        assert kept is not None
        assert (kept.period.last, kept.differences) == (day_of(at.clock()) - 1, 0)

        at.stripe.traffic.clear()
        await rounds(at, connection, 3)
        once_a_round = charges_read(at)
        at.pass_time(DAY_MS)
        await rounds(at, connection, 3)
        assert charges_read(at) == 2 * once_a_round + 1


async def reconcile(at: Shop, *more: str) -> tuple[int, str, str]:
    """The command in a process of its own, over the days around now."""
    today = day_of(at.clock())
    days = ("--from", iso_of(today - 5), "--to", iso_of(today))
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "trackrev_stream.cli", "reconcile", "ws_1", *days, *more),
        env=os.environ | {"TRACKREV_DATA": str(at.place), "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await running.communicate()
    assert running.returncode is not None
    return running.returncode, out.decode(), err.decode()


@played
async def test_the_command_names_what_differs_and_ends_with_one(tmp_path: Path) -> None:
    async with shop(tmp_path) as at:
        connection = at.connect()
        charge = await at.pay(4_800)
        await at.post("/v1/refunds", charge=charge, amount=1_000)
        status, out, err = await reconcile(at)
        assert (status, err) == (1, "")
        assert f"{charge} captured" in out
        assert "the ledger 0.00 USD" in out
        assert "newer than what the poller has read" in out

        at.pass_time(2 * HOUR_MS)
        await at.poller().poll(connection)
        status, out, _ = await reconcile(at, "--json")
        of_own = json.loads(out)["accounts"]["own"]
        assert status == 1
        assert {one["cause"] for one in of_own["differences"]} == {"never_arrived"}
        assert of_own["residual_minor"] == {"usd": 5_800}

        book(at, 0)
        status, out, err = await reconcile(at)
        assert (status, err) == (0, "")
        assert "no difference" in out
        assert "captured 48.00 USD and refunded 10.00 USD" in out
        assert "rk_" not in out
