"""post: attributed charges and visits are handed to the writer, the only place where entries are made."""

from trackrev_stream.agents.step import Record
from trackrev_stream.contracts.codec import decode
from trackrev_stream.contracts.records import AttributedCharge
from trackrev_stream.contracts.topics import VISITS
from trackrev_stream.domain.journey import Visit


def read(record: Record) -> AttributedCharge | Visit:
    """The record to be posted. Raises Malformed."""
    if record.topic == VISITS.name:
        return decode(Visit, record.value)
    return decode(AttributedCharge, record.value)
