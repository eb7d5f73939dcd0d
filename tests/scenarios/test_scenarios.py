"""Money as text: what happens, and what the ledger must say; readable without reading Python."""

import asyncio
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from functools import partial
from itertools import permutations
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from tests.agents.simulation import Simulation, converted
from tests.scenarios.amounts import START, shown
from tests.scenarios.money_words import Told
from tests.scenarios.teller import Fact, Teller
from tests.store.builders import at_offsets
from trackrev_stream.contracts.choices import By
from trackrev_stream.contracts.records import AttributedCharge
from trackrev_stream.domain.attribution.attribution_settings import (
    AttributionSettings,
    Returning,
    SettingsTimeline,
)
from trackrev_stream.domain.attribution.models import Model
from trackrev_stream.domain.ledger.fx import Rates
from trackrev_stream.domain.ledger.lines import DISPUTE_FEE, FEE, REVENUE, Line, dispute_fee_of, net_of
from trackrev_stream.domain.payments.payment import WaitingFact
from trackrev_stream.domain.values.days import DAY_MS
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.schema import lines as book
from trackrev_stream.store.database.schema import metadata
from trackrev_stream.store.ledger.pending_rates import convert_all
from trackrev_stream.store.ledger.post import NO_RATES, post
from trackrev_stream.store.reports.ltv import ltv

COLUMNS = [book.c[item.name] for item in fields(Line)]
Row = dict[str, str]


@dataclass
class Scenario:
    name: str
    file: str
    settings: dict[str, str] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    expect: list[Row] = field(default_factory=list)
    lines: list[Row] = field(default_factory=list)
    ltv: list[Row] = field(default_factory=list)
    waiting: list[Row] = field(default_factory=list)


def scenarios(file: str = "*.txt") -> list[Scenario]:
    return [found for path in sorted(Path(__file__).parent.glob(file)) for found in _in_file(path)]


def _in_file(path: Path) -> list[Scenario]:
    found: list[Scenario] = []
    table: list[Row] | None = None
    header: list[str] = []
    for raw in path.read_text().splitlines():
        line = raw.strip()
        cells = re.split(r"\s{2,}", line)
        if line.startswith("scenario: "):
            found.append(Scenario(line.removeprefix("scenario: "), path.name))
            table = None
        elif line.startswith("settings "):
            found[-1].settings = dict(zip(*[iter(line.split()[1:])] * 2, strict=True))
        elif line in ("expect", "lines", "ltv", "waiting"):
            table = getattr(found[-1], line)
        elif line.startswith(("charge ", "cohort ")):
            header = cells
        elif line and not line.startswith("#"):
            if table is None:
                found[-1].events.append(line)
            else:
                table.append(dict(zip(header, cells, strict=True)))
    return found


def rules_of(scenario: Scenario) -> SettingsTimeline:
    """The first version of the settings, and a second one where the scenario has settings."""
    given = scenario.settings
    if not given:
        return SettingsTimeline()
    days = given.get("identify_days")
    rules = AttributionSettings(
        version=2,
        model=Model(given.get("model", "last_non_direct_click")),
        lookback_days=int(given.get("lookback_days", 30)),
        identify_days=int(days) if days else None,
        returning=Returning(given.get("returning", "keep")),
    )
    return SettingsTimeline(versions={"ws_1": ((START + int(given.get("from_day", 0)) * DAY_MS, rules),)})


def tell(scenario: Scenario) -> tuple[list[list[Fact]], Told]:
    """The facts of each line, in the order of arrival; a refund that comes first knows its charge."""
    teller = Teller()
    for line in scenario.events:
        if any(f" {verb} " in line for verb in ("paid", "charged", "authorized", "refund")):
            teller.facts(line)
    return [teller.facts(line) for line in scenario.events], teller.money


def records_of(scenario: Scenario) -> tuple[list[AttributedCharge], Rates]:
    """All that was told of the charges, in order, and the rates of the days."""
    arrived, told = tell(scenario)
    return played(scenario, arrived)[0], Rates(told.rates)


def played(
    scenario: Scenario, arrived: Iterable[list[Fact]]
) -> tuple[list[AttributedCharge], dict[str, tuple[WaitingFact, ...]]]:
    """All that was told of the charges, in order, and what waits in the end."""
    records: list[AttributedCharge] = []
    simulation = Simulation(rules_of(scenario), on_posted=records.append)
    for facts in arrived:
        simulation.feed(*facts)
        simulation.run()
    return records, simulation.waits()


def standing(records: list[AttributedCharge], rates: Rates) -> list[tuple[AttributedCharge, list[Line]]]:
    """The last that was told of each charge, with its lines in US dollars too."""
    last = {record.state.charge: record for record in records}
    return [(record, converted(record, rates)) for _, record in sorted(last.items())]


