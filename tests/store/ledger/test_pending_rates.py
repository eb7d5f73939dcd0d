"""Amounts whose exchange rate is not known yet: posted without dollars, converted by themselves."""

from typing import Any

import pytest
from sqlalchemy import select

from tests.store.builders import NOON, WS, all_entries, at_offsets, charge, run, touch
from tests.store.conftest import NewUrl
from trackrev_stream.contracts.records import AttributedCharge
from trackrev_stream.domain.ledger.fx import Rates
from trackrev_stream.domain.values.days import DAY_MS, day_of
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.schema import lines
from trackrev_stream.store.ledger.pending_rates import convert_all
from trackrev_stream.store.ledger.post import NO_RATES, post
from trackrev_stream.store.reports.channels_and_revenue import channels
from trackrev_stream.store.reports.charges import find_charge

NEWS, TUBE = touch(), touch("YouTube", "video")
DAY = day_of(NOON)
RATES = Rates({DAY - 1: "usd=1.25 jpy=150", DAY: "usd=1.5 jpy=100"})
IN_EUR: dict[str, Any] = {"currency": "eur", "amount": 1_001, "fee": 77, "fee_currency": "eur"}
BOTH = (("re_1", 500), ("re_2", 501))
HISTORY = (
    charge("ch_1", touches=(NEWS, TUBE), **IN_EUR),
    charge("ch_2", currency="jpy", amount=4_800, touches=(NEWS,)),
    charge("ch_3", currency="aed", amount=900),
    charge("ch_4", amount=500, fee=30, fee_currency="eur"),
    charge("ch_1", versions=(3, 2), touches=(NEWS,), refunds=BOTH[:1], **IN_EUR),
    charge("ch_1", versions=(5, 3), touches=(NEWS,), refunds=BOTH, **IN_EUR),
)


def put(store: Store, *records: AttributedCharge, first: int = 0, rates: Rates = NO_RATES) -> None:
    store.write_now(lambda c: post(c, at_offsets(*records, first=first), 1_000 + first, rates=rates))


def convert(store: Store, rates: Rates = RATES) -> None:
    run(convert_all(store, rates, lambda: 9_000))


def standing(store: Store) -> list[dict[str, Any]]:
    columns = [column for column in lines.c if column.name != "entry_id"]
    found = select(*columns).order_by(lines.c.line_id)
    return store.read_now(lambda c: [dict(row) for row in c.execute(found).mappings()])


def dollars(store: Store) -> dict[str, list[int | None]]:
    found: dict[str, list[int | None]] = {}
    for row in standing(store):
        found.setdefault(row["charge_key"].rpartition("|")[2], []).append(row["usd_minor"])
    return {name: sorted(each, key=str) for name, each in sorted(found.items())}


@pytest.mark.parametrize("known_at", range(len(HISTORY) + 1))
def test_what_stands_does_not_depend_on_when_a_rate_was_known(
    store: Store, new_url: NewUrl, known_at: int
) -> None:
    for offset, record in enumerate(HISTORY):
        if offset == known_at:
            convert(store)
        put(store, record, first=offset, rates=RATES if offset % 2 and offset > known_at else NO_RATES)
    convert(store)
    other = Store.open(new_url())
    put(other, *HISTORY, rates=RATES)
    assert standing(store) == standing(other)
    assert dollars(store) == {
        "ch_1": [-625, -626, -96, 1_251],  # 10.01 EUR, refunded in full; a fee of 0.77 EUR
        "ch_2": [4_000],
        "ch_3": [None],  # the ECB has no rate of it
        "ch_4": [-38, 500],
    }
    other.close()


def test_a_rate_that_comes_is_an_entry_of_its_own(store: Store) -> None:
    put(store, HISTORY[1])
    convert(
        store, Rates({DAY - 2: "usd=1.25 jpy=150"})
    )  # not that of the day before: nothing stands in for it
    assert len(store.read_now(all_entries)) == 1
    convert(store)
    convert(store)
    rows = store.read_now(all_entries)
    assert [(row.amount_minor, row.usd_minor, row.rate_date, row.cause) for row in rows] == [
        (4_800, None, None, "payment v1"),
        (-4_800, None, None, "rates of 2025-10-08"),
        (4_800, 4_000, "2025-10-08", "rates of 2025-10-08"),
    ]
    assert rows[1].retracts == rows[0].entry_id


def test_the_rate_of_a_charge_is_never_changed(store: Store) -> None:
    put(store, HISTORY[0], rates=RATES)
    put(store, HISTORY[4], first=1, rates=Rates({DAY - 1: "usd=2"}))
    convert(store, Rates({DAY - 1: "usd=2"}))
    detail = store.read_now(lambda c: find_charge(c, WS, "ch_1"))
    assert detail is not None
    assert {entry.rate for entry in detail.entries} == {"1.25"}


def test_reports_count_what_is_not_converted(store: Store) -> None:
    put(store, *HISTORY)
    for known, unconverted in (
        (False, {"aed": 1, "eur": 3, "jpy": 1, "usd": 0}),
        (True, {"aed": 1, "eur": 0, "jpy": 0, "usd": 0}),
    ):
        if known:
            convert(store)
        total = store.read_now(lambda c: channels(c, WS, 30, NOON + 2 * DAY_MS, "UTC")).total.money
        assert {name: native.unconverted for name, native in total.native.items()} == unconverted
        assert (total.gross_minor, total.net_minor) == ((5_751, 4_500) if known else (500, 500))


def test_more_waits_than_one_transaction_takes(store: Store) -> None:
    put(store, *(charge(f"ch_{n}", currency="aed" if n % 3 else "eur") for n in range(9)))
    run(convert_all(store, RATES, lambda: 9_000, most=2))
    assert [name for name, usd in dollars(store).items() if usd == [None]] == [
        f"ch_{n}" for n in (1, 2, 4, 5, 7, 8)
    ]
