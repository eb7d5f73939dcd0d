"""How far each partition has been applied, advanced by compare-and-set in the transaction that writes.

The rules, for one partition:

- ``known`` is what this writer last wrote there. It is adopted from the table at the writer's first posting,
  and again after the partition was released (it moved to another worker, and may have come back).
- A posting at or below ``known`` was applied before: at-least-once delivery brings it again, and it is
  skipped. It must then find itself surpassed by what is stored (``post`` checks that): if it does not, it
  is another record at an old offset, the log was created anew under an old database, and that is a conflict.
- Otherwise the position moves from ``known`` to the last offset of the batch, provided that the table still
  holds ``known``. If it does not, a second writer has written: a conflict.

Postings of a partition come in the order of their offsets. Gaps are no conflict: compaction leaves them.
"""

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, bindparam, select, tuple_

from trackrev_stream.contracts.ports import NOTHING_APPLIED, Partition, PositionConflict
from trackrev_stream.store.database.schema import add_new, positions, upsert


def adopt(
    connection: Connection, partitions: Iterable[Partition], known: Mapping[Partition, int]
) -> dict[Partition, int]:
    """The position of each partition: what is ``known``, else what is stored, else NOTHING_APPLIED."""
    wanted = set(partitions)
    missing = sorted(wanted - known.keys())
    found = dict.fromkeys(missing, NOTHING_APPLIED)
    if missing:
        key = tuple_(positions.c.topic, positions.c.partition)
        rows = connection.execute(select(positions).where(key.in_(missing)))
        found |= {(row.topic, row.partition): row.offset for row in rows}
    return found | {partition: known[partition] for partition in wanted & known.keys()}


def settle(
    connection: Connection, ends: Mapping[Partition, int], known: Mapping[Partition, int]
) -> dict[Partition, int]:
    """``known``, when nobody answered whether the last transaction, which ended at ``ends``, was committed.

    Where the table stands at such an end, it was. A second writer is noticed all the same: at the next batch.
    """
    stored = adopt(connection, ends, {})
    return dict(known) | {partition: end for partition, end in ends.items() if stored[partition] == end}


def advance(connection: Connection, before: Mapping[Partition, int], after: Mapping[Partition, int]) -> None:
    """Move positions from ``before`` to ``after``; raises PositionConflict when one is not at ``before``."""
    moved = {partition: offset for partition, offset in after.items() if offset > before[partition]}
    first = {partition: offset for partition, offset in moved.items() if before[partition] == NOTHING_APPLIED}
    for (topic, number), offset in first.items():
        if not add_new(connection, positions, {"topic": topic, "partition": number, "offset": offset}):
            raise _conflict(connection, (topic, number), NOTHING_APPLIED)
    further = {partition: offset for partition, offset in moved.items() if partition not in first}
    if further and _move(connection, before, further) != len(further):
        stored = adopt(connection, further, {})
        # Another writer may have left it where this one meant to: then it cannot be told which.
        lost = next((one for one, offset in further.items() if stored[one] != offset), next(iter(further)))
        raise _conflict(connection, lost, before[lost])


def _conflict(connection: Connection, partition: Partition, expected: int) -> PositionConflict:
    return PositionConflict(
        f"{partition[0]}/{partition[1]} stands at {stored_position(connection, partition)} in the "
        f"database, where this writer left it at {expected}: another writer posts to the same one, "
        "or the database was replaced. Run one writer for each partition, then start this one again"
    )


def stored_positions(connection: Connection) -> dict[Partition, int]:
    """The last offset applied of every partition that anything was applied of."""
    return {(row.topic, row.partition): row.offset for row in connection.execute(select(positions))}


def stored_position(connection: Connection, partition: Partition) -> int:
    """The last offset applied of a partition, or NOTHING_APPLIED."""
    return adopt(connection, [partition], {})[partition]


def set_positions(connection: Connection, wanted: Mapping[Partition, int]) -> None:
    """Let the writing go on behind these offsets: the records of the log were put elsewhere."""
    rows = [{"topic": t, "partition": number, "offset": at} for (t, number), at in wanted.items()]
    upsert(connection, positions, rows)


def _move(connection: Connection, before: Mapping[Partition, int], after: Mapping[Partition, int]) -> int:
    """How many of the positions were at ``before``, and have moved."""
    moves = [
        {"of_topic": topic, "of_partition": number, "expected": before[topic, number], "wanted": offset}
        for (topic, number), offset in after.items()
    ]
    return connection.execute(_MOVE, moves).rowcount


_MOVE = (
    positions.update()
    .where(
        positions.c.topic == bindparam("of_topic"),
        positions.c.partition == bindparam("of_partition"),
        positions.c.offset == bindparam("expected"),
    )
    .values(offset=bindparam("wanted"))
)
