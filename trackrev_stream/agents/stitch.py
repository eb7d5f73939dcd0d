"""stitch: hits and binds become touches and identities of visitors, told as journeys to join keys; visits."""

from collections.abc import Iterable

from trackrev_stream.agents.step import InputRecord, Reject, Rows, Send, StepResult, is_repeat
from trackrev_stream.contracts.codec import decode, decode_frame, encode, encode_frame
from trackrev_stream.contracts.topics import BINDS, JOURNEYS, VISITS
from trackrev_stream.domain.journeys.identity import VisitorClaim
from trackrev_stream.domain.journeys.journey import (
    Journey,
    Visit,
    VisitorRow,
    absorb_claim,
    absorb_hits,
    journeys_of,
    visits_of,
)
from trackrev_stream.domain.journeys.touch import Hit, HitKind, touch_of
from trackrev_stream.domain.values.ids import SEPARATOR, visitor_key


def stitch(rows: Rows, record: InputRecord) -> StepResult:
    """Apply a frame of hits, or the name that Stripe gives to a visitor."""
    if record.topic == BINDS.name:
        return _on_bind(rows, record, decode(VisitorClaim, record.value))
    return _on_hits(rows, record)


def _on_hits(rows: Rows, record: InputRecord) -> StepResult:
    """Each visitor in a frame is read and written once; a plain page view changes nothing."""
    hits = decode_frame(Hit, record.value)
    result = StepResult(parts=len(hits))
    by_visitor: dict[str, list[Hit]] = {}
    seen: list[Visit] = []
    for index, hit in enumerate(hits):
        if not isinstance(hit, Hit):
            result.rejects.append(Reject(index, *hit))
        elif touch_of(hit) is not None or hit.kind is HitKind.IDENTIFY:
            by_visitor.setdefault(visitor_key(hit.workspace, hit.visitor), []).append(hit)
    for key, theirs in by_visitor.items():
        row = rows.get(VisitorRow, key) or VisitorRow(theirs[0].workspace, theirs[0].visitor)
        if is_repeat(row.positions, record):
            journeys, visits = journeys_of(row), visits_of(row, theirs)
        else:
            journeys, visits = absorb_hits(row, theirs)
        rows.put(key, row)
        _emit(result, journeys)
        seen += visits
    if seen:
        # The visitors of a frame share a partition, so one record takes the visits of all.
        first = visitor_key(seen[0].workspace, seen[0].visitor)
        result.sends.append(Send(VISITS, first, first, encode_frame(map(encode, seen))))
    return result


def _on_bind(rows: Rows, record: InputRecord, new: VisitorClaim) -> StepResult:
    result = StepResult()
    key = visitor_key(new.workspace, new.visitor)
    row = rows.get(VisitorRow, key) or VisitorRow(new.workspace, new.visitor)
    journeys = journeys_of(row, new.join) if is_repeat(row.positions, record) else absorb_claim(row, new)
    rows.put(key, row)
    _emit(result, journeys)
    return result


def _emit(result: StepResult, journeys: Iterable[Journey]) -> None:
    for journey in journeys:
        key = SEPARATOR.join((journey.join, journey.visitor))
        result.send(JOURNEYS, journey, route=journey.join, key=key)
