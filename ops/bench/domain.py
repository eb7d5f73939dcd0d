"""`domain`: the agents' own steps on one core, with nothing around them."""

import itertools
import time
from collections import defaultdict
from functools import partial
from pathlib import Path

import orjson

from ops.bench.harness.figures import Result
from ops.synthetic_traffic import Crowd
from trackrev_stream.agents.step import InputRecord, Rows
from trackrev_stream.agents.worker import AGENTS, AgentSpec
from trackrev_stream.contracts.codec import encode, encode_frame
from trackrev_stream.contracts.topics import PIXEL_HITS, STRIPE_PAYMENTS
from trackrev_stream.domain.attribution.attribution_settings import FIRST
from trackrev_stream.domain.attribution.inheritance import Placed, decide_own, settle_all
from trackrev_stream.domain.journeys.journey import Journey, VisitorRow, absorb_hits, journeys_of
from trackrev_stream.domain.journeys.touch import Hit, HitKind, touch_of
from trackrev_stream.domain.ledger.lines import lines_of
from trackrev_stream.domain.payments import billing
from trackrev_stream.domain.payments.payment import PaymentFact
from trackrev_stream.domain.payments.subscription import SubscriptionMatch
from trackrev_stream.domain.values.ids import email_join

_HITS_EACH = 10
_LANDINGS = 0.2
_HITS_A_CHARGE = 250
_AT_ONCE = 100
"""So many visitors take part at a time: their hits are mingled, then their payments come."""


class Bench:
    """Agents, their rows and topics in memory; counts the CPU time of the steps alone."""

    def __init__(self) -> None:
        self.spent_s: dict[str, float] = defaultdict(float)
        self.records: dict[str, int] = defaultdict(int)
        self.charges = 0
        self._rows: dict[str, dict[bytes, bytes]] = defaultdict(dict)
        self._topics: dict[str, list[tuple[bytes, bytes]]] = defaultdict(list)
        self._offsets: dict[str, int] = defaultdict(int)

    def feed(self, topic: str, key: bytes, value: bytes) -> None:
        """Add a record."""
        self._topics[topic].append((key, value))

    def drain(self) -> None:
        """Step all agents until nothing waits for any."""
        while any(self._topics[topic.name] for spec in AGENTS for topic in spec.inputs):
            for spec in AGENTS:
                for topic in spec.inputs:
                    self._step(spec, topic.name)
        # Nobody reads these here: what leaves the agents is for the writer.
        self.charges += len(self._topics.pop("attributed-charges", ()))
        self._topics.pop("visits", None)

    def _step(self, spec: AgentSpec, topic: str) -> None:
        waiting, self._topics[topic] = self._topics[topic], []
        table = self._rows[spec.name]
        sent: list[tuple[str, bytes, bytes]] = []
        began_s = time.process_time()
        for key, value in waiting:
            record = InputRecord(topic, 0, self._offsets[topic], key, value)
            rows = Rows(table.get, record.name)
            outcome = spec.step(rows, record)
            self._offsets[topic] += 1
            for name, row in rows.puts.items():
                table[name.encode()] = row
            sent += [(send.topic.name, send.key.encode(), send.value) for send in outcome.sends]
        self.spent_s[spec.name] += time.process_time() - began_s
        self.records[spec.name] += len(waiting)
        for name, key, value in sent:
            self.feed(name, key, value)


async def run(_place: Path, seconds: float) -> Result:
    """Step for so many seconds of CPU time."""
    result = Result("domain", f"the agents' steps alone, {_HITS_EACH} hits and a charge a visitor, one core")
    for frame in (1, 50):
        bench, events = Bench(), 0
        numbers = itertools.count()
        while sum(bench.spent_s.values()) < seconds / 2:
            number = next(numbers)
            crowd = Crowd(number, _AT_ONCE, _HITS_EACH, _AT_ONCE, name=str(number), landings=_LANDINGS)
            events += _feed(bench, crowd, frame)
            bench.drain()
        total_s = sum(bench.spent_s.values())
        note = f"hits and charges, {frame} hit{'s' * (frame > 1)} a frame"
        result.add(f"events, frames of {frame}", events / total_s, "/s", note)
        for name, spent_s in bench.spent_s.items():
            result.add(
                f"  {name}", bench.records[name] / spent_s, "records/s", f"{spent_s / total_s:.0%} of it"
            )
        cost = _json_a_second() * total_s / events
        result.add("  an event / a hit through JSON", cost, "times", "orjson, read and written")
    alone = _alone(seconds / 4, _AT_ONCE)
    result.add("the domain alone", alone, "/s", "the same events: no rows, no JSON, no topics; aim 50,000")
    traffic = _alone(seconds / 4, _AT_ONCE * _HITS_EACH // _HITS_A_CHARGE)
    note = f"{_HITS_A_CHARGE} hits a charge, as in `cluster` with 5,000 hits and 20 charges a second"
    result.add("  under the cluster's traffic", traffic, "/s", note)
    return result


def _alone(seconds: float, charges: int) -> float:
    """Events a second through the domain's functions, on one core: from hits and facts to lines.

    Of _AT_ONCE visitors at a time there come so many charges.
    """
    spent_s, events = 0.0, 0
    for number in itertools.count():
        crowd = Crowd(number, _AT_ONCE, _HITS_EACH, charges, name=str(number), landings=_LANDINGS)
        hits = crowd.hits()
        payments = [fact for fact in crowd.payments() if isinstance(fact, PaymentFact)]
        began_s = time.process_time()
        _through_domain(hits, payments)
        spent_s += time.process_time() - began_s
        events += len(hits) + len(payments)
        if spent_s >= seconds:
            break
    return events / spent_s


def _through_domain(hits: list[Hit], payments: list[PaymentFact]) -> None:
    visitors: dict[str, VisitorRow] = {}
    for hit in hits:
        if touch_of(hit) is not None or hit.kind is HitKind.IDENTIFY:
            absorb_hits(visitors.setdefault(hit.visitor, VisitorRow(hit.workspace, hit.visitor)), [hit])
    journeys: dict[str, list[Journey]] = defaultdict(list)
    for row in visitors.values():
        for journey in journeys_of(row):
            journeys[journey.join].append(journey)
    rows: dict[str, billing.PaymentRow] = {}
    for fact in payments:
        for state in billing.absorb_payment(rows.setdefault(fact.key, billing.PaymentRow(fact.key)), fact):
            known = [
                journey
                for charge in state.charges
                for journey in journeys[email_join(fact.workspace, charge.email_key)]
            ]
            placed = [Placed(charge, SubscriptionMatch(), FIRST) for charge in state.charges]
            settled = settle_all(placed, partial(decide_own, journeys=known))
            for charge in state.charges:
                lines_of(charge.charge, charge, settled.decisions[charge.charge])


def _feed(bench: Bench, crowd: Crowd, frame: int) -> int:
    hits, payments = [encode(hit) for hit in crowd.hits()], crowd.payments()
    for at in range(0, len(hits), frame):
        bench.feed(PIXEL_HITS.name, b"", encode_frame(hits[at : at + frame]))
    for fact in payments:
        bench.feed(STRIPE_PAYMENTS.name, b"", encode(fact))
    return len(hits) + len(payments)


def _json_a_second() -> float:
    """How many hits a second the fastest JSON library reads and writes here: a measure of the machine."""
    raw, count = encode(Crowd(1, 1, 1, charges=0).hits()[0]), 20_000
    began_s = time.process_time()
    for _ in range(count):
        orjson.dumps(orjson.loads(raw))
    return count / (time.process_time() - began_s)
