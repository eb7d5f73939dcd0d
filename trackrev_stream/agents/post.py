"""post: attributed charges and visits are handed to the writer, the only place where entries are made."""

from trackrev_stream.agents.step import Record, Reject
from trackrev_stream.contracts.codec import decode, decode_frame
from trackrev_stream.contracts.records import AttributedCharge
from trackrev_stream.contracts.topics import VISITS
from trackrev_stream.domain.journey import Visit


def read(record: Record) -> tuple[AttributedCharge | tuple[Visit, ...], list[Reject]]:
    """What is to be posted, and what of a frame of visits cannot be. Raises Malformed for the whole."""
    if record.topic != VISITS.name:
        return decode(AttributedCharge, record.value), []
    visits: list[Visit] = []
    rejects: list[Reject] = []
    for index, visit in enumerate(decode_frame(Visit, record.value)):
        if isinstance(visit, Visit):
            visits.append(visit)
        else:
            rejects.append(Reject(index, *visit))
    return tuple(visits), rejects
