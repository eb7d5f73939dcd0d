"""Dead letters in SQL: kept until a person has decided on them, while the program runs or not."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, delete, func, select, tuple_, update

from trackrev_stream.contracts.choices import Status
from trackrev_stream.contracts.dead_letters import DeadLetter
from trackrev_stream.contracts.topics import PIXEL_HITS
from trackrev_stream.domain.values.days import DAY_MS
from trackrev_stream.store.database.schema import dead_letters, upsert

SETTLED_DAYS = 90
"""How long a letter stays after somebody has decided on it; one that is open stays until then."""
MOST_OF_EDGE = 10_000
"""So many hits that the edge turned away are kept: anybody can send more, and none can be replayed."""

_OLDEST_FIRST = (dead_letters.c.failed_at, dead_letters.c.offset, dead_letters.c.index, dead_letters.c.id)
_LETTER_FIELDS = tuple(item.name for item in fields(DeadLetter))

RecordPosition = tuple[str, int, int]  # topic, partition, offset


@dataclass(frozen=True, slots=True)
class StoredLetter:
    """A letter as it was at its last failure.

    ``attempts`` counts its failures, each place in a topic once; ``decided_at`` is when somebody last
    replayed or dropped it, in milliseconds since the epoch.
    """

    letter: DeadLetter
    first_failed_at: int
    attempts: int
    status: Status
    decided_at: int | None


def store_letters(connection: Connection, letters: Sequence[DeadLetter], now: int) -> None:
    """Keep letters, which come in the order of the topic `dead-letters`, each of its records once."""
    if not letters:
        return
    kept = {each.letter.id: each for each in read_letters(connection, {letter.id for letter in letters})}
    for letter in letters:
        kept[letter.id] = _failed(kept.get(letter.id), letter)
    upsert(connection, dead_letters, [_row(each) for each in kept.values()])
    _forget(connection, now)


def _failed(known: StoredLetter | None, letter: DeadLetter) -> StoredLetter:
    if known is None:
        return StoredLetter(letter, letter.failed_at, 1, Status.OPEN, None)
    if letter.offset >= 0 and _place(letter) <= _place(known.letter):
        # Not a failure anew: after a restart an agent reads some records again, and fails again.
        return known
    return StoredLetter(letter, known.first_failed_at, known.attempts + 1, Status.OPEN, known.decided_at)


def _place(letter: DeadLetter) -> tuple[int, int]:
    # A letter's id holds the partition, so its places follow one another.
    return letter.offset, letter.index


def _forget(connection: Connection, now: int) -> None:
    long_ago = dead_letters.c.decided_at < now - SETTLED_DAYS * DAY_MS
    settled = (dead_letters.c.status != Status.OPEN) & long_ago
    connection.execute(delete(dead_letters).where(settled))
    of_edge = (dead_letters.c.topic == PIXEL_HITS.name) & (dead_letters.c.offset < 0)
    newest_first = (dead_letters.c.failed_at.desc(), dead_letters.c.id)
    surplus = select(dead_letters.c.id).where(of_edge).order_by(*newest_first).offset(MOST_OF_EDGE)
    connection.execute(delete(dead_letters).where(dead_letters.c.id.in_(surplus)))


def list_letters(
    connection: Connection, *, processor: str = "", status: Status | None = None, limit: int | None = None
) -> list[StoredLetter]:
    """The letters that failed last, newest first."""
    order = (dead_letters.c.failed_at.desc(), dead_letters.c.id)
    asked = select(dead_letters).where(*_wanted(processor, status)).order_by(*order).limit(limit)
    return _read(connection, asked)


def count_letters(connection: Connection, *, processor: str = "", status: Status | None = None) -> int:
    """How many letters there are of this kind."""
    asked = select(func.count()).select_from(dead_letters).where(*_wanted(processor, status))
    return connection.execute(asked).scalar_one()


def letter_ids(connection: Connection, *, processor: str = "", status: Status | None = None) -> list[str]:
    """The ids of all letters of this kind, those that failed first before the others."""
    asked = select(dead_letters.c.id).where(*_wanted(processor, status)).order_by(*_OLDEST_FIRST)
    return list(connection.execute(asked).scalars())


def find_letters(connection: Connection, beginning: str) -> list[StoredLetter]:
    """The letters whose ids begin with this, two at most: enough to see that more than one does."""
    begins = dead_letters.c.id.startswith(beginning, autoescape=True)
    return _read(connection, select(dead_letters).where(begins).limit(2))


def read_letters(connection: Connection, ids: Iterable[str]) -> list[StoredLetter]:
    """The letters with these ids, some hundred at most, those that failed first before the others."""
    return _read(connection, select(dead_letters).where(dead_letters.c.id.in_(ids)).order_by(*_OLDEST_FIRST))


def rejected_places(connection: Connection, places: Sequence[RecordPosition]) -> set[RecordPosition]:
    """Those of these places about which there is a letter."""
    place = (dead_letters.c.topic, dead_letters.c.partition, dead_letters.c.offset)
    found: set[RecordPosition] = set()
    for start in range(0, len(places), 500):
        asked = select(*place).where(tuple_(*place).in_(places[start : start + 500]))
        found.update((topic, number, offset) for topic, number, offset in connection.execute(asked))
    return found


def drop_letters(connection: Connection, ids: Iterable[str], now: int) -> None:
    """Nothing more shall become of these letters; a replay is the way back."""
    for each in ids:
        changed = update(dead_letters).where(dead_letters.c.id == each)
        connection.execute(changed.values(status=Status.DROPPED, decided_at=now))


def mark_replayed(connection: Connection, replayed: Iterable[StoredLetter], now: int) -> None:
    """These letters are in their topics again.

    One that has failed again meanwhile stays open: its agent may have been quicker than the one who tells.
    """
    for each in replayed:
        same = (dead_letters.c.id == each.letter.id) & (dead_letters.c.attempts == each.attempts)
        connection.execute(update(dead_letters).where(same).values(status=Status.REPLAYED, decided_at=now))


def _wanted(processor: str, status: Status | None) -> list[ColumnElement[bool]]:
    wanted = [dead_letters.c.processor == processor] if processor else []
    return [*wanted, dead_letters.c.status == status] if status else wanted


def _read(connection: Connection, asked: Select[Any]) -> list[StoredLetter]:
    # As mappings: a row is a tuple, whose `index` is a method.
    return [_kept(row) for row in connection.execute(asked).mappings()]


def _kept(row: RowMapping) -> StoredLetter:
    letter = DeadLetter(**{name: row[name] for name in _LETTER_FIELDS})
    return StoredLetter(
        letter, row["first_failed_at"], row["attempts"], Status(row["status"]), row["decided_at"]
    )


def _row(kept: StoredLetter) -> dict[str, Any]:
    beside = {item.name: getattr(kept, item.name) for item in fields(StoredLetter) if item.name != "letter"}
    return asdict(kept.letter) | {"id": kept.letter.id} | beside
