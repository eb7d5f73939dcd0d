"""DESIGN.md, rules 4 and 5, through the whole program: Faust, the embedded log, the writer and SQLite."""

import asyncio
import random
import tempfile
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import fields, replace
from functools import cache

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from collectors.publisher import FactPublisher, HitPublisher
from tests.agents.histories import histories
from tests.agents.simulation import Simulation
from tests.embedded.apps import until
from trackrev_stream.contracts.topics import TOPICS
from trackrev_stream.domain.journeys.touch import Hit
from trackrev_stream.domain.ledger.fx import Rates
from trackrev_stream.domain.ledger.lines import Line
from trackrev_stream.domain.payments.payment import PaymentFact
from trackrev_stream.eventlog.embedded.log import Log
from trackrev_stream.eventlog.embedded.publisher import EmbeddedPublisher
from trackrev_stream.eventlog.faust_patches.app import APP_ID
from trackrev_stream.exchange_rates.ecb import bundled
from trackrev_stream.program.program import Program
from trackrev_stream.settings import Settings, read
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.schema import entries, lines

INPUTS = [topic.name for topic in TOPICS]
Fact = Hit | PaymentFact
Standing = dict[str, dict[str, Line]]

HISTORIES = 8  # at a time, each in a workspace of its own
# Each example starts the program some times, so there are few, and none is shrunk: what fails here is
# cut down much faster in the simulation.
few = settings(
    max_examples=4,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


def in_workspaces(found: list[list[Fact]]) -> list[Fact]:
    """The histories beside each other, each in its own workspace."""
    return [replace(fact, workspace=f"ws_{n}") for n, history in enumerate(found) for fact in history]


def straight(facts: list[Fact]) -> Standing:
    """What the simulation has standing after the facts in their order, each once, in US dollars too."""
    simulation = Simulation()
    simulation.feed(*facts)
    found = simulation.run().standing(known_rates())
    return {charge: standing for charge, standing in found.items() if standing}


@cache
def known_rates() -> Rates:
    """Those that every program knows without a network."""
    return Rates(bundled())


def shuffled(facts: list[Fact], rng: random.Random) -> list[Fact]:
    """Any order, and some of them more than once."""
    again = facts + [fact for fact in facts if rng.random() < 0.3]
    rng.shuffle(again)
    return again


def portions(facts: list[Fact], rng: random.Random) -> Iterator[list[Fact]]:
    """The facts in portions as they might arrive at the same time."""
    while facts:
        size = rng.randint(1, 20)
        yield facts[:size]
        facts = facts[size:]


class Feed:
    """The collectors' way into the log of a running program."""

    def __init__(self, log: Log, partitions: int, failed: asyncio.Future[None]) -> None:
        publisher = EmbeddedPublisher(log)
        self._log = log
        self._failed = failed
        self._hits = HitPublisher(publisher, partitions)
        self._facts = FactPublisher(publisher, partitions)

    async def put(self, facts: list[Fact]) -> None:
        """Publish them at the same time."""
        hits = [self._hits.put([fact]) for fact in facts if isinstance(fact, Hit)]
        payments = [self._facts.put([fact]) for fact in facts if not isinstance(fact, Hit)]
        await asyncio.gather(*hits, *payments)

    async def settled(self) -> None:
        """Wait until every agent has committed all there is to read: nothing can follow then."""
        await until(lambda: self._failed.done() or not self.behind())

    def behind(self) -> int:
        """How many records are not committed."""
        return sum(
            self._log.high_watermark(topic, n) - (self._log.committed(APP_ID, topic, n) or 0)
            for topic in INPUTS
            for n in range(self._log.topics()[topic].partitions)
        )


@asynccontextmanager
async def running(chosen: Settings) -> AsyncIterator[Feed]:
    """The program on its directory, and the way into its log. Raises what ended it early."""
    program = Program(chosen)
    await program.start()
    log = Log.open(chosen.data / "log")
    failed = asyncio.create_task(program.wait())
    try:
        yield Feed(log, chosen.partitions, failed)
        if failed.done():
            failed.result()
    finally:
        failed.cancel()
        await log.close()
        await program.stop()


async def live(chosen: Settings, facts: list[Fact], rng: random.Random, restarts: int) -> None:
    """Let the program take the facts, stopping and starting it again at any place between them."""
    waiting = list(portions(facts, rng))
    stops = {rng.randrange(len(waiting)) for _ in range(restarts)}
    while waiting:
        async with running(chosen) as feed:
            while waiting:
                await feed.put(waiting.pop())
                if len(waiting) in stops:
                    break
            if not waiting:
                await feed.settled()


def book(chosen: Settings) -> tuple[Standing, dict[str, int]]:
    """The standing lines, and the sum of all entries where it is not zero, by charge."""
    store, standing = Store.open(chosen.store), defaultdict[str, dict[str, Line]](dict)
    columns = [lines.c[item.name] for item in fields(Line)]
    for charge, *values in store.read_now(lambda c: c.execute(select(lines.c.charge_key, *columns)).all()):
        line = Line(*values)
        standing[charge][line.line_id] = line
    total = select(entries.c.charge_key, func.sum(entries.c.amount_minor)).group_by(entries.c.charge_key)
    posted = {charge: amount for charge, amount in store.read_now(lambda c: c.execute(total).all()) if amount}
    store.close()
    return standing, posted


def sums(standing: Standing) -> dict[str, int]:
    """The net of each charge that has one."""
    totals = {charge: sum(line.amount_minor for line in of.values()) for charge, of in standing.items()}
    return {charge: amount for charge, amount in totals.items() if amount}


@pytest.mark.parametrize("partitions", [1, 3])
@few
@given(
    st.lists(histories(), min_size=HISTORIES, max_size=HISTORIES), st.integers(0, 2**32), st.integers(0, 2)
)
def test_any_order_duplicates_and_restarts_give_the_same_standing_lines(
    partitions: int, found: list[list[Fact]], seed: int, restarts: int
) -> None:
    rng, facts = random.Random(seed), in_workspaces(found)
    environment = {"TRACKREV_PORT": "0", "TRACKREV_ADMIN_PORT": "0", "TRACKREV_PARTITIONS": str(partitions)}
    environment["TRACKREV_RATES_URL"] = "off"
    with tempfile.TemporaryDirectory(prefix="trackrev-") as directory:
        chosen = read(environment, data=directory)
        asyncio.run(live(chosen, shuffled(facts, rng), rng, restarts))
        standing, posted = book(chosen)
    assert standing == straight(facts)
    assert posted == sums(standing)
