"""The writer of entries: states become immutable entries, and the ledger adds up at every step."""

import dataclasses

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from tests.store.builders import (
    TOPIC,
    WS,
    all_entries,
    at_offsets,
    charge,
    standing_lines,
    sum_of_entries,
    touch,
    visit,
)
from tests.store.conftest import NewUrl
from trackrev_stream.contracts.ports import PositionConflict
from trackrev_stream.contracts.records import AttributedCharge
from trackrev_stream.domain.ledger.lines import net_of
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.errors import LedgerBroken
from trackrev_stream.store.database.schema import charges, visits
from trackrev_stream.store.ledger.positions import stored_position
from trackrev_stream.store.ledger.post import Posting, PostResult, post
from trackrev_stream.store.reports.charges import find_charge

NEWS, TUBE = touch(), touch("YouTube", "video")


def put(store: Store, postings: list[Posting], known: dict[tuple[str, int], int] | None = None) -> PostResult:
    return store.write_now(lambda connection: post(connection, postings, 1_000, known))


def story(store: Store) -> list[tuple[object, ...]]:
    rows = store.read_now(all_entries)
    return [(row.reason, row.channel, row.amount_minor, row.cause, bool(row.retracts)) for row in rows]


def test_a_charge_becomes_entries_and_a_refund_adds_its_own(store: Store) -> None:
    put(store, at_offsets(charge(touches=(NEWS,))))
    put(store, at_offsets(charge(touches=(NEWS,), versions=(3, 2), refunds=(("re_1", 900),)), first=1))
    assert story(store) == [
        ("credit", "Newsletter", 4_900, "payment v1", False),
        ("refund", "Newsletter", -900, "payment v3", False),
    ]


def test_a_rejected_record_moves_the_position_and_nothing_else(store: Store) -> None:
    result = put(store, at_offsets(charge(), None))
    assert (result.positions, result.applied) == ({(TOPIC, 0): 1}, 1)
    again = put(store, at_offsets(charge(), None, None))
    assert (again.positions, again.applied, again.redelivered) == ({(TOPIC, 0): 2}, 0, 2)
    assert len(story(store)) == 1


def test_another_decision_retracts_what_stood_and_restates_it(store: Store) -> None:
    put(store, at_offsets(charge(), charge(touches=(NEWS,), versions=(1, 2)), charge(versions=(1, 3))))
    rows = store.read_now(all_entries)
    assert story(store) == [
        ("credit", "unattributed", 4_900, "payment v1", False),
        ("credit", "unattributed", -4_900, "journeys", True),
        ("credit", "Newsletter", 4_900, "journeys", False),
        ("credit", "Newsletter", -4_900, "journeys", True),
        ("credit", "unattributed", 4_900, "journeys", False),
    ]
    assert rows[1].retracts == rows[0].entry_id
    assert rows[3].retracts == rows[2].entry_id
    # The line came back: the third entry of the same line.
    assert [row.entry_id.rpartition(":")[2] for row in rows] == ["1", "2", "1", "2", "3"]
    assert rows[4].line_id == rows[0].line_id


def test_new_rules_are_named_as_the_cause(store: Store) -> None:
    put(store, at_offsets(charge(touches=(NEWS,)), charge(touches=(TUBE,), versions=(1, 2), rules_version=2)))
    assert {row[3] for row in story(store)[1:]} == {"rules v2"}


def test_entries_do_not_depend_on_how_the_stream_is_cut(store: Store, new_url: NewUrl) -> None:
    history = [charge(versions=(1, n), touches=((), (NEWS,), (TUBE,), (NEWS, TUBE))[n % 4]) for n in range(9)]
    put(store, at_offsets(*history))
    other = Store.open(new_url())
    for posting in at_offsets(*history):
        put(other, [posting])
    assert story(store) == story(other)
    ids = [[row.entry_id for row in one.read_now(all_entries)] for one in (store, other)]
    assert ids[0] == ids[1]
    assert store.read_now(standing_lines) == other.read_now(standing_lines)
    other.close()


