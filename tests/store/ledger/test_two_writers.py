"""Several writers on PostgreSQL: one for each partition, and what happens when two have the same."""

import random
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Connection

from ops.postgres import Server
from tests.browser import wait_until
from tests.store.builders import (
    TOPIC,
    WS,
    all_entries,
    at_offsets,
    charge,
    letter,
    run,
    standing_lines,
    touch,
)
from trackrev_stream.contracts.choices import Status
from trackrev_stream.contracts.ports import PositionConflict
from trackrev_stream.contracts.records import AttributedCharge
from trackrev_stream.domain.ledger.lines import net_of
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.errors import InvalidSetting
from trackrev_stream.store.database.sealer import Sealer
from trackrev_stream.store.ledger.post import Posting, post
from trackrev_stream.store.ledger.writer import Writer
from trackrev_stream.store.operations.dead_letters import list_letters, mark_replayed, store_letters
from trackrev_stream.store.reports.charges import Entry, ledger_page
from trackrev_stream.store.workspaces.workspaces import add_api_key, create_workspace

pytestmark = pytest.mark.postgres
NEWS, TUBE = touch(), touch("YouTube", "video")


def clock() -> int:
    return 5_000


class Held(threading.Thread):
    """A transaction that has done its work and commits when it is told to."""

    def __init__(self, store: Store, work: Callable[[Connection], object]) -> None:
        super().__init__(daemon=True)
        self._store, self._work = store, work
        self._done, self._may_end = threading.Event(), threading.Event()
        self.start()
        assert self._done.wait(30)

    def run(self) -> None:
        self._store.write_now(self._hold)

    def commit(self) -> None:
        self._may_end.set()
        self.join(30)

    def _hold(self, connection: Connection) -> None:
        self._work(connection)
        self._done.set()
        assert self._may_end.wait(30)


def someone_waits(server: Server) -> bool:
    return bool(server.do("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"))


def at_the_same_time(
    server: Server,
    first: Store,
    second: Store,
    one: Callable[[Connection], Any],
    other: Callable[[Connection], Any],
) -> Any:
    """What ``other`` returns, or raises, when it begins before ``one`` has committed."""
    found: list[Any] = []

    def try_it() -> None:
        try:
            found.append(second.write_now(other))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
            found.append(error)

    held = Held(first, one)
    trying = threading.Thread(target=try_it, daemon=True)
    trying.start()
    run(wait_until(lambda: someone_waits(server), "the second transaction waits for the first"))
    held.commit()
    trying.join(30)
    return found[0]


@pytest.fixture
def two(postgres_server: Server) -> Iterator[tuple[Server, Store, Store]]:
    url = postgres_server.new_database()
    stores = Store.open(url), Store.open(url)
    yield postgres_server, *stores
    for store in stores:
        store.close()


@pytest.mark.parametrize("begun", [False, True], ids=["at the beginning", "later"])
def test_of_two_writers_on_a_partition_one_stops(two: tuple[Server, Store, Store], *, begun: bool) -> None:
    _, one, _ = two
    known = {(TOPIC, 0): -1}
    if begun:
        known = dict(one.write_now(lambda c: post(c, at_offsets(charge("ch_0")), 1)).positions)
    first = known[TOPIC, 0] + 1
    conflict = at_the_same_time(
        *two,
        lambda c: post(c, at_offsets(charge("ch_1"), first=first), 1, known),
        lambda c: post(c, at_offsets(charge("ch_1"), charge("ch_2"), first=first), 1, known),
    )
    assert isinstance(conflict, PositionConflict)
    assert len(one.read_now(all_entries)) == 1 + begun


def test_a_charge_that_two_writers_change_at_once_keeps_its_worth(two: tuple[Server, Store, Store]) -> None:
    _, one, _ = two
    one.write_now(lambda c: post(c, at_offsets(charge(payer="ch_1")), 1))
    refunded = charge(payer="ch_1", versions=(3, 1), refunds=(("re_1", 900),))
    moved = charge(payer="cus_1", versions=(5, 1), refunds=(("re_2", 100),))
    result = at_the_same_time(
        *two,
        lambda c: post(c, at_offsets(refunded, first=1), 1),
        lambda c: post(c, [Posting(TOPIC, 1, 0, moved)], 1),
    )
    assert getattr(result, "applied", result) == 1
    assert [row.amount_minor for row in one.read_now(all_entries)] == [4_900, -900, 900, -100]
    assert sorted(line[5] for line in one.read_now(standing_lines)) == [-100, 4_900]


