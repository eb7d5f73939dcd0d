"""Money as text: what happens, and what the book must say; readable without reading Python."""

import re
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

import pytest

from tests.agents.simulation import Simulation
from tests.facts import account_fact, charge_fact, hit
from tests.store.builders import at_offsets
from trackrev_stream.contracts.records import AttributedCharge
from trackrev_stream.domain.attribution import Returning, Rules
from trackrev_stream.domain.ids import uuid7
from trackrev_stream.domain.ledger import net_of
from trackrev_stream.domain.models import Model
from trackrev_stream.domain.money import exponent
from trackrev_stream.domain.payment import FactKind, PaymentFact
from trackrev_stream.domain.rules import RuleBook
from trackrev_stream.domain.subscription import AccountFact, AccountKind
from trackrev_stream.domain.touch import DAY_MS, Click, Hit, HitKind, Trust
from trackrev_stream.store.engine import Store
from trackrev_stream.store.ltv import By, ltv
from trackrev_stream.store.post import post

START = 1_760_000_000_000 // DAY_MS * DAY_MS
LINE = re.compile(r"day (\d+)\s+(\d\d):(\d\d)\s+(\w+)\s+(.*?)(?:\s+seen day (\d+) (\d\d):(\d\d))?$")
Fact = Hit | PaymentFact | AccountFact


@dataclass
class Scenario:
    name: str
    settings: dict[str, str] = field(default_factory=dict)
    events: list[str] = field(default_factory=list)
    expected: list[list[str]] = field(default_factory=list)
    cohorts: list[list[str]] = field(default_factory=list)


def scenarios() -> list[Scenario]:
    found: list[Scenario] = []
    into: list[list[str]] | None = None
    texts = [path.read_text() for path in sorted(Path(__file__).parent.glob("*.txt"))]
    for raw in "\n".join(texts).splitlines():
        line = raw.strip()
        if line.startswith("scenario: "):
            found.append(Scenario(line.removeprefix("scenario: ")))
            into = None
        elif line.startswith("settings "):
            found[-1].settings = dict(zip(*[iter(line.split()[1:])] * 2, strict=True))
        elif line.startswith("expect"):
            into = found[-1].cohorts if line == "expect ltv" else found[-1].expected
        elif line and not line.startswith(("#", "charge ", "cohort ")):
            if into is None:
                found[-1].events.append(line)
            else:
                into.append(re.split(r"\s{2,}", line))
    return found


def money(text: str) -> tuple[int, str]:
    amount, _, currency = text.partition("_")
    currency = currency or "usd"
    return int(Decimal(amount).scaleb(exponent(currency))), currency


def moment(day: str, hour: str, minute: str) -> int:
    return START + int(day) * DAY_MS + (int(hour) * 60 + int(minute)) * 60_000


def visitor_id(who: str) -> str:
    return uuid7(0, who.encode().ljust(10)) if who != "-" else ""


class Teller:
    """Turns the lines of a scenario into hits and facts of Stripe."""

    def __init__(self) -> None:
        self._paid: dict[str, PaymentFact] = {}

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
        fact = self._fact(charge, at, received)
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

    def charged(
        self, at: int, received: int, charge: str, amount: str, customer: str, *more: str
    ) -> PaymentFact:
        """A charge with what is said beside it: invoice in_..., subscription sub_..., an email."""
        paid = self.paid(at, received, charge, amount, next((m for m in more if "@" in m), "-"), customer)
        named = [next((each for each in more if each.startswith(kind)), "") for kind in ("in_", "sub_")]
        self._paid[charge] = replace(paid, invoice=named[0], subscription=named[1])
        return self._paid[charge]

    def linked(self, at: int, received: int, charge: str, subscription: str) -> PaymentFact:
        link = replace(self._fact(charge, at, received), kind=FactKind.LINK, id="inpay_1", amount_minor=0)
        return replace(link, invoice="", subscription=subscription)

    def invoice(self, at: int, received: int, invoice: str, customer: str, subscription: str) -> AccountFact:
        """An invoice of a subscription, or of none (-)."""
        said = account_fact(AccountKind.INVOICE, invoice, at, received_at=received, customer=customer)
        return replace(said, subscription=subscription.strip("-"))

    def subscription(self, at: int, received: int, name: str, customer: str, *asked: str) -> AccountFact:
        """Its status; what it asks for in its period, and how many days that has; its latest invoice."""
        status, amount, days, *invoice = asked
        minor, currency = money(amount)
        return account_fact(
            AccountKind.SUBSCRIPTION,
            name,
            at,
            received_at=received,
            customer=customer,
            status=status,
            amount_minor=minor,
            currency=currency,
            period_start_at=at,
            period_end_at=at + int(days) * DAY_MS,
            invoice=next(iter(invoice), ""),
            ended_at=at if status == "canceled" else None,
        )

    def refunded(self, at: int, received: int, charge: str, total: str) -> PaymentFact:
        return replace(self._fact(charge, at, received), refunded_minor=money(total)[0])

    def moved(self, at: int, received: int, charge: str, customer: str) -> PaymentFact:
        return replace(self._fact(charge, at, received), customer=customer)

    def named(self, at: int, received: int, charge: str, who: str) -> PaymentFact:
        link = replace(self._fact(charge, at, received), kind=FactKind.LINK, id="cs_1", amount_minor=0)
        return replace(link, visitor=visitor_id(who))

    def customer(self, at: int, received: int, customer: str, email: str, who: str = "") -> AccountFact:
        said = account_fact(AccountKind.CUSTOMER, customer, at, received_at=received, customer=customer)
        return replace(said, email_key=email.strip("-"), visitor=visitor_id(who) if who else "")

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

    def _fact(self, charge: str, at: int, received: int) -> PaymentFact:
        known = self._paid.get(charge)
        if known:
            return replace(known, observed_at=at, received_at=received)
        return charge_fact(charge, at, received_at=received, amount_minor=0)