def test_surpassed_and_redelivered_records_have_no_effect(store: Store) -> None:
    put(store, at_offsets(charge(touches=(NEWS,), versions=(3, 1)), first=5))
    before = store.read_now(all_entries)
    result = put(store, at_offsets(charge(versions=(1, 9)), charge(versions=(3, 1)), first=6))
    assert (result.applied, result.surpassed, result.redelivered) == (0, 2, 0)
    again = put(store, at_offsets(charge(versions=(1, 9)), charge(versions=(3, 1)), first=6))
    assert (again.applied, again.surpassed, again.redelivered) == (0, 0, 2)
    assert store.read_now(all_entries) == before
    assert store.read_now(lambda c: stored_position(c, ("attributed-charges", 0))) == 7


def test_a_charge_keeps_its_worth_while_it_moves_to_another_payer(store: Store) -> None:
    key = charge().key
    put(store, at_offsets(charge(touches=(NEWS,), payer="ch_1")))
    put(store, at_offsets(charge(payer="ch_1", versions=(2, 2), gone=True), first=1))
    assert store.read_now(lambda c: sum_of_entries(c, key)) == 4_900
    put(store, at_offsets(charge(payer="cus_1", versions=(3, 1)), first=2))
    assert store.read_now(lambda c: sum_of_entries(c, key)) == 4_900
    put(store, at_offsets(charge(payer="ch_1", versions=(4, 3), gone=True), first=3))  # told once more
    assert [line[2] for line in store.read_now(standing_lines)] == ["unattributed"]
    row = store.read_now(lambda c: c.execute(select(charges)).one())
    assert (row.payer, row.payment_version, row.status) == (charge().payer, 3, "unattributed")


def test_a_visit_stands_as_its_newest_version(store: Store) -> None:
    put(store, at_offsets(visit(version=2, clicks=2), visit(version=1), visit("v2"), topic="visits"))
    put(store, at_offsets(visit(version=3, clicks=3, landed=False), first=3, topic="visits"))
    put(store, at_offsets(visit(version=2, clicks=9), first=4, topic="visits"))
    rows = store.read_now(lambda c: c.execute(select(visits).order_by(visits.c.visitor)).all())
    assert [(row.visitor, row.clicks, row.version) for row in rows] == [("v1", 3, 3), ("v2", 1, 1)]


def test_a_tag_that_no_database_holds_is_kept_as_near_as_can_be(store: Store) -> None:
    odd = touch("Referral", "", source="spring\0sale")
    put(store, at_offsets(charge(touches=(odd,)), charge(touches=(odd,), versions=(1, 2))))
    put(store, at_offsets(charge(touches=(odd,), versions=(1, 3)), first=2))
    assert [row.source for row in store.read_now(all_entries)] == ["spring\N{REPLACEMENT CHARACTER}sale"]
    assert store.read_now(lambda c: find_charge(c, WS, "ch\0")) is None


def test_a_second_writer_stops_the_first(store: Store) -> None:
    first = put(store, at_offsets(charge()))
    second = put(store, at_offsets(charge("ch_2"), first=1))  # it adopts what is stored
    with pytest.raises(PositionConflict, match="another writer"):
        put(store, at_offsets(charge("ch_2"), charge("ch_3"), first=1), dict(first.positions))
    put(store, at_offsets(charge("ch_3"), first=2), dict(second.positions))
    assert len(store.read_now(all_entries)) == 3


def test_a_second_writer_at_the_very_beginning_is_noticed(store: Store) -> None:
    put(store, at_offsets(charge()))
    with pytest.raises(PositionConflict, match="another writer"):
        put(store, at_offsets(charge()), {("attributed-charges", 0): -1})