def as_row(record: AttributedCharge, lines: list[Line]) -> Row:
    """A charge as the table shows it, and what must be true of every one."""
    state, decision = record.state, record.decision
    taken, in_currency = dispute_fee_of(state) or (None, "usd")
    revenue = [line for line in lines if line.reason in REVENUE]
    usd = (
        None
        if any(line.usd_minor is None for line in revenue)
        else sum(one.usd_minor or 0 for one in revenue)
    )
    assert sum(line.amount_minor for line in revenue) == net_of(state)
    for reason, fee in ((FEE, state.fee_minor), (DISPUTE_FEE, taken)):
        assert -sum(line.amount_minor for line in lines if line.reason == reason) == (fee or 0)
    return {
        "charge": state.charge,
        "channel": shares(revenue, state.currency) or "-",
        "gross": shown(state.amount_minor, state.currency),
        "net": shown(net_of(state), state.currency),
        "fee": shown(state.fee_minor, state.fee_currency),
        "dispute fee": shown(taken, in_currency),
        "usd": shown(usd, "usd"),
        "reason": decision.reason.value,
        "subscription": decision.subscription or "-",
        "by": decision.binding,
        "version": str(record.rules_version),
        "release": "unknown" if state.release_unclear else "-",
    }


def shares(lines: list[Line], currency: str) -> str:
    """One channel that has all that is left, or "podcast 4.00, newsletter 6.00"."""
    left: dict[str, int] = {}
    for line in lines:
        left[line.channel] = left.get(line.channel, 0) + line.amount_minor
    return ", ".join(
        f"{name} {shown(amount, currency)}" if len(left) > 1 else name for name, amount in left.items()
    )


def as_lines(record: AttributedCharge, lines: list[Line]) -> list[Row]:
    return [
        {
            "charge": record.state.charge,
            "day": str((line.occurred_at - START) // DAY_MS),
            "reason": line.reason,
            "channel": line.channel,
            "amount": shown(line.amount_minor, line.currency),
            "usd": shown(line.usd_minor, "usd"),
        }
        for line in lines
    ]


@pytest.mark.parametrize("scenario", [one for one in scenarios() if one.expect], ids=lambda one: one.name)
def test_the_book_says(scenario: Scenario) -> None:
    found = standing(*records_of(scenario))
    rows = [as_row(record, lines) for record, lines in found]
    assert [{name: row[name] for name in scenario.expect[0]} for row in rows] == _ordered(scenario.expect)
    if scenario.lines:
        every = [row for record, lines in found for row in as_lines(record, lines)]
        assert [{name: row[name] for name in scenario.lines[0]} for row in every] == scenario.lines


@pytest.mark.parametrize("scenario", scenarios("joined.txt"), ids=lambda one: one.name)
def test_every_order_says_the_same(scenario: Scenario) -> None:
    arrived, told = tell(scenario)
    for order in permutations(arrived):
        records, waiting = played(scenario, order)
        found = standing(records, Rates(told.rates))
        rows = [as_row(record, lines) for record, lines in found]
        assert [{name: row[name] for name in scenario.expect[0]} for row in rows] == _ordered(scenario.expect)
        if scenario.lines:
            every = [row for record, lines in found for row in as_lines(record, lines)]
            assert [{name: row[name] for name in scenario.lines[0]} for row in every] == scenario.lines
        waits = [one for facts in waiting.values() for one in facts]
        assert [
            {"charge": one.charge, "object": one.id, "amount": shown(one.amount_minor, one.currency)}
            for one in waits
        ] == scenario.waiting


def _ordered(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: row["charge"])


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = Store.open(f"sqlite:///{tmp_path_factory.mktemp('money')}/t.db")
    yield opened
    opened.close()


@pytest.mark.parametrize(
    "scenario", [*scenarios("money.txt"), *scenarios("joined.txt")], ids=lambda scenario: scenario.name
)
def test_the_database_says_the_same_whenever_the_rates_come(scenario: Scenario, store: Store) -> None:
    records, rates = records_of(scenario)
    expected = [line for _, lines in standing(records, rates) for line in lines]
    for known in (rates, NO_RATES):
        store.write_now(_forget)
        store.write_now(partial(post, postings=at_offsets(*records), posted_at=1, rates=known))
        asyncio.run(convert_all(store, rates, lambda: 2))
        assert store.read_now(_standing) == sorted(expected, key=lambda line: line.line_id)


@pytest.mark.parametrize("scenario", [one for one in scenarios() if one.ltv], ids=lambda one: one.name)
def test_what_payers_came_to(scenario: Scenario, store: Store) -> None:
    records, rates = records_of(scenario)
    store.write_now(_forget)
    store.write_now(partial(post, postings=at_offsets(*records), posted_at=1, rates=rates))
    found = store.read_now(lambda c: ltv(c, "ws_1", By.CHANNEL, "UTC"))
    earned = {(each.month, row.channel): row for each in found for row in each.rows}
    together = {(each.month, "together"): each.total for each in found}
    assert earned.keys() == {(row["cohort"], row["channel"]) for row in scenario.ltv} - together.keys()
    for row in scenario.ltv:
        of = (earned | together)[row["cohort"], row["channel"]]
        sums = {
            "gross": [month.usd.gross_minor for month in of.months],
            "net": [month.usd.net_minor for month in of.months],
            "so far": [month.usd_so_far.net_minor for month in of.months],
        }
        months = " ".join(shown(amount, "usd") for amount in sums[row["what"]])
        assert (str(of.payers), months) == (row["payers"], row["months"])


def _standing(connection: Connection) -> list[Line]:
    return [Line(*row) for row in connection.execute(select(*COLUMNS).order_by(book.c.line_id))]


def _forget(connection: Connection) -> None:
    for table in reversed(metadata.sorted_tables):
        if table.name in ("lines", "entries", "charges", "positions"):
            connection.execute(table.delete())
