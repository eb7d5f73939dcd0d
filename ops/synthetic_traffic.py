"""A crowd of visitors and what they buy, from a seed: hits, charges, refunds, renewals, late customers."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from trackrev_stream.domain.journeys.touch import Click, Hit, HitKind, Trust
from trackrev_stream.domain.payments.payment import FactKind, PaymentFact
from trackrev_stream.domain.values.days import DAY_MS
from trackrev_stream.domain.values.ids import uuid7

Fact = Hit | PaymentFact
WORKSPACE = "ws_1"
START = 1_750_000_000_000
DAYS = 40
HOUR_MS = 3_600_000
CHANNELS = ("newsletter", "youtube", "podcast", "partner")
_CHARGES_A_BUYER = 2


@dataclass(frozen=True, slots=True)
class Crowd:
    """So many visitors with so many page views each, and so many charges; ``name`` tells crowds apart.

    ``landings`` is the share of page views that come from elsewhere. Most visitors say who they are, some
    twice, some share an address, many say it after they paid. Half of the charges are renewals or further
    purchases; two thirds are refunded, in parts or wholly; of some the customer becomes known later.
    """

    seed: int
    visitors: int
    hits_each: int
    charges: int
    name: str = "0"
    landings: float = 0.75

    def hits(self) -> list[Hit]:
        """All hits, in an order that has little to do with time."""
        rng = random.Random(self.seed)
        found = [hit for number in range(self.visitors) for hit in self._visitor(rng, number)]
        rng.shuffle(found)
        return found

    def payments(self) -> list[Fact]:
        """All that is heard of the charges, in an order that has little to do with time."""
        rng = random.Random(self.seed + 1)
        return _mingled(rng, self._payments(rng))

    def facts(self) -> list[Fact]:
        """Everything mingled."""
        rng = random.Random(self.seed + 2)
        alone: list[list[Fact]] = [[hit] for hit in self.hits()]
        return _mingled(rng, [*alone, *self._payments(rng)])

    def _payments(self, rng: random.Random) -> list[list[Fact]]:
        """What is heard of the charges; of every other one all at once, as webhooks do come."""
        heard = [list(self._charge(rng, number)) for number in range(self.charges)]
        apart = [[fact] for facts in heard[1::2] for fact in facts]
        return [*heard[::2], *apart]

    def _visitor(self, rng: random.Random, number: int) -> Iterator[Hit]:
        visitor = uuid7(START, rng.randbytes(10))
        for n in range(self.hits_each):
            yield self._page_view(rng, visitor, f"{self.name}-{number}-{n}")
        for n in range(rng.choice((0, 1, 1, 2))):
            yield self._identify(rng, visitor, f"{self.name}-{number}-i{n}")

    def _identify(self, rng: random.Random, visitor: str, name: str) -> Hit:
        # Every other one is a buyer, however few of them there are.
        persons = rng.choice((self.visitors, self._buyers))
        hit = replace(self._page_view(rng, visitor, name), referrer="", click=None)
        trust = rng.choice((Trust.SIGNED, Trust.UNSIGNED))
        email_key = self._person(rng.randrange(persons))
        return replace(hit, kind=HitKind.IDENTIFY, email_key=email_key, trust=trust)

    def _page_view(self, rng: random.Random, visitor: str, name: str) -> Hit:
        at = START + rng.randrange(DAYS * 24) * HOUR_MS + rng.randrange(HOUR_MS)
        hit = Hit(
            workspace=WORKSPACE,
            id=f"hit-{name}",
            visitor=visitor,
            kind=HitKind.PAGEVIEW,
            occurred_at=at,
            received_at=at + rng.randrange(HOUR_MS),
            url="https://shop.example/",
            site="shop.example",
        )
        if rng.random() >= self.landings:
            return replace(hit, referrer="https://shop.example/pricing")
        match rng.randrange(3):
            case 0:
                return replace(hit, referrer="https://www.google.com/")
            case 1:
                channel = rng.choice(CHANNELS)
                return replace(hit, click=Click(f"click-{name}", channel, channel, "", at))
        return hit

    @property
    def _buyers(self) -> int:
        return max(1, min(self.visitors, self.charges // _CHARGES_A_BUYER))

    def _person(self, number: int) -> str:
        return f"person-{self.name}-{number}"

    def _charge(self, rng: random.Random, number: int) -> Iterator[Fact]:
        created = START + rng.randrange(5, DAYS + 5) * DAY_MS + rng.randrange(DAY_MS) // 1000 * 1000
        person, charge = rng.randrange(self._buyers), f"ch_{self.name}_{number}"
        paid = PaymentFact(
            kind=FactKind.CHARGE,
            workspace=WORKSPACE,
            account="own",
            livemode=True,
            payment=f"pi_{self.name}_{number}",
            charge=charge,
            id=charge,
            created_at=created,
            observed_at=created,
            received_at=created + rng.randrange(60_000),
            via="webhook",
            source_id=f"evt_{self.name}_{number}",
            status="succeeded",
            amount_minor=rng.randrange(100, 20_000),
            currency=rng.choice(("usd", "usd", "eur")),
            captured=True,
            email_key=self._person(person),
        )
        if person % 2:
            customer = f"cus_{self.name}_{person}"
            if rng.random() < 0.3:
                yield paid  # as a guest's, before anybody heard of the customer
                paid = replace(paid, observed_at=created + HOUR_MS, received_at=created + 2 * HOUR_MS)
            paid = replace(paid, customer=customer)
        yield paid
        yield from _refunds(rng, paid)


def _mingled(rng: random.Random, groups: list[list[Fact]]) -> list[Fact]:
    rng.shuffle(groups)
    return [fact for group in groups for fact in group]


def _refunds(rng: random.Random, paid: PaymentFact) -> Iterator[PaymentFact]:
    """Up to three, each told by the charge's sum, some by a refund of their own too."""
    returned = 0
    for step in range(rng.choice((0, 0, 1, 1, 2, 3))):
        left = paid.amount_minor - returned
        if not left:
            return
        amount = left if rng.random() < 0.2 else rng.randrange(1, left + 1)
        returned += amount
        seen = paid.observed_at + (step + 1) * DAY_MS
        yield replace(paid, observed_at=seen, received_at=seen, refunded_minor=returned)
        if rng.random() < 0.5:
            refund = replace(paid, kind=FactKind.REFUND, id=f"re_{paid.charge}_{step}", amount_minor=amount)
            yield replace(refund, created_at=seen, observed_at=seen, received_at=seen, customer="")
