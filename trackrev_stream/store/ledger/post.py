"""The writer of entries: the only place where states become immutable entries, in one SQL transaction.

What else the stream has to say to the database goes the same way: visits and dead letters.

Redelivery, restarts and records that overtake each other end in the same lines: positions skip what was
applied, versions skip what was surpassed, and the entries are the difference between the lines that stand
and the lines desired. Records are applied one by one in their order, so that the entries do not depend on
how the stream was cut into batches.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from sqlalchemy import Connection, select, tuple_

from trackrev_stream.contracts.dead_letters import DeadLetter
from trackrev_stream.contracts.ports import NOTHING_APPLIED, Partition, PositionConflict
from trackrev_stream.contracts.records import AttributedCharge, WaitingMoney
from trackrev_stream.domain.journeys.journey import Visit
from trackrev_stream.domain.ledger.fx import Rates
from trackrev_stream.domain.values.ids import workspace_of
from trackrev_stream.store.database.schema import upsert, visits
from trackrev_stream.store.database.workspace_schema import deleted_workspaces
from trackrev_stream.store.ledger.book import Book
from trackrev_stream.store.ledger.positions import adopt, advance, settle
from trackrev_stream.store.operations.dead_letters import RecordPosition, rejected_places, store_letters
from trackrev_stream.store.operations.waiting_money import save_waiting

_VISIT_KEY = (visits.c.workspace, visits.c.day, visits.c.channel, visits.c.link, visits.c.visitor)
_VISIT_FIELDS = tuple(item.name for item in fields(Visit))

NO_RATES = Rates({})

VisitKey = tuple[str, int, str, str, str]
Postable = AttributedCharge | tuple[Visit, ...] | DeadLetter | WaitingMoney


@dataclass(frozen=True, slots=True)
class Posting:
    """A record to be posted, and its place in the log; None was rejected, and only its place counts.

    ``rejected`` are the letters about it, or about parts of it.
    """

    topic: str
    partition: int
    offset: int
    record: Postable | None
    rejected: tuple[DeadLetter, ...] = ()

    @property
    def place(self) -> RecordPosition:
        """Its place in the log."""
        return self.topic, self.partition, self.offset

    @property
    def size(self) -> int:
        """How many rows it is about to touch, as far as a batch has to be bounded."""
        return len(self.record) if isinstance(self.record, tuple) else 1


@dataclass(frozen=True, slots=True)
class PostResult:
    """What a transaction did: where its partitions stand now, entries by reason, records by outcome.

    ``received_at`` are the times at which the edge received the facts that changed a payment.
    """

    positions: Mapping[Partition, int]
    entries: Mapping[str, int]
    applied: int
    surpassed: int
    redelivered: int
    received_at: Sequence[int] = ()


def post(
    connection: Connection,
    postings: Sequence[Posting],
    posted_at: int,
    known: Mapping[Partition, int] | None = None,
    *,
    unsure: bool = False,
    rates: Rates = NO_RATES,
) -> PostResult:
    """Post a batch within the transaction of ``connection``; what is raised must roll it back.

    ``known`` are the positions this writer last wrote (see store.positions); a partition that is not in it
    is adopted as it is stored. The postings of a partition come in the order of their offsets. ``unsure``
    says that the same batch was tried before, and that the connection broke: it may have been committed.
    ``rates`` are the exchange rates known now; lines without one are converted later (store.pending).

    Raises PositionConflict when another writer or another log has been here, LedgerBroken when the ledger
    would not add up.
    """
    postings = _without_deleted(connection, postings)
    ends = _ends(postings)
    known = settle(connection, ends, known or {}) if unsure else known or {}
    before = adopt(connection, ends, known)
    after = {partition: max(end, before[partition]) for partition, end in ends.items()}
    advance(connection, before, after)
    again, new = _apart(connection, postings, before)
    fresh = [item.record for item in new if item.record is not None]
    keys = {item.record.key for item in postings if isinstance(item.record, AttributedCharge)}
    book = Book(connection, keys, rates)
    _check_redelivered(connection, again, book)
    surpassed = _apply(book, fresh, posted_at)
    _save_visits(connection, _visits(fresh))
    rejected = [letter for item in new for letter in item.rejected]
    store_letters(connection, rejected + [one for one in fresh if isinstance(one, DeadLetter)], posted_at)
    save_waiting(connection, (one for one in fresh if isinstance(one, WaitingMoney)))
    return PostResult(
        after,
        Counter(entry["reason"] for entry in book.entries),
        len(fresh) - surpassed,
        surpassed,
        len(again),
        book.received_at,
    )


def _apply(book: Book, records: Iterable[Postable], posted_at: int) -> int:
    """Apply the charges among some records; how many were surpassed."""
    surpassed = 0
    for record in records:
        if not isinstance(record, AttributedCharge):
            continue
        if book.surpasses(record):
            surpassed += 1
        else:
            book.apply(record, posted_at)
    book.save(posted_at)
    return surpassed


def _without_deleted(connection: Connection, postings: Sequence[Posting]) -> Sequence[Posting]:
    """The postings without what belongs to workspaces that were deleted: only its place counts."""
    gone = frozenset(connection.execute(select(deleted_workspaces.c.workspace)).scalars())
    return [_kept(item, gone) for item in postings] if gone else postings


def _kept(item: Posting, gone: frozenset[str]) -> Posting:
    match item.record:
        case AttributedCharge(workspace=workspace) if workspace in gone:
            return replace(item, record=None)
        case WaitingMoney(payment=payment) if workspace_of(payment) in gone:
            return replace(item, record=None)
        case tuple(frame) if any(visit.workspace in gone for visit in frame):
            return replace(item, record=tuple(visit for visit in frame if visit.workspace not in gone))
        case _:
            return item


def _ends(postings: Sequence[Posting]) -> dict[Partition, int]:
    """The last offset of each partition."""
    ends: dict[Partition, int] = {}
    for item in postings:
        ends[item.topic, item.partition] = max(
            item.offset, ends.get((item.topic, item.partition), NOTHING_APPLIED)
        )
    return ends


def _apart(
    connection: Connection, postings: Sequence[Posting], before: Mapping[Partition, int]
) -> tuple[list[Posting], list[Posting]]:
    """Those that were applied already, and those that are to be.

    What was rejected in part or whole, and comes again, is to be: a newer program may be able to read it.
    """
    passed = [item.place for item in postings if item.offset <= before[item.topic, item.partition]]
    done = set(passed) - rejected_places(connection, passed)
    return (
        [item for item in postings if item.place in done],
        [item for item in postings if item.place not in done],
    )


def _visits(records: Iterable[Postable | None]) -> list[Visit]:
    return [visit for record in records if isinstance(record, tuple) for visit in record]


def _save_visits(connection: Connection, records: Sequence[Visit]) -> None:
    newest: dict[VisitKey, Visit] = {}
    for record in records:
        known = newest.setdefault(_visit_key(record), record)
        if record.version > known.version:
            newest[_visit_key(record)] = record
    rows: list[dict[str, Any]] = [
        {name: getattr(record, name) for name in _VISIT_FIELDS} for record in newest.values()
    ]
    upsert(connection, visits, rows, newer_by="version")


def _check_redelivered(connection: Connection, again: Sequence[Posting], book: Book) -> None:
    """Raise PositionConflict when a posting at an old offset was never applied."""
    stored = _visit_versions(connection, _visits(item.record for item in again))
    for item in again:
        record = item.record
        if record is None or isinstance(record, DeadLetter | WaitingMoney):
            continue  # a letter may have gone by now; another log shows in the records of the ledger
        if isinstance(record, AttributedCharge):
            applied = book.surpasses(record)
        else:
            applied = all(stored.get(_visit_key(visit), NOTHING_APPLIED) >= visit.version for visit in record)
        if not applied:
            raise PositionConflict(
                f"{item.topic}/{item.partition} brings a new record at offset {item.offset}, which the "
                "database has passed: the log was created anew, or belongs to another database. Start with a "
                "database of its own, or bring back the log that this one was written from"
            )


def _visit_versions(connection: Connection, records: Sequence[Visit]) -> dict[VisitKey, int]:
    keys = list({_visit_key(record) for record in records})
    found: dict[VisitKey, int] = {}
    for start in range(0, len(keys), 500):
        some = keys[start : start + 500]
        rows = connection.execute(select(*_VISIT_KEY, visits.c.version).where(tuple_(*_VISIT_KEY).in_(some)))
        for workspace, day, channel, link, visitor, version in rows:
            found[workspace, day, channel, link, visitor] = version
    return found


def _visit_key(record: Visit) -> VisitKey:
    return record.workspace, record.day, record.channel, record.link, record.visitor
