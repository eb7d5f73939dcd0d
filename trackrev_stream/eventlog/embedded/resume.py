"""Where the writer reads on at start: from what the database holds, wherever the stream believes it was.

What the stream has done is committed in the log, what was applied stands in the database. An older database
that was brought back knows less than was committed: without this, what lies between would never be posted.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass

from trackrev_stream.contracts.ports import NOTHING_APPLIED, LedgerPositions, Partition, PositionConflict
from trackrev_stream.eventlog.embedded.log import Log

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reach:
    """A partition of a log: the oldest offset it has, the one written next, the one the group wants next."""

    start: int
    high: int
    committed: int | None


def resume_at(partition: Partition, stored: int, reach: Reach) -> int | None:
    """The offset to read on from instead of the committed one, where records would be passed over; else None.

    ``stored`` is the last offset applied. What the log has kept no longer is told in a warning. Raises
    PositionConflict when the log ends before it.
    """
    name, wanted = f"{partition[0]}/{partition[1]}", stored + 1
    if wanted > reach.high:
        raise PositionConflict(
            f"the database has applied {name} up to offset {stored}, but the log ends before offset "
            f"{reach.high}: it is older than the database, or was created anew. Bring back the log that "
            "belongs to this database (ops/runbooks/backup.md), or start with another database"
        )
    if reach.committed is None or reach.committed <= wanted:
        return None
    log.warning(
        "%s: the database holds what came before offset %d, the stream was at %d: reading again from there",
        name,
        wanted,
        reach.committed,
    )
    if wanted < reach.start:
        log.warning(
            "%s: offsets %d to %d are in the log no longer: what they brought is missing in the database",
            name,
            wanted,
            reach.start - 1,
        )
    return max(wanted, reach.start)


async def resume(event_log: Log, positions: LedgerPositions, group: str, topics: Iterable[str]) -> None:
    """Before the stream starts: set the commits of ``group`` on the writer's ``topics`` to what was applied.

    Raises PositionConflict when the log ends before it.
    """
    stored = await positions.applied()
    behind: dict[Partition, int] = {}
    for partition in [(name, n) for name in topics for n in range(event_log.topics()[name].partitions)]:
        reach = Reach(
            event_log.start_offset(*partition),
            event_log.high_watermark(*partition),
            event_log.committed(group, *partition),
        )
        offset = resume_at(partition, stored.get(partition, NOTHING_APPLIED), reach)
        if offset is not None:
            behind[partition] = offset
    if behind:
        await event_log.commit(group, behind)
