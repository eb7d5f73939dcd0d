"""`domain`: the agents' own steps on one core, with nothing around them."""

import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import orjson

from ops.bench.figures import Result
from ops.bench.traffic import START_MS, WORKSPACE, email_key, hit_record
from trackrev_stream.agents.step import Record, Rows
from trackrev_stream.agents.worker import AGENTS, AgentSpec
from trackrev_stream.contracts.codec import encode, encode_frame
from trackrev_stream.contracts.topics import PIXEL_HITS, STRIPE_PAYMENTS
from trackrev_stream.domain.payment import FactKind, PaymentFact

_HITS_EACH = 10
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
            record = Record(topic, 0, self._offsets[topic], key, value)
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
        first = 0
        while sum(bench.spent_s.values()) < seconds / 2:
            events += _feed(bench, range(first, first + _AT_ONCE), frame)
            bench.drain()
            first += _AT_ONCE
        total_s = sum(bench.spent_s.values())
        note = f"hits and charges, {frame} hit{'s' * (frame > 1)} a frame"
        result.add(f"events, frames of {frame}", events / total_s, "/s", note)
        for name, spent_s in bench.spent_s.items():
            result.add(
                f"  {name}", bench.records[name] / spent_s, "records/s", f"{spent_s / total_s:.0%} of it"
            )
        cost = _json_a_second() * total_s / events
        result.add("  an event / a hit through JSON", cost, "times", "orjson, read and written")
    return result


def _feed(bench: Bench, visitors: range, frame: int) -> int:
    hits = [
        encode(hit_record(visitor, number, _HITS_EACH))
        for number in range(_HITS_EACH)
        for visitor in visitors
    ]
    for at in range(0, len(hits), frame):
        bench.feed(PIXEL_HITS.name, b"", encode_frame(hits[at : at + frame]))
    for fact in _payments(visitors):
        bench.feed(STRIPE_PAYMENTS.name, fact.key.encode(), encode(fact))
    return len(hits) + len(visitors)


def _payments(visitors: range) -> Iterator[PaymentFact]:
    """A charge for each; one of ten is refunded in part."""
    for visitor in visitors:
        at = START_MS + visitor * 1_000 + _HITS_EACH * 10_000
        charge = PaymentFact(
            kind=FactKind.CHARGE,
            workspace=WORKSPACE,
            account="own",
            livemode=True,
            payment=f"pi_{visitor}",
            charge=f"ch_{visitor}",
            id=f"ch_{visitor}",
            created_at=at,
            observed_at=at,
            received_at=at,
            via="webhook",
            source_id="evt",
            status="succeeded",
            amount_minor=4_900,
            currency="usd",
            captured=True,
            email_key=email_key(visitor),
        )
        yield charge
        if visitor % 10 == 0:
            yield replace(charge, observed_at=at + 60_000, refunded_minor=900)


def _json_a_second() -> float:
    """How many hits a second the fastest JSON library reads and writes here: a measure of the machine."""
    raw, count = encode(hit_record(1, 0, _HITS_EACH)), 20_000
    began_s = time.process_time()
    for _ in range(count):
        orjson.dumps(orjson.loads(raw))
    return count / (time.process_time() - began_s)