@pytest.mark.parametrize("record", [charge("ch_new"), charge(versions=(9, 1)), visit(), visit(version=9)])
def test_a_log_that_was_created_anew_is_noticed(store: Store, record: AttributedCharge) -> None:
    put(store, at_offsets(charge(), first=10))
    put(store, at_offsets(visit(channel="Facebook"), first=10, topic="visits"))
    topic = "attributed-charges" if isinstance(record, AttributedCharge) else "visits"
    with pytest.raises(PositionConflict, match="created anew"):
        put(store, at_offsets(record, topic=topic))


def test_a_book_that_does_not_add_up_is_not_written(store: Store) -> None:
    good = charge(touches=(NEWS,))
    short = dataclasses.replace(good, lines=(dataclasses.replace(good.lines[0], amount_minor=4_899),))
    with pytest.raises(LedgerBroken, match="worth"):
        put(store, at_offsets(charge("ch_2"), short))
    assert store.read_now(all_entries) == []
    assert store.read_now(lambda c: stored_position(c, ("attributed-charges", 0))) == -1


def test_fees_and_commissions_are_lines_but_no_revenue(store: Store) -> None:
    good = charge(touches=(NEWS,))
    commission = dataclasses.replace(good.lines[0], line_id="c", reason="commission", amount_minor=980)
    put(store, at_offsets(dataclasses.replace(good, lines=(*good.lines, commission))))
    assert len(store.read_now(standing_lines)) == 2


@st.composite
def histories(draw: st.DrawFn) -> list[AttributedCharge]:
    """All records of one charge, oldest first: growing refunds, new decisions, a change of payer."""
    moves = draw(st.integers(0, 6))
    refunded, records = 0, []
    for payment_version in range(1, draw(st.integers(2, 5))):
        payer = "cus_1" if payment_version >= moves else "ch_1"
        refunded = min(4_900, refunded + draw(st.integers(0, 2_500)))
        if payment_version == moves:
            records.append(charge(payer="ch_1", versions=(2 * payment_version, 9), gone=True))
        for version in range(1, draw(st.integers(2, 4))):
            touches = draw(st.sampled_from([(), (NEWS,), (TUBE,), (NEWS, TUBE)]))
            refunds = (("re_1", refunded),) if refunded else ()
            order = (2 * payment_version + 1, version)
            records.append(charge(payer=payer, versions=order, touches=touches, refunds=refunds))
    return records


# Each example has a database of its own.
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories(), data=st.data())
def test_any_order_and_duplicates_end_in_the_same_lines(
    new_url: NewUrl, history: list[AttributedCharge], data: st.DataObject
) -> None:
    extra = data.draw(st.lists(st.sampled_from(history), max_size=5))
    shuffled = data.draw(st.permutations([*history, *extra]))
    newest = max((r for r in history if r.lines), key=lambda r: (r.payment_version, r.version))
    store = Store.open(new_url())
    offset = 0
    while offset < len(shuffled):
        size = data.draw(st.integers(1, 4))
        put(store, at_offsets(*shuffled[offset : offset + size], first=offset))
        offset += size
        assert_book_adds_up(store, newest.key)
    found = {line[1]: line[5] for line in store.read_now(standing_lines)}
    assert found == {line.line_id: line.amount_minor for line in newest.lines}
    assert store.read_now(lambda c: sum_of_entries(c, newest.key)) == net_of(newest.state)
    store.close()


def assert_book_adds_up(store: Store, key: str) -> None:
    """An independent fold over the entries: every retraction takes back one standing entry, once."""
    standing: dict[str, int] = {}
    for row in store.read_now(all_entries):
        if row.retracts:
            assert standing.pop(row.retracts) == -row.amount_minor
        else:
            standing[row.entry_id] = row.amount_minor
    assert sorted(standing.values()) == sorted(line[5] for line in store.read_now(standing_lines))
    assert store.read_now(lambda c: sum_of_entries(c, key)) == sum(standing.values())
