"""Money as text: what happens, and what the book must say; readable without reading Python."""

import re
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

import pytest

from tests.agents.simulation import Simulation
from tests.facts import charge_fact, hit
from trackrev_stream.domain.ids import uuid7
from trackrev_stream.domain.ledger import net_of
from trackrev_stream.domain.money import exponent
from trackrev_stream.domain.payment import FactKind, PaymentFact
from trackrev_stream.domain.subscription import AccountFact, AccountKind
from trackrev_stream.domain.touch import DAY_MS, Click, Hit, HitKind, Trust

START = 1_760_000_000_000 // DAY_MS * DAY_MS
LINE = re.compile(r"day (\d+)\s+(\d\d):(\d\d)\s+(\w+)\s+(.*?)(?:\s+seen day (\d+) (\d\d):(\d\d))?$")
Fact = Hit | PaymentFact | AccountFact


@dataclass
class Scenario:
    name: str
    events: list[str] = field(default_factory=list)
    expected: list[list[str]] = field(default_factory=list)


def scenarios() -> list[Scenario]:
    found: list[Scenario] = []
    expecting = False
    texts = [path.read_text() for path in sorted(Path(__file__).parent.glob("*.txt"))]
    for raw in "\n".join(texts).splitlines():
        line = raw.strip()
        if line.startswith("scenario: "):
            found.append(Scenario(line.removeprefix("scenario: ")))
            expecting = False
        elif line == "expect":
            expecting = True
        elif line and not line.startswith(("#", "charge ")):
            if expecting:
                found[-1].expected.append(re.split(r"\s{2,}", line))
            else:
                found[-1].events.append(line)
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

    def refunded(self, at: int, received: int, charge: str, total: str) -> PaymentFact:
        return replace(self._fact(charge, at, received), refunded_minor=money(total)[0])

    def moved(self, at: int, received: int, charge: str, customer: str) -> PaymentFact:
        return replace(self._fact(charge, at, received), customer=customer)

    def named(self, at: int, received: int, charge: str, who: str) -> PaymentFact:
        link = replace(self._fact(charge, at, received), kind=FactKind.LINK, id="cs_1", amount_minor=0)
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

    def _fact(self, charge: str, at: int, received: int) -> PaymentFact:
        known = self._paid.get(charge)
        if known:
            return replace(known, observed_at=at, received_at=received)
        return charge_fact(charge, at, received_at=received, amount_minor=0)


def facts_of(scenario: Scenario) -> list[Fact]:
    """The facts in the order of arrival; a refund that arrives first knows its charge all the same."""
    teller = Teller()
    for line in scenario.events:
        if " paid " in line:
            teller.facts(line)
    return [fact for line in scenario.events for fact in teller.facts(line)]


@pytest.mark.parametrize("scenario", scenarios(), ids=lambda scenario: scenario.name)
def test_the_book_says(scenario: Scenario) -> None:
    simulation = Simulation()
    simulation.feed(*facts_of(scenario))
    simulation.run()
    found = {charge.state.charge: charge for charge in simulation.charges.values()}
    assert sorted(found) == sorted(row[0] for row in scenario.expected)
    for name, channel, gross, net, reason in scenario.expected:
        charge = found[name]
        assert {line.channel for line in charge.lines} == {channel}
        assert (charge.state.amount_minor, charge.state.currency) == money(gross)
        assert net_of(charge.state) == sum(line.amount_minor for line in charge.lines) == money(net)[0]
        assert charge.decision.reason == reason