def facts_of(scenario: Scenario) -> list[Fact]:
    """The facts in the order of arrival; a refund that arrives first knows its charge all the same."""
    teller = Teller()
    for line in scenario.events:
        if " paid " in line or " charged " in line:
            teller.facts(line)
    return [fact for line in scenario.events for fact in teller.facts(line)]


def net_by_channel(charge: AttributedCharge) -> dict[str, int]:
    found: dict[str, int] = {}
    for line in charge.lines:
        found[line.channel] = found.get(line.channel, 0) + line.amount_minor
    return found


def shares(channel: str, net: str) -> dict[str, int]:
    """One channel that has all that is left, or "podcast 4.00, newsletter 6.00"."""
    if "," not in channel:
        return {channel: money(net)[0]}
    return {name: money(amount)[0] for name, amount in (part.split() for part in channel.split(", "))}


def rules_of(scenario: Scenario) -> RuleBook:
    """The first version of the settings, and a second one where the scenario has settings."""
    given = scenario.settings
    if not given:
        return RuleBook()
    days = given.get("identify_days")
    rules = Rules(
        version=2,
        model=Model(given.get("model", "last_non_direct_click")),
        lookback_days=int(given.get("lookback_days", 30)),
        identify_days=int(days) if days else None,
        returning=Returning(given.get("returning", "keep")),
    )
    return RuleBook(versions={"ws_1": ((START + int(given.get("from_day", 0)) * DAY_MS, rules),)})


ALL = scenarios()


@pytest.mark.parametrize("scenario", [each for each in ALL if each.expected], ids=lambda each: each.name)
def test_the_book_says(scenario: Scenario) -> None:
    simulation = Simulation(rules_of(scenario))
    simulation.feed(*facts_of(scenario))
    simulation.run()
    found = {charge.state.charge: charge for charge in simulation.charges.values()}
    assert sorted(found) == sorted(row[0] for row in scenario.expected)
    for name, channel, gross, net, reason, *binding in scenario.expected:
        charge = found[name]
        assert net_by_channel(charge) == shares(channel, net)
        assert (charge.state.amount_minor, charge.state.currency) == money(gross)
        assert net_of(charge.state) == sum(line.amount_minor for line in charge.lines) == money(net)[0]
        assert charge.decision.reason == reason
        if binding:
            subscription, by, version = binding
            assert (charge.decision.subscription or "-", charge.decision.binding) == (subscription, by)
            assert charge.rules_version == int(version)


@pytest.mark.parametrize("scenario", [each for each in ALL if each.cohorts], ids=lambda each: each.name)
def test_what_payers_came_to(scenario: Scenario, tmp_path: Path) -> None:
    simulation = Simulation(rules_of(scenario))
    simulation.feed(*facts_of(scenario))
    charges = simulation.run().charges.values()
    store = Store.open(f"sqlite:///{tmp_path}/book.db")
    store.write_now(lambda c: post(c, at_offsets(*charges), START))
    found = store.read_now(lambda c: ltv(c, "ws_1", By.CHANNEL, "UTC"))
    store.close()
    earned = {(each.month, row.channel): row for each in found for row in each.rows}
    earned |= {(each.month, "together"): each.total for each in found}
    assert earned.keys() >= {(month, channel) for month, channel, *_ in scenario.cohorts}
    assert sum(len(each.rows) for each in found) == len({(row[0], row[1]) for row in scenario.cohorts}) - 1
    for month, channel, payers, what, months in scenario.cohorts:
        row = earned[month, channel]
        kinds = {
            "gross": [each.usd.gross_minor for each in row.months],
            "net": [each.usd.net_minor for each in row.months],
            "so far": [each.usd_so_far.net_minor for each in row.months],
        }
        assert (row.payers, kinds[what]) == (int(payers), [money(each)[0] for each in months.split()])
        assert all(each.native["usd"] == each.usd for each in row.months if each.native)
