"""The agents over topics in memory, stepped in any order a test asks for, with crashes in any place.

What runs is the agents' own logic; only the framework between them is absent. Each topic has one partition,
as one partition of the real thing has its own order.
"""

import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from trackrev_stream.agents.attribute.agent import attribute
from trackrev_stream.agents.bill import bill
from trackrev_stream.agents.gather import gather
from trackrev_stream.agents.step import InputRecord, Rows, Step
from trackrev_stream.agents.stitch import stitch
from trackrev_stream.contracts.codec import decode, decode_frame, encode, encode_frame
from trackrev_stream.contracts.records import AttributedCharge, ChargeTie, WaitingMoney
from trackrev_stream.contracts.topics import (
    ATTRIBUTED_CHARGES,
    BINDS,
    CHARGE_TIES,
    INTERESTS,
    JOINED_FACTS,
    JOURNEYS,
    PAYER_JOURNEYS,
    PAYMENTS,
    PIXEL_HITS,
    STRIPE_ACCOUNTS,
    STRIPE_PAYMENTS,
    VISITS,
    WAITING_MONEY,
)
from trackrev_stream.domain.attribution.attribution_settings import SettingsTimeline
from trackrev_stream.domain.attribution.decision import Decision
from trackrev_stream.domain.journeys.journey import Visit
from trackrev_stream.domain.journeys.touch import Hit
from trackrev_stream.domain.ledger.fx import Rate, Rates
from trackrev_stream.domain.ledger.lines import Line
from trackrev_stream.domain.ledger.usd import in_usd
from trackrev_stream.domain.payments.joining import ties_between
from trackrev_stream.domain.payments.payment import PaymentFact, WaitingFact
from trackrev_stream.domain.payments.subscription import AccountFact
from trackrev_stream.domain.values.days import day_of

AGENTS: dict[str, tuple[Step, tuple[str, ...]]] = {
    "stitch": (stitch, (PIXEL_HITS.name, BINDS.name)),
    "gather": (gather, (JOURNEYS.name, INTERESTS.name)),
    "bill": (bill, (STRIPE_PAYMENTS.name, CHARGE_TIES.name, JOINED_FACTS.name)),
    "attribute": (attribute, (PAYMENTS.name, STRIPE_ACCOUNTS.name, PAYER_JOURNEYS.name)),
}
Fact = Hit | PaymentFact | AccountFact


def converted(charge: AttributedCharge, rates: Rates) -> list[Line]:
    """The lines of a charge in US dollars, as far as its rates are known."""

    def rate_of(currency: str) -> Rate | None:
        found = rates.rate(currency, day_of(charge.state.created_at))
        return found if isinstance(found, Rate) else None

    return in_usd(charge.lines, rate_of)


