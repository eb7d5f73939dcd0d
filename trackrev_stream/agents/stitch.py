"""stitch: hits and binds become touches and identities of visitors, told as journeys to join keys; visits."""

from collections.abc import Iterable

from trackrev_stream.agents.step import Outcome, Record, Reject, Rows, Send, is_repeat
from trackrev_stream.contracts.codec import decode, decode_frame, encode, encode_frame
from trackrev_stream.contracts.topics import BINDS, JOURNEYS, VISITS
from trackrev_stream.domain.journeys.identity import Bind
from trackrev_stream.domain.journeys.journey import (
    Journey,
    Visit,
    VisitorRow,
    absorb,
    bind,
    journeys_of,
    visits_of,
)
from trackrev_stream.domain.journeys.touch import Hit, HitKind, touch_of
from trackrev_stream.domain.values.ids import SEPARATOR, visitor_key


def stitch(rows: Rows, record: Record) -> Outcome:
    """Apply a frame of hits, or the name that Stripe gives to a visitor."""
    if record.topic == BINDS.name:
        return _hear_bind(rows, record, decode(Bind, record.value))
    return _hear_hits(rows, record)


def _hear_hits(rows: Rows, record: Record) -> Outcome:
    """Each visitor in a frame is read and written once; a plain page view changes nothing."""
    hits = decode_frame(Hit, record.value)
    outcome = Outcome(parts=len(hits))
    by_visitor: dict[str, list[Hit]] = {}
    seen: list[Visit] = []
    for index, hit in enumerate(hits):
        if not isinstance(hit, Hit):
            outcome.rejects.append(Reject(index, *hit))
        elif touch_of(hit) is not None or hit.kind is HitKind.IDENTIFY:
            by_visitor.setdefault(visitor_key(hit.workspace, hit.visitor), []).append(hit)
    for key, theirs in by_visitor.items():
        row = rows.get(VisitorRow, key) or VisitorRow(theirs[0].workspace, theirs[0].visitor)
        if is_repeat(row.positions, record):
            journeys, visits = journeys_of(row), visits_of(row, theirs)
        else:
            journeys, visits = absorb(row, theirs)
        rows.put(key, row)
        _tell(outcome, journeys)
        seen += visits
    if seen:
        # The visitors of a frame share a partition, so one record takes the visits of all.
        first = visitor_key(seen[0].workspace, seen[0].visitor)
        outcome.sends.append(Send(VISITS, first, first, encode_frame(map(encode, seen))))
    return outcome


def _hear_bind(rows: Rows, record: Record, new: Bind) -> Outcome:
    outcome = Outcome()
    key = visitor_key(new.workspace, new.visitor)
    row = rows.get(VisitorRow, key) or VisitorRow(new.workspace, new.visitor)
    journeys = journeys_of(row, new.join) if is_repeat(row.positions, record) else bind(row, new)
    rows.put(key, row)
    _tell(outcome, journeys)
    return outcome


def _tell(outcome: Outcome, journeys: Iterable[Journey]) -> None:
    for journey in journeys:
        key = SEPARATOR.join((journey.join, journey.visitor))
        outcome.send(JOURNEYS, journey, route=journey.join, key=key)
