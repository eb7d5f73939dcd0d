"""post: attributed charges, visits and what waits go to the writer, the only place where entries are made."""

from trackrev_stream.agents.step import InputRecord, Reject, StepResult
from trackrev_stream.contracts.codec import decode, decode_frame
from trackrev_stream.contracts.records import AttributedCharge, WaitingMoney
from trackrev_stream.contracts.topics import VISITS, WAITING_MONEY
from trackrev_stream.domain.journeys.journey import Visit


def read_postable(
    record: InputRecord,
) -> tuple[AttributedCharge | WaitingMoney | tuple[Visit, ...], StepResult]:
    """What is to be posted; of a frame of visits, those that can be. Raises Malformed for the whole."""
    if record.topic == WAITING_MONEY.name:
        return decode(WaitingMoney, record.value), StepResult()
    if record.topic != VISITS.name:
        return decode(AttributedCharge, record.value), StepResult()
    parts = decode_frame(Visit, record.value)
    rejects = [Reject(index, *part) for index, part in enumerate(parts) if not isinstance(part, Visit)]
    return tuple(part for part in parts if isinstance(part, Visit)), StepResult(
        rejects=rejects, parts=len(parts)
    )
