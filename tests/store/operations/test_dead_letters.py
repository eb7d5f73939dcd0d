"""Dead letters in SQL: one row for one failure, however often it is told, until a person decides."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select, update

from tests.store.builders import NOW, TOPIC, all_entries, at_offsets, charge, letter, run, visit
from trackrev_stream.contracts.choices import Status
from trackrev_stream.contracts.dead_letters import DeadLetter
from trackrev_stream.contracts.ports import PositionConflict
from trackrev_stream.contracts.topics import DEAD_LETTERS, PIXEL_HITS, STRIPE_PAYMENTS, VISITS
from trackrev_stream.domain.values.days import DAY_MS
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.schema import dead_letters, visits
from trackrev_stream.store.ledger.positions import stored_position
from trackrev_stream.store.ledger.post import Posting, post
from trackrev_stream.store.ledger.writer import Writer
from trackrev_stream.store.operations.dead_letters import (
    SETTLED_DAYS,
    StoredLetter,
    count_letters,
    drop_letters,
    find_letters,
    letter_ids,
    list_letters,
    mark_replayed,
    read_letters,
    store_letters,
)


def of_edge(raw: bytes, topic: str = PIXEL_HITS.name, at: int = NOW) -> DeadLetter:
    return letter(-1, raw, processor="collect", topic=topic, partition=-1, failed_at=at)


def keep(store: Store, *told: DeadLetter, now: int = NOW) -> None:
    store.write_now(lambda c: store_letters(c, told, now))


def only(store: Store) -> StoredLetter:
    (kept,) = store.read_now(list_letters)
    return kept


def test_a_letter_is_kept_as_it_was_told(store: Store) -> None:
    told = letter(17, b"\xff\x00 what", index=3, message="a \N{SNOWMAN} and 'quotes' --")
    keep(store, told)
    assert only(store) == StoredLetter(told, NOW + 17, 1, Status.OPEN, None)
    assert only(store).letter.raw == b"\xff\x00 what"


def test_the_same_place_told_again_is_no_attempt(store: Store) -> None:
    keep(store, letter(5), letter(5), letter(7, b"other"))
    keep(store, letter(5))
    assert [(kept.letter.offset, kept.attempts) for kept in store.read_now(list_letters)] == [(7, 1), (5, 1)]


def test_the_same_bytes_at_a_later_place_are_an_attempt_of_the_same_letter(store: Store) -> None:
    keep(store, letter(5), letter(5, index=1), letter(6))
    kept = only(store)
    assert kept.attempts == 3
    assert (kept.letter.offset, kept.letter.message) == (6, "not a Journey, at 6")
    assert (kept.first_failed_at, kept.letter.failed_at) == (NOW + 5, NOW + 6)
    keep(store, letter(5), letter(5, index=1), letter(6))  # a restart reads all of it again
    assert only(store) == kept


@pytest.mark.parametrize(
    "more", [{"processor": "bill"}, {"topic": STRIPE_PAYMENTS.name}, {"partition": 1}, {"raw": b"{else"}]
)
def test_what_makes_letters_differ(store: Store, more: dict[str, Any]) -> None:
    keep(store, letter(5), letter(5, **more))
    assert [kept.attempts for kept in store.read_now(list_letters)] == [1, 1]


def decide(store: Store, status: Status) -> None:
    kept = only(store)
    if status is Status.DROPPED:
        store.write_now(partial(drop_letters, ids=[kept.letter.id], now=NOW + 100))
    else:
        store.write_now(partial(mark_replayed, replayed=[kept], now=NOW + 100))


@pytest.mark.parametrize("status", [Status.REPLAYED, Status.DROPPED])
def test_what_was_decided_stays_until_it_fails_anew(store: Store, status: Status) -> None:
    keep(store, letter(5))
    decide(store, status)
    decided = only(store)
    assert (decided.status, decided.decided_at, decided.attempts) == (status, NOW + 100, 1)
    keep(store, letter(5))
    assert only(store) == decided
    keep(store, letter(9))
    assert (only(store).status, only(store).attempts, only(store).decided_at) == (Status.OPEN, 2, NOW + 100)


def test_one_that_fails_again_before_its_replay_is_told_stays_open(store: Store) -> None:
    keep(store, letter(5))
    before = only(store)
    keep(store, letter(9))
    store.write_now(partial(mark_replayed, replayed=[before], now=NOW))
    assert (only(store).status, only(store).attempts) == (Status.OPEN, 2)


def test_each_letter_of_the_edge_counts(store: Store) -> None:
    keep(store, of_edge(b"a"), of_edge(b"a"), of_edge(b"b"))
    keep(store, of_edge(b"a"))
    assert sorted(kept.attempts for kept in store.read_now(list_letters)) == [1, 3]
    assert all("edge" in kept.letter.not_replayable for kept in store.read_now(list_letters))


def test_hits_of_the_edge_are_bounded_and_nothing_else(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trackrev_stream.store.operations.dead_letters.MOST_OF_EDGE", 3)
    events = [of_edge(b"event %d" % n, STRIPE_PAYMENTS.name, NOW + n) for n in range(6)]
    of_agents = [letter(n, b"%d" % n, topic=PIXEL_HITS.name, processor="stitch") for n in range(6)]
    keep(store, *events, *of_agents, *(of_edge(b"hit %d" % n, at=NOW + n) for n in range(6)))
    left = [kept.letter.raw for kept in store.read_now(partial(list_letters, processor="collect"))]
    assert sorted(left) == [b"event %d" % n for n in range(6)] + [b"hit %d" % n for n in (3, 4, 5)]
    assert store.read_now(partial(count_letters, processor="stitch")) == 6


def test_what_is_settled_is_forgotten_later_and_what_is_open_never(store: Store) -> None:
    keep(store, letter(0, b"failed again"))
    decide(store, Status.REPLAYED)
    keep(store, letter(2, b"failed again"))
    keep(store, letter(1))
    store.write_now(partial(drop_letters, ids=[letter(1).id], now=NOW + 100))
    late = NOW + 100 + SETTLED_DAYS * DAY_MS
    keep(store, letter(3, b"new"), now=late)
    assert store.read_now(count_letters) == 3
    keep(store, letter(4, b"newer"), now=late + 1)
    assert [kept.letter.offset for kept in store.read_now(list_letters)] == [4, 3, 2]


def test_letters_are_found_by_kind_and_by_the_beginning_of_their_id(store: Store) -> None:
    keep(store, letter(3, b"c"), letter(1, b"a"), letter(2, b"b", processor="bill"))
    by_offset = {kept.letter.offset: kept.letter.id for kept in store.read_now(list_letters)}
    store.write_now(partial(drop_letters, ids=[by_offset[1]], now=NOW))
    wanted: dict[str, Any] = {"processor": "gather", "status": Status.OPEN}
    assert [kept.letter.offset for kept in store.read_now(list_letters)] == [3, 2, 1]
    assert [kept.letter.offset for kept in store.read_now(partial(list_letters, limit=2))] == [3, 2]
    assert [kept.letter.offset for kept in store.read_now(partial(list_letters, **wanted))] == [3]
    assert store.read_now(partial(count_letters, **wanted)) == 1
    assert store.read_now(letter_ids) == [by_offset[1], by_offset[2], by_offset[3]]
    assert store.read_now(partial(letter_ids, **wanted)) == [by_offset[3]]
    read = store.read_now(partial(read_letters, ids=[by_offset[3], by_offset[2], "no such"]))
    assert [kept.letter.offset for kept in read] == [2, 3]
    assert [
        found.letter.offset for found in store.read_now(partial(find_letters, beginning=by_offset[2][:9]))
    ] == [2]
    assert len(store.read_now(partial(find_letters, beginning=""))) == 2
    assert store.read_now(partial(find_letters, beginning="%")) == []


def tell(*told: DeadLetter, first: int = 0) -> list[Posting]:
    return [Posting(DEAD_LETTERS.name, 0, first + n, each) for n, each in enumerate(told)]


def test_the_writer_keeps_letters_beside_charges_each_record_once(store: Store) -> None:
    async def story(first: Sequence[Posting], again: Sequence[Posting]) -> None:
        for postings in (first, again):
            writer = Writer(store, lambda: NOW)
            writer.start()
            for posting in postings:
                await writer.submit(posting)
            await writer.barrier()
            await writer.stop()

    stream = tell(of_edge(b"a"), letter(5), of_edge(b"a"))
    run(story([*stream, *at_offsets(charge())], [*stream[1:], *tell(of_edge(b"a"), first=3)]))
    kept = store.read_now(partial(list_letters, processor="collect"))
    assert [each.attempts for each in kept] == [3]
    assert store.read_now(lambda c: stored_position(c, (DEAD_LETTERS.name, 0))) == 3


def test_what_was_rejected_is_applied_once_a_newer_program_reads_it_again(store: Store) -> None:
    about = letter(1, topic=TOPIC, processor="post")
    first = [Posting(TOPIC, 0, 0, charge("ch_1")), Posting(TOPIC, 0, 1, None, (about,))]
    seen = [Posting(VISITS.name, 0, 7, (visit("v1"),), (letter(7, index=1, topic=VISITS.name),))]
    store.write_now(lambda c: post(c, [*first, Posting(TOPIC, 0, 2, charge("ch_3")), *seen], NOW))
    assert store.read_now(count_letters) == 2  # whatever becomes of those in their topic
    # The stream had not committed them, and what reads it again is upgraded.
    newer = [Posting(TOPIC, 0, 1, charge("ch_2")), Posting(TOPIC, 0, 2, charge("ch_3"))]
    newer += [Posting(VISITS.name, 0, 7, (visit("v1"), visit("v2")))]
    result = store.write_now(lambda c: post(c, newer, NOW))
    assert (result.applied, result.redelivered) == (2, 1)
    assert len(store.read_now(all_entries)) == 3
    assert store.read_now(lambda c: c.execute(select(func.count()).select_from(visits)).scalar()) == 2
    with pytest.raises(PositionConflict, match="brings a new record at offset 0"):
        store.write_now(lambda c: post(c, [Posting(TOPIC, 0, 0, charge("ch_4"))], NOW))


def test_a_letter_that_is_gone_is_no_conflict_when_its_record_comes_again(store: Store) -> None:
    store.write_now(lambda c: post(c, tell(letter(5)), NOW))
    store.write_now(lambda c: c.execute(dead_letters.delete()))
    result = store.write_now(lambda c: post(c, tell(letter(5), letter(6, b"next")), NOW))
    assert (result.redelivered, result.applied) == (1, 1)
    assert only(store).letter.offset == 6


def test_a_thousand_letters_at_once_are_no_matter(store: Store) -> None:
    many = [letter(n, b"%d" % n) for n in range(1_000)]
    keep(store, *many)
    keep(store, *(replace(each, offset=each.offset + 1_000) for each in many))
    total = store.read_now(lambda c: c.execute(select(func.sum(dead_letters.c.attempts))).scalar_one())
    assert total == 2_000
    store.write_now(lambda c: c.execute(update(dead_letters).values(status="dropped")))
    assert store.read_now(partial(count_letters, status=Status.DROPPED)) == 1_000
