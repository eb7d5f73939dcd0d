"""Money as text: what happens, and what the book must say; readable without reading Python."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from tests.agents.simulation import Simulation
from tests.facts import charge_fact, hit
from tests.scenarios.amounts import money
from tests.scenarios.money_words import MoneyWords, Told
from tests.store.builders import at_offsets
from trackrev_stream.contracts.records import AttributedCharge
from trackrev_stream.domain.days import day_of
from trackrev_stream.domain.dollars import in_usd
from trackrev_stream.domain.fx import Rate, Rates
from trackrev_stream.domain.ids import uuid7
from trackrev_stream.domain.ledger import FEE, REVENUE, Line, lines_of, net_of
from trackrev_stream.domain.money import exponent
from trackrev_stream.domain.payment import FactKind, PaymentFact
from trackrev_stream.domain.subscription import AccountFact, AccountKind
from trackrev_stream.domain.touch import DAY_MS, Click, Hit, HitKind, Trust
from trackrev_stream.store.engine import Store
from trackrev_stream.store.pending import convert_all
from trackrev_stream.store.post import NO_RATES, post
from trackrev_stream.store.schema import lines as book
from trackrev_stream.store.schema import metadata

START = 1_760_000_000_000 // DAY_MS * DAY_MS
LINE = re.compile(r"day (\d+)\s+(\d\d):(\d\d)\s+(\w+)\s+(.*?)(?:\s+seen day (\d+) (\d\d):(\d\d))?$")
Fact = Hit | PaymentFact | AccountFact


COLUMNS = [book.c[item.name] for item in fields(Line)]
Row = dict[str, str]


@dataclass
class Scenario:
    name: str
    file: str
    events: list[str] = field(default_factory=list)
    expect: list[Row] = field(default_factory=list)
    lines: list[Row] = field(default_factory=list)


def scenarios() -> list[Scenario]:
    return [found for path in sorted(Path(__file__).parent.glob("*.txt")) for found in _in_file(path)]


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
        elif line in ("expect", "lines"):
            table = found[-1].expect if line == "expect" else found[-1].lines
        elif line.startswith("charge "):
            header = cells
        elif line and not line.startswith("#"):
            if table is None:
                found[-1].events.append(line)
            else:
                table.append(dict(zip(header, cells, strict=True)))
    return found


def moment(day: str, hour: str, minute: str) -> int:
    return START + int(day) * DAY_MS + (int(hour) * 60 + int(minute)) * 60_000


def visitor_id(who: str) -> str:
    return uuid7(0, who.encode().ljust(10)) if who != "-" else ""


class Teller(MoneyWords):
    """Turns the lines of a scenario into hits and facts of Stripe."""

    def __init__(self) -> None:
        self._paid: dict[str, PaymentFact] = {}
        self.money = Told()

    def facts(self, line: str) -> list[Fact]:
        match = LINE.match(line)
        assert match, f"not an event: {line}"
        day, hour, minute, verb, words, *seen = match.groups()
        at = moment(day, hour, minute)
        received = moment(*seen) if seen[0] else at
        told = getattr(self, verb)(at, received, *words.split())
        return told if isinstance(told, list) else [told]

    def click(self, at: int, received: int, who: str, link: str) -> Hit:
        return replace(self.visit(at, received, who, link), kind=HitKind.CLICK, id=f"click {who} {at}")

    def visit(self, at: int, received: int, who: str, source: str) -> Hit:
        seen = hit(
            at,
            id=f"visit {who} {at}",
            visitor=visitor_id(who),
            received_at=received,
            site="shop.example",
        )
        match source:
            case "direct":
                return seen
            case "google":
                return replace(seen, referrer="https://www.google.com/")
        return replace(seen, click=Click(f"{source} {who} {at}", source, source, "", at))

    def identify(self, at: int, received: int, who: str, email: str, trust: Trust = Trust.UNSIGNED) -> Hit:
        seen = self.visit(at, received, who, "direct")
        return replace(seen, kind=HitKind.IDENTIFY, id=f"identify {who} {at}", email_key=email, trust=trust)

    def signed(self, at: int, received: int, who: str, email: str) -> Hit:
        return self.identify(at, received, who, email, Trust.SIGNED)

    def paid(self, at: int, received: int, charge: str, amount: str, *whom: str) -> PaymentFact:
        minor, currency = money(amount)
        fact = self.sight(charge, at, received)
        self._paid[charge] = replace(
            fact,
            created_at=at,
            amount_minor=minor,
            currency=currency,
            email_key=whom[0].strip("-"),
            customer=whom[1].strip("-"),
            visitor=visitor_id(whom[2]) if len(whom) > 2 else "",
        )
        return self._paid[charge]

    def refunded(self, at: int, received: int, charge: str, total: str) -> PaymentFact:
        return replace(self.sight(charge, at, received), refunded_minor=money(total)[0])

    def moved(self, at: int, received: int, charge: str, customer: str) -> PaymentFact:
        return replace(self.sight(charge, at, received), customer=customer)

    def named(self, at: int, received: int, charge: str, who: str) -> PaymentFact:
        link = replace(self.sight(charge, at, received), kind=FactKind.LINK, id="cs_1", amount_minor=0)
        return replace(link, visitor=visitor_id(who))

    def customer(self, at: int, received: int, customer: str, email: str, who: str) -> AccountFact:
        return AccountFact(
            kind=AccountKind.CUSTOMER,
            workspace="ws_1",
            account="own",
            livemode=True,
            customer=customer,
            id=customer,
            created_at=at,
            observed_at=at,
            received_at=received,
            via="webhook",
            source_id="evt_1",
            email_key=email.strip("-"),
            visitor=visitor_id(who),
        )

    def forged(self, at: int, received: int, email: str, link: str) -> list[Hit]:
        names = [f"{at % 997}{number}" for number in range(1_000)]
        before = at - 3_600_000
        return [
            claim
            for name in names
            for claim in (
                self.visit(before, received, name, link),
                self.identify(before, received, name, email),
            )
        ]

    def claims(self, at: int, received: int, who: str, link: str) -> list[Hit]:
        claimed = [self.identify(at + n, received + n, who, f"claimed{n}@x") for n in range(1_000)]
        return [self.visit(at, received, who, link), *claimed]

    def sight(self, charge: str, at: int, received: int) -> PaymentFact:
        known = self._paid.get(charge)
        if known:
            return replace(known, observed_at=at, received_at=received)
        return charge_fact(charge, at, received_at=received, amount_minor=0)


def tell(scenario: Scenario) -> tuple[list[Fact], Told]:
    """The facts in the order of arrival; a refund that arrives first knows its charge all the same."""
    teller = Teller()
    for line in scenario.events:
        if any(f" {verb} " in line for verb in ("paid", "authorized", "refund")):
            teller.facts(line)
    return [fact for line in scenario.events for fact in teller.facts(line)], teller.money


def records_of(scenario: Scenario) -> tuple[list[AttributedCharge], Rates]:
    """All that was told of the charges, in order, and the rates of the days."""
    facts, told = tell(scenario)
    records: list[AttributedCharge] = []
    simulation = Simulation(on_posted=records.append)
    simulation.feed(*facts)
    simulation.run()
    for index, record in enumerate(records):
        if decision := told.earned.get(record.state.charge):
            lines = lines_of(record.key, record.state, decision)
            records[index] = replace(record, decision=decision, lines=lines)
    return records, Rates(told.rates)


def converted(record: AttributedCharge, rates: Rates) -> list[Line]:
    def rate_of(currency: str) -> Rate | None:
        found = rates.rate(currency, day_of(record.state.created_at))
        return found if isinstance(found, Rate) else None

    return in_usd(record.lines, rate_of)


def shown(amount_minor: int | None, currency: str) -> str:
    if amount_minor is None:
        return "unknown"
    digits = exponent(currency)
    return f"{Decimal(amount_minor).scaleb(-digits):.{digits}f}" + (
        f"_{currency}" if currency != "usd" else ""
    )


def summed(lines: list[Line]) -> str:
    return shown(
        None if any(line.usd_minor is None for line in lines) else sum(line.usd_minor or 0 for line in lines),
        "usd",
    )


def as_row(record: AttributedCharge, lines: list[Line]) -> Row:
    """A charge as the table shows it, and what must be true of every one."""
    state = record.state
    revenue = [line for line in lines if line.reason in REVENUE]
    assert sum(line.amount_minor for line in revenue) == net_of(state)
    assert -sum(line.amount_minor for line in lines if line.reason == FEE) == (state.fee_minor or 0)
    return {
        "charge": state.charge,
        "channel": ", ".join(sorted({line.channel for line in lines})),
        "gross": shown(state.amount_minor, state.currency),
        "net": shown(net_of(state), state.currency),
        "fee": shown(state.fee_minor, state.fee_currency),
        "usd": summed(revenue),
        "reason": record.decision.reason.value,
    }


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


@pytest.mark.parametrize("scenario", scenarios(), ids=lambda scenario: scenario.name)
def test_the_book_says(scenario: Scenario) -> None:
    records, rates = records_of(scenario)
    last = {record.state.charge: record for record in records}
    found = [(record, converted(record, rates)) for _, record in sorted(last.items())]
    rows = [as_row(record, lines) for record, lines in found]
    assert [
        {name: row[name] for name in expected}
        for row, expected in zip(rows, by_charge(scenario.expect), strict=True)
    ] == by_charge(scenario.expect)
    if scenario.lines:
        all_lines = [row for record, lines in found for row in as_lines(record, lines)]
        assert [{name: row[name] for name in scenario.lines[0]} for row in all_lines] == scenario.lines


def by_charge(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: row["charge"])


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    opened = Store.open(f"sqlite:///{tmp_path_factory.mktemp('money')}/t.db")
    yield opened
    opened.close()


@pytest.mark.parametrize(
    "scenario", [one for one in scenarios() if one.file == "money.txt"], ids=lambda scenario: scenario.name
)
def test_the_database_says_the_same_whenever_the_rates_come(scenario: Scenario, store: Store) -> None:
    records, rates = records_of(scenario)
    last = {record.state.charge: record for record in records}
    expected = sorted(
        (line for record in last.values() for line in converted(record, rates)), key=lambda line: line.line_id
    )
    for known in (rates, NO_RATES):
        store.write_now(_forget)
        store.write_now(partial(post, postings=at_offsets(*records), posted_at=1, rates=known))
        asyncio.run(convert_all(store, rates, lambda: 2))
        assert store.read_now(_standing) == expected


def _standing(connection: Connection) -> list[Line]:
    return [Line(*row) for row in connection.execute(select(*COLUMNS).order_by(book.c.line_id))]


def _forget(connection: Connection) -> None:
    for table in reversed(metadata.sorted_tables):
        if table.name in ("lines", "entries", "charges", "positions"):
            connection.execute(table.delete())
