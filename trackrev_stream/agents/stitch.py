"""stitch: hits become a visitor's touches and identities, told as journeys to each join key, and visits."""

from trackrev_stream.agents.step import Outcome, Record, Reject, Rows, is_repeat
from trackrev_stream.contracts.codec import decode_frame
from trackrev_stream.contracts.topics import JOURNEYS, VISITS
from trackrev_stream.domain.ids import SEPARATOR, visitor_key
from trackrev_stream.domain.journey import VisitorRow, absorb, journeys_of, visits_of
from trackrev_stream.domain.touch import Hit, HitKind, touch_of


def stitch(rows: Rows, record: Record) -> Outcome:
    """Apply a frame: each visitor in it is read and written once; a plain page view changes nothing."""
    hits = decode_frame(record.value)
    outcome = Outcome(parts=len(hits))
    by_visitor: dict[str, list[Hit]] = {}
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
        for journey in journeys:
            outcome.send(
                JOURNEYS, journey, route=journey.join, key=SEPARATOR.join((journey.join, row.visitor))
            )
        for visit in visits:
            slot = (row.workspace, str(visit.day), visit.channel, visit.link, row.visitor)
            outcome.send(VISITS, visit, route=key, key=SEPARATOR.join(slot))
    return outcome
