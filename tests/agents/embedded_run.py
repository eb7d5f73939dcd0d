"""The real agents over an embedded log, fed with facts."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields
from functools import cache

from sqlalchemy import func, select

from collectors.publisher import FactPublisher, HitPublisher
from tests.agents.simulation import Simulation
from tests.eventlog.embedded.apps import until
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
from trackrev_stream.settings import Settings
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.schema import entries, lines
from trackrev_stream.store.operations.waiting_money import find_ties

INPUTS = [topic.name for topic in TOPICS]
Fact = Hit | PaymentFact
Standing = dict[str, dict[str, Line]]


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


class Feed:
    """The collectors' way into the log of a running program."""

    def __init__(self, log: Log, store: Store, partitions: int, failed: asyncio.Future[None]) -> None:
        publisher = EmbeddedPublisher(log)
        self._log = log
        self._store = store
        self._failed = failed
        self._hits = HitPublisher(publisher, partitions)
        self._facts = FactPublisher(publisher, partitions)

    async def put(self, facts: list[Fact]) -> None:
        """Publish them at the same time."""
        hits = [self._hits.put([fact]) for fact in facts if isinstance(fact, Hit)]
        payments = [self._facts.put([fact]) for fact in facts if not isinstance(fact, Hit)]
        await asyncio.gather(*hits, *payments)

    async def settled(self) -> None:
        """Wait until every agent has committed all there is to read, and nothing is left to be tied.

        Whose a charge is that something waits for is told up to a second later (``agents.ties``). When that
        is through nothing can follow.
        """
        await until(lambda: self._failed.done() or not (self.behind() or self._store.read_now(find_ties)))

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
    store = Store.open(chosen.store)
    failed = asyncio.create_task(program.wait())
    try:
        yield Feed(log, store, chosen.partitions, failed)
        if failed.done():
            failed.result()
    finally:
        failed.cancel()
        store.close()
        await log.close()
        await program.stop()


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
