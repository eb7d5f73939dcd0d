"""A year of the stand-in against the ledger that its events made: no difference, and then planted ones."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile

import pytest
from sqlalchemy import Connection, select

from collectors.stripe.client import StripeReader
from collectors.stripe.reconcile import Reconciliation, reconcile
from ops.standin.keys import Keyring
from ops.standin.year import END_S, START_S, Year, year
from tests.agents.simulation import Simulation
from tests.collectors.edge import WORKSPACE
from tests.collectors.stripe.planting import candidates, gone, id_of, plant_all, without
from tests.store.builders import at_offsets
from tests.store.builders import charge as made_charge
from trackrev_stream.contracts.ports import StripeConnection
from trackrev_stream.contracts.stripe.events import facts_of
from trackrev_stream.domain.reconciliation.differences import Cause
from trackrev_stream.domain.reconciliation.movements import Period
from trackrev_stream.domain.values.days import DAY_MS, day_of
from trackrev_stream.domain.values.ids import OWN_ACCOUNT
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.poller_schema import cursors
from trackrev_stream.store.database.schema import charges, upsert
from trackrev_stream.store.ledger.post import post
from trackrev_stream.store.operations.reconciliations import MONEY_LISTS, StoreLedgerReader

ALL, BLIND = "rk_test_all", "rk_test_blind"
WHOLE = Period(day_of(START_S * 1_000), day_of(END_S * 1_000))
READ_UNTIL = (END_S + 86_400) * 1_000


@pytest.fixture(scope="module")
def made() -> Year:
    found = year(seed=11, charges=2_400)
    permissions = {"rak_charge_read", "rak_dispute_read"}
    found.stand_in.keyring = Keyring(
        "sk_test_standin", {ALL: permissions, BLIND: permissions - {"rak_dispute_read"}}
    )
    return found


@pytest.fixture(scope="module")
def book(made: Year, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ledger that all events of the year made."""
    file = tmp_path_factory.mktemp("book") / "trackrev.db"
    played = Simulation()
    for event in made.events:
        played.feed(*facts_of(event, WORKSPACE, int(event["created"]) * 1_000, "webhook"))
    played.run()
    store = Store.open(f"sqlite:///{file}")
    store.write_now(lambda sql: post(sql, at_offsets(*played.charges.values()), READ_UNTIL))
    store.write_now(lambda sql: read_through(sql, READ_UNTIL))
    store.close()
    return file


@pytest.fixture
def store(book: Path, tmp_path: Path) -> Iterator[Store]:
    copyfile(book, tmp_path / "trackrev.db")
    opened = Store.open(f"sqlite:///{tmp_path}/trackrev.db")
    yield opened
    opened.close()


def read_through(sql: Connection, until: int) -> None:
    row = {"workspace": WORKSPACE.id, "account": OWN_ACCOUNT, "value": until}
    upsert(sql, cursors, [row | {"name": name} for name in MONEY_LISTS])


def check(made: Year, store: Store, period: Period = WHOLE, key: str = ALL) -> Reconciliation:
    async def run() -> Reconciliation:
        await made.stand_in.start()
        connection = StripeConnection(WORKSPACE.id, OWN_ACCOUNT, False, (), key, made.stand_in.url)
        reader = StripeReader(connection)
        try:
            return await reconcile(
                reader,
                StoreLedgerReader(store),
                WORKSPACE,
                connection,
                period=period,
                clock=lambda: READ_UNTIL,
            )
        finally:
            await reader.close()
            await made.stand_in.stop()

    return asyncio.run(run())


def own_charges(made: Year) -> int:
    own = next(iter(made.stand_in.merchants))
    return sum(one.account == own for one in made.stand_in.books.by_charge().values())


def test_what_was_heard_whole_has_no_difference(made: Year, store: Store) -> None:
    found = check(made, store)
    assert found.differences == []
    assert found.stripe == found.ledger
    assert found.charges == own_charges(made)
    assert set(found.checked.residual_minor.values()) == {0}


@pytest.mark.parametrize("first", [30, 200, 340])
def test_eight_days_are_as_good_as_a_year(made: Year, store: Store, first: int) -> None:
    period = Period(WHOLE.first + first, WHOLE.first + first + 7)
    found = check(made, store, period)
    assert found.differences == []
    assert {day for day, _ in found.stripe} <= set(range(period.first, period.last + 1))
    assert 0 < found.charges < own_charges(made) / 10


def test_fifty_planted_differences_are_each_named_with_their_cause(made: Year, store: Store) -> None:
    planted = store.write_now(plant_all)
    assert len(planted) == 50
    found = check(made, store)
    assert {one.charge: one.cause for one in found.differences} == planted
    assert all(one.residual_minor > 0 for one in found.differences)
    assert found.checked.differences == len(found.differences)
    connection = StripeConnection(WORKSPACE.id, OWN_ACCOUNT, False, ())
    days = WHOLE.last - WHOLE.first + 1
    assert asyncio.run(StoreLedgerReader(store).last(connection, days)) == found.checked
    assert asyncio.run(StoreLedgerReader(store).last(connection, 8)) is None


def test_a_charge_that_stripe_does_not_show_is_said_to_be_of_elsewhere(made: Year, store: Store) -> None:
    stranger = made_charge("ch_stranger", at=START_S * 1_000, livemode=False, workspace=WORKSPACE.id)
    store.write_now(lambda sql: post(sql, at_offsets(stranger, first=10_000_000), READ_UNTIL))
    assert [(one.charge, one.cause) for one in check(made, store).differences] == [
        ("ch_stranger", Cause.NOT_SHOWN)
    ]


def test_what_is_newer_than_the_last_poll_is_not_read_yet(made: Year, store: Store) -> None:
    middle = (WHOLE.first + 200) * DAY_MS

    def forget(sql: Connection) -> list[str]:
        read_through(sql, middle)
        newer = select(charges.c.key).where(charges.c.account == OWN_ACCOUNT, charges.c.created_at >= middle)
        keys = list(sql.execute(newer.limit(20)).scalars())
        for key in keys:
            gone(sql, key)
        return keys

    forgotten = store.write_now(forget)
    found = check(made, store)
    assert {one.charge for one in found.differences} == {id_of(key) for key in forgotten}
    assert {one.cause for one in found.differences} == {Cause.NOT_READ_YET}


def test_without_the_permission_for_disputes_those_unheard_of_are_said_to_be_unreadable(
    made: Year, store: Store
) -> None:
    inquiries = {one.charge for one in check(made, store, key=BLIND).differences}

    def forget(sql: Connection) -> str:
        key = next(key for key, reasons in sorted(candidates(sql).items()) if "dispute" in reasons)
        without("dispute", "dispute_reinstated")(sql, key)
        return id_of(key)

    forgotten = store.write_now(forget)
    found = check(made, store, key=BLIND)
    assert {one.charge for one in found.differences} == inquiries | {forgotten}
    assert {one.cause for one in found.differences} == {Cause.DISPUTE_UNREADABLE}
    assert found.missing == ("rak_dispute_read",)
