"""The same book answers every question alike on both databases."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from ops.postgres import Server
from tests.store.builders import NOON, WS, at_offsets, charge, rows, touch, visit
from trackrev_stream.contracts.choices import By
from trackrev_stream.contracts.ports import StripeConnection
from trackrev_stream.contracts.records import AttributedCharge
from trackrev_stream.domain.journeys.journey import Visit
from trackrev_stream.domain.values.days import DAY_MS
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.sealer import Sealer, open_sealer
from trackrev_stream.store.ledger.post import post
from trackrev_stream.store.reports.channels_and_revenue import channels, revenue
from trackrev_stream.store.reports.charges import find_charge, latest_charges, ledger_page
from trackrev_stream.store.reports.ltv import ltv
from trackrev_stream.store.workspaces.links import list_links, put_link
from trackrev_stream.store.workspaces.stripe_connections import list_connections, put_connection
from trackrev_stream.store.workspaces.workspaces import create_workspace, list_workspaces

ZONES = ("UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns", "Pacific/Apia")
CHANNELS = ("Newsletter", "newsletter", "YouTube", "Émile", "Zürich", "_x", "A b", "A-c", "東京", "a\0b")
SPAN = 50 * DAY_MS

pytestmark = pytest.mark.postgres


@pytest.fixture
def both(tmp_path: Path, postgres_server: Server) -> Iterator[tuple[Store, Store]]:
    # In the language of a person: the order of texts must not depend on it.
    english = postgres_server.new_database("TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en'")
    stores = Store.open(f"sqlite:///{tmp_path}/t.db"), Store.open(english)
    yield stores
    for store in stores:
        store.close()


def random_record(dice: random.Random, version: int) -> AttributedCharge | Visit:
    name = f"ch_{dice.randrange(60)}"
    own = random.Random(name)  # what never changes of a charge
    at, amount, currency = (
        NOON - own.randrange(SPAN),
        own.randrange(1, 9_999),
        own.choice(["usd", "eur", "jpy"]),
    )
    if dice.random() < 0.4:
        return visit(
            f"v{dice.randrange(30)}", channel=dice.choice(CHANNELS), version=version,
            clicks=dice.randrange(4), landed=dice.random() < 0.7, day=at // DAY_MS,
        )  # fmt: skip
    touches = tuple(
        touch(one, dice.choice(["", "spring"])) for one in dice.sample(CHANNELS, dice.randrange(4))
    )
    refunds = (("re_1", dice.randrange(1, amount + 1)),) if dice.random() < 0.3 else ()
    return charge(
        name, versions=(version, version), amount=amount, refunds=refunds, touches=touches, at=at,
        currency=currency, livemode=own.random() < 0.8, fee=own.choice([None, 30]),
        payer=own.choice(["cus_1", "cus_2", name]),
    )  # fmt: skip


def fill(store: Store, sealer: Sealer, seed: int) -> None:
    dice = random.Random(seed)

    def settings(connection: Connection) -> None:
        for name in (WS, "ws-b", "Ws_a", "ws0"):
            create_workspace(connection, sealer, domain="a.example", workspace=name, now=1)
        for slug in ("b", "a-1", "a1", "ab", "a-b"):
            put_link(connection, workspace=WS, slug=slug, url="https://a.example/", channel="É", now=1)
        for account in ("own", "acct_b", "acct_B"):
            put_connection(connection, sealer, StripeConnection(WS, account, True, ()), 1)

    store.write_now(settings)
    offset = 0
    while offset < 400:
        records = [random_record(dice, offset + n) for n in range(dice.randrange(1, 60))]
        store.write_now(lambda c, first=offset, some=records: post(c, at_offsets(*some, first=first), 1_000))  # type: ignore[misc]  # mypy on defaults
        offset += len(records)


def answers(store: Store, sealer: Sealer) -> dict[str, Any]:
    def ask(connection: Connection) -> dict[str, Any]:
        found: dict[str, Any] = {
            "latest": latest_charges(connection, WS, 40),
            "charges": [find_charge(connection, WS, f"ch_{n}") for n in range(60)],
            "links": list_links(connection, WS),
            "workspaces": [each.id for each in list_workspaces(connection, sealer)],
            "connections": list_connections(connection, sealer),
        }
        after: int | None = 0
        while after is not None:
            found[f"ledger {after}"], after = ledger_page(connection, WS, after, 50)
        for zone in ZONES:
            for days in (1, 7, 30):
                for now in (NOON, NOON - 5 * DAY_MS + 1):
                    found[f"channels {zone} {days} {now}"] = channels(connection, WS, days, now, zone)
                    found[f"revenue {zone} {days} {now}"] = revenue(connection, WS, days, now, zone)
            for by in By:
                found[f"ltv {zone} {by}"] = ltv(connection, WS, by, zone)
        return found

    return store.read_now(ask)


@pytest.mark.parametrize("seed", range(4))
def test_every_report_is_the_same_on_both(both: tuple[Store, Store], tmp_path: Path, seed: int) -> None:
    sealer = open_sealer(tmp_path)
    for store in both:
        fill(store, sealer, seed)
    assert rows(both[0]) == rows(both[1])
    on_sqlite, on_postgresql = (answers(store, sealer) for store in both)
    for question, answer in on_sqlite.items():
        # As text too: 1 is not Decimal(1) to those who encode it.
        assert repr(on_postgresql[question]) == repr(answer), question
        assert on_postgresql[question] == answer, question
    assert on_sqlite["latest"]
    assert len(on_sqlite["ltv UTC channel"]) > 1
    assert any(money.gross_minor for _, money in on_sqlite[f"revenue UTC 30 {NOON}"])