@dataclass
class Simulation:
    """Topics, rows, and what a writer that follows the versions would have standing."""

    rules: SettingsTimeline = field(default_factory=SettingsTimeline)
    topics: dict[str, list[tuple[bytes, bytes]]] = field(default_factory=lambda: defaultdict(list))
    tables: dict[str, dict[bytes, bytes]] = field(default_factory=lambda: defaultdict(dict))
    done: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    posted: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    charges: dict[str, AttributedCharge] = field(default_factory=dict)
    visits: dict[str, Visit] = field(default_factory=dict)
    waiting: dict[str, WaitingMoney] = field(default_factory=dict)
    tied: set[tuple[str, str]] = field(default_factory=set)
    taken: list[tuple[str, str]] = field(default_factory=list)
    on_posted: Callable[[AttributedCharge], None] = lambda _: None

    def feed(self, *facts: Fact) -> None:
        """Put hits and facts into their topics, one record each."""
        for fact in facts:
            if isinstance(fact, Hit):
                self.topics[PIXEL_HITS.name].append((b"", encode_frame([encode(fact)])))
            elif isinstance(fact, AccountFact):
                self.topics[STRIPE_ACCOUNTS.name].append((fact.payer.encode(), encode(fact)))
            else:
                self.topics[STRIPE_PAYMENTS.name].append((fact.key.encode(), encode(fact)))

    def pending(self) -> list[tuple[str, str]]:
        """The inputs that have records waiting, as (agent, topic)."""
        waiting = [
            (agent, topic)
            for agent, (_, topics) in AGENTS.items()
            for topic in topics
            if self.done[agent, topic] < len(self.topics[topic])
        ]
        return waiting + [
            ("post", topic)
            for topic in (ATTRIBUTED_CHARGES.name, VISITS.name, WAITING_MONEY.name)
            if self.posted[topic] < len(self.topics[topic])
        ]

    def step(self, agent: str, topic: str, *, crash_after: int | None = None) -> None:
        """Let an agent apply its next record of a topic.

        With ``crash_after`` the process dies when that many of its row writes and sends are done; the record
        counts as not done.
        """
        self.taken.append((agent, topic))
        if agent == "post":
            self._post(topic)
            return
        logic, _ = AGENTS[agent]
        offset = self.done[agent, topic]
        key, value = self.topics[topic][offset]
        record = InputRecord(topic, 0, offset, key, value)
        rows = Rows(self.tables[agent].get, record.name, self.rules)
        outcome = logic(rows, record)
        effects: list[Callable[[], None]] = [
            *(self._put(agent, name.encode(), raw) for name, raw in rows.puts.items()),
            *(self._sent(send.topic.name, send.key.encode(), send.value) for send in outcome.sends),
        ]
        for effect in effects[:crash_after]:
            effect()
        if crash_after is None:
            self.done[agent, topic] += 1

    def rewind(self, rng: random.Random) -> None:
        """A restart: every agent goes back to its last commit, a few records back or none at all."""
        furthest = rng.choice(
            (1, 1, 4)
        )  # what is read again may mend what a crash left: so mostly nothing is
        for place in list(self.done):
            self.done[place] = max(0, self.done[place] - rng.randrange(furthest))

    def haunt(self, rng: random.Random) -> list[Callable[[], None]]:
        """What a zombie sends: an owner that lost its partitions and goes on from the rows it had.

        It meets the records that wait in an order of its own. Its rows are its own too; what it sends is
        returned, to be delivered late. (That its changelog stays silent is the lease's doing, on Kafka.)
        """
        ghost = Simulation(self.rules, topics=self.topics)
        ghost.tables = defaultdict(dict, {agent: dict(rows) for agent, rows in self.tables.items()})
        ghost.done = defaultdict(int, self.done)
        late: list[Callable[[], None]] = []
        for _ in range(rng.randrange(1, 8)):
            if not (waiting := [place for place in ghost.pending() if place[0] != "post"]):
                break
            late += ghost.step_aside(*rng.choice(waiting))
        return late

    def step_aside(self, agent: str, topic: str) -> list[Callable[[], None]]:
        """Let an agent apply its next record of a topic, and keep back what it sends."""
        logic, _ = AGENTS[agent]
        key, value = self.topics[topic][self.done[agent, topic]]
        record = InputRecord(topic, 0, self.done[agent, topic], key, value)
        rows = Rows(self.tables[agent].get, record.name, self.rules)
        outcome = logic(rows, record)
        self.tables[agent] |= {name.encode(): raw for name, raw in rows.puts.items()}
        self.done[agent, topic] += 1
        return [self._sent(send.topic.name, send.key.encode(), send.value) for send in outcome.sends]

    def run(self, rng: random.Random | None = None, *, crashes: int = 0, zombies: int = 0) -> "Simulation":
        """Step until nothing waits, in a fixed order or in one that ``rng`` draws.

        So many times the process crashes; so many zombies deliver late, each in its own order.
        """
        late: list[list[Callable[[], None]]] = []
        while (waiting := self.pending()) or any(late):
            if rng and zombies and waiting and rng.random() < 0.3:
                late.append(self.haunt(rng))
                zombies -= 1
            late = [sends for sends in late if sends]
            if rng and late and (not waiting or rng.random() < 0.2):
                rng.choice(late).pop(0)()
                continue
            if not waiting:
                continue
            agent, topic = rng.choice(waiting) if rng else waiting[0]
            if rng and crashes and rng.random() < 0.5:
                self.step(agent, topic, crash_after=rng.randrange(5))
                self.rewind(rng)
                crashes -= 1
            else:
                self.step(agent, topic)
        return self

    def standing(self, rates: Rates | None = None) -> dict[str, dict[str, Line]]:
        """The standing lines by charge; with ``rates`` as the writer converts them."""
        return {
            key: {line.line_id: line for line in (converted(charge, rates) if rates else charge.lines)}
            for key, charge in sorted(self.charges.items())
        }

    def decisions(self) -> dict[str, Decision]:
        """The decisions by charge."""
        return {key: charge.decision for key, charge in sorted(self.charges.items())}

    def waits(self) -> dict[str, tuple[WaitingFact, ...]]:
        """What waits for its charge, by the payment that it waits under."""
        return {key: told.facts for key, told in sorted(self.waiting.items()) if told.facts}

    def _put(self, agent: str, key: bytes, value: bytes) -> Callable[[], None]:
        return lambda: self.tables[agent].__setitem__(key, value)

    def _sent(self, topic: str, key: bytes, value: bytes) -> Callable[[], None]:
        return lambda: self.topics[topic].append((key, value))

    def _post(self, topic: str) -> None:
        _, value = self.topics[topic][self.posted[topic]]
        self.posted[topic] += 1
        if topic == VISITS.name:
            for visit in decode_frame(Visit, value):
                assert isinstance(visit, Visit)
                self._count(visit)
            return
        if topic == WAITING_MONEY.name:
            told = decode(WaitingMoney, value)
            before = self.waiting.get(told.payment)
            self.waiting[told.payment] = told if before is None or told.version > before.version else before
            self._tie()
            return
        charge = decode(AttributedCharge, value)
        known = self.charges.get(charge.key)
        if known is None or (charge.payment_version, charge.version) > (known.payment_version, known.version):
            self.charges[charge.key] = charge
            self.on_posted(charge)
            self._tie()

    def _tie(self) -> None:
        """Tell what waits whose its charge is, once that is in the ledger."""
        waits = self.waits()
        payments = {key: charge.payment for key, charge in self.charges.items()} if waits else {}
        for tie in ties_between(waits.items(), payments):
            if tie not in self.tied:
                self.tied.add(tie)
                key, value = tie[0].encode(), encode(ChargeTie(*tie))
                self.topics[CHARGE_TIES.name].append((key, value))

    def _count(self, visit: Visit) -> None:
        key = "|".join((visit.workspace, str(visit.day), visit.channel, visit.link, visit.visitor))
        seen = self.visits.get(key)
        if seen is None or visit.version > seen.version:
            self.visits[key] = visit
