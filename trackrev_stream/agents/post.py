"""post: attributed charges and visits are handed to the writer, the only place where entries are made."""

from trackrev_stream.agents.step import Outcome, Record, Reject
from trackrev_stream.contracts.codec import decode, decode_frame
from trackrev_stream.contracts.records import AttributedCharge
from trackrev_stream.contracts.topics import VISITS
from trackrev_stream.domain.journeys.journey import Visit


def read(record: Record) -> tuple[AttributedCharge | tuple[Visit, ...], Outcome]:
    """What is to be posted; of a frame of visits, those that can be. Raises Malformed for the whole."""
    if record.topic != VISITS.name:
        return decode(AttributedCharge, record.value), Outcome()
    parts = decode_frame(Visit, record.value)
    rejects = [Reject(index, *part) for index, part in enumerate(parts) if not isinstance(part, Visit)]
    return tuple(part for part in parts if isinstance(part, Visit)), Outcome(
        rejects=rejects, parts=len(parts)
    )