def test_commands_that_meet_are_done_one_after_the_other(two: tuple[Server, Store, Store]) -> None:
    sealer = Sealer(Fernet.generate_key())

    def make(connection: Connection) -> object:
        return create_workspace(connection, sealer, domain="a.example", workspace=WS, now=1)

    assert isinstance(at_the_same_time(*two, make, make), InvalidSetting)
    assert isinstance(
        at_the_same_time(*two, lambda c: add_api_key(c, WS, 1), lambda c: add_api_key(c, WS, 1)), str
    )


def test_a_replay_that_is_told_late_hides_no_failure(two: tuple[Server, Store, Store]) -> None:
    _, one, _ = two
    one.write_now(lambda c: store_letters(c, [letter(5)], 1))
    before = one.read_now(list_letters)
    failed_again = at_the_same_time(
        *two, lambda c: store_letters(c, [letter(9)], 2), lambda c: mark_replayed(c, before, 3)
    )
    assert failed_again is None
    (kept,) = one.read_now(list_letters)
    assert (kept.status, kept.attempts) == (Status.OPEN, 2)


def records(partition: int, dice: random.Random) -> list[Posting]:
    """Newer and newer records of the same twenty charges, whose payers live in both partitions."""
    found = []
    for offset in range(400):
        name, version = f"ch_{dice.randrange(20)}", 2 * offset + partition + 1
        touches = dice.choice([(), (NEWS,), (TUBE,), (NEWS, TUBE)])
        record = charge(name, versions=(version, 1), touches=touches, payer=f"cus_{partition}")
        found.append(Posting(TOPIC, partition, offset, record))
    return found


def newest_of(postings: list[Posting]) -> dict[str, AttributedCharge]:
    newest: dict[str, AttributedCharge] = {}
    for posting in postings:
        record = posting.record
        assert isinstance(record, AttributedCharge)
        if record.key not in newest or record.payment_version > newest[record.key].payment_version:
            newest[record.key] = record
    return newest


def write_all(store: Store, postings: list[Posting]) -> None:
    """Post all by a writer of its own, in many transactions."""

    async def story() -> None:
        writer = Writer(store, clock, most_waiting=7)
        writer.start()
        for posting in postings:
            await writer.submit(posting)
        await writer.barrier()
        await writer.stop()

    run(story())


def read_all(store: Store, ended: threading.Event, seen: list[str]) -> None:
    """Page through the ledger as it grows, to its end."""
    after, last = 0, False
    page: list[Entry] = []
    while not last or page:
        last = ended.is_set()
        page = store.read_now(partial(ledger_page, workspace=WS, after=after, limit=100))[0]
        seen.extend(entry.entry_id for entry in page)
        after = page[-1].seq if page else after


def test_writers_side_by_side_keep_one_book_readers_miss_nothing(
    two: tuple[Server, Store, Store],
) -> None:
    _, one, other = two
    dice = random.Random(1)
    streams = [records(0, dice), records(1, dice)]
    seen: list[str] = []
    ended = threading.Event()
    reader = threading.Thread(target=read_all, args=(one, ended, seen))
    writers = [
        threading.Thread(target=write_all, args=pair) for pair in zip((one, other), streams, strict=True)
    ]
    for thread in (*writers, reader):
        thread.start()
    for thread in writers:
        thread.join(100)
    ended.set()
    reader.join(30)
    newest = newest_of([*streams[0], *streams[1]])
    expected = sorted(
        (line.line_id, line.amount_minor) for record in newest.values() for line in record.lines
    )
    assert [(line[1], line[5]) for line in one.read_now(standing_lines)] == expected
    posted = one.read_now(all_entries)
    assert sum(row.amount_minor for row in posted) == sum(net_of(record.state) for record in newest.values())
    assert seen == [row.entry_id for row in posted]
