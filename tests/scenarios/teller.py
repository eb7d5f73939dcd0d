"""The words of scenarios: each line becomes a hit, a fact of Stripe, or several."""

import re
from dataclasses import replace

from tests.facts import account_fact, charge_fact, hit
from tests.scenarios.amounts import START, money
from tests.scenarios.money_words import MoneyWords, Told
from trackrev_stream.domain.journeys.touch import Click, Hit, HitKind, Trust
from trackrev_stream.domain.payments.payment import FactKind, PaymentFact
from trackrev_stream.domain.payments.subscription import AccountFact, AccountKind
from trackrev_stream.domain.values.days import DAY_MS
from trackrev_stream.domain.values.ids import uuid7

LINE = re.compile(r"day (\d+)\s+(\d\d):(\d\d)\s+(\w+)\s+(.*?)(?:\s+seen day (\d+) (\d\d):(\d\d))?$")
Fact = Hit | PaymentFact | AccountFact


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

    def charged(
        self, at: int, received: int, charge: str, amount: str, customer: str, *more: str
    ) -> PaymentFact:
        """A charge with what is said beside it: invoice in_..., subscription sub_..., an email."""
        paid = self.paid(at, received, charge, amount, next((m for m in more if "@" in m), "-"), customer)
        named = [next((each for each in more if each.startswith(kind)), "") for kind in ("in_", "sub_")]
        self._paid[charge] = replace(paid, invoice=named[0], subscription=named[1])
        return self._paid[charge]

    def linked(self, at: int, received: int, charge: str, subscription: str) -> PaymentFact:
        link = replace(self.sight(charge, at, received), kind=FactKind.LINK, id="inpay_1", amount_minor=0)
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
        return replace(self.sight(charge, at, received), refunded_minor=money(total)[0])

    def moved(self, at: int, received: int, charge: str, customer: str) -> PaymentFact:
        return replace(self.sight(charge, at, received), customer=customer)

    def named(self, at: int, received: int, charge: str, who: str) -> PaymentFact:
        link = replace(self.sight(charge, at, received), kind=FactKind.LINK, id="cs_1", amount_minor=0)
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

    def sight(self, charge: str, at: int, received: int) -> PaymentFact:
        known = self._paid.get(charge)
        if known:
            return replace(known, observed_at=at, received_at=received)
        return charge_fact(charge, at, received_at=received, amount_minor=0)
