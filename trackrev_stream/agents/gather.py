"""gather: journeys of all visitors under one join key meet the payers who asked for it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from trackrev_stream.agents.step import InputRecord, Rows, StepResult, is_repeat
from trackrev_stream.contracts.codec import decode
from trackrev_stream.contracts.records import Interest, PayerJourneys
from trackrev_stream.contracts.topics import INTERESTS, PAYER_JOURNEYS
from trackrev_stream.domain.journeys.journey import Journey
from trackrev_stream.domain.values.ids import SEPARATOR, payer_of

MOST_VISITORS = 50


@dataclass(slots=True)
class JoinRow:
    """Who is under a join key. ``version`` counts the records applied to it."""

    join: str
    version: int = 0
    journeys: dict[str, Journey] = field(default_factory=dict)
    payers: dict[str, int] = field(default_factory=dict)
    positions: dict[str, int] = field(default_factory=dict)


def gather(rows: Rows, record: InputRecord) -> StepResult:
    """Apply a journey or an interest."""
    if record.topic == INTERESTS.name:
        return _on_interest(rows, record, decode(Interest, record.value))
    return _on_journey(rows, record, decode(Journey, record.value))


def _on_journey(rows: Rows, record: InputRecord, journey: Journey) -> StepResult:
    row = rows.get(JoinRow, journey.join) or JoinRow(journey.join)
    repeat = is_repeat(row.positions, record)
    known = row.journeys.get(journey.visitor)
    if not repeat:
        row.version += 1
        if known is None or journey.version > known.version:
            row.journeys[journey.visitor] = journey
            row.journeys = bounded(row.journeys)
    rows.put(row.join, row)
    changed = row.journeys.get(journey.visitor) != known
    # A payer need not ask for what is under its own join key: Stripe named it there.
    own = payer_of(row.join)
    return _emit(row, [*row.payers, *([own] if own else [])] if repeat or changed else ())


def _on_interest(rows: Rows, record: InputRecord, interest: Interest) -> StepResult:
    row = rows.get(JoinRow, interest.join) or JoinRow(interest.join)
    if not is_repeat(row.positions, record):
        row.version += 1
        row.payers[interest.payer] = max(interest.version, row.payers.get(interest.payer, 0))
    rows.put(row.join, row)
    return _emit(row, [interest.payer])


def _emit(row: JoinRow, payers: Iterable[str]) -> StepResult:
    result = StepResult()
    for payer in payers:
        told = PayerJourneys(payer, row.join, row.version, tuple(row.journeys.values()))
        result.send(PAYER_JOURNEYS, told, route=payer, key=SEPARATOR.join((payer, row.join)))
    return result


def bounded(journeys: dict[str, Journey]) -> dict[str, Journey]:
    """Those of the visitors that count, by visitor."""
    # Whom Stripe names or a backend signed for stays before any number of unsigned ones; of equals those
    # known first stay: what they earned must not move because of later devices.
    first = sorted(journeys.values(), key=_rank)[:MOST_VISITORS]
    return {journey.visitor: journey for journey in sorted(first, key=lambda journey: journey.visitor)}


def _rank(journey: Journey) -> tuple[bool, tuple[int, int, str], str]:
    best = min((identity.rank for identity in journey.identities), default=(0, 0, ""))
    return not journey.identities, best, journey.visitor
