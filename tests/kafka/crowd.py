"""A crowd of visitors and what they buy: thousands of hits, hundreds of charges with refunds, from a seed."""

import random
from dataclasses import replace

from trackrev_stream.domain.ids import uuid7
from trackrev_stream.domain.payment import FactKind, PaymentFact
from trackrev_stream.domain.touch import DAY_MS, Click, Hit, HitKind, Trust

Fact = Hit | PaymentFact
START = 1_750_000_000_000
HOUR_MS = 3_600_000
CHANNELS = ("newsletter", "youtube", "podcast", "partner")


def crowd(seed: int, visitors: int, hits_each: int, charges: int) -> list[Fact]:
    """Everything that happens, in an order that has little to do with time."""
    rng = random.Random(seed)
    found: list[Fact] = []
    for number in range(visitors):
        visitor = uuid7(START, rng.randbytes(10))
        found += [_hit(rng, visitor, f"{number}-{n}") for n in range(hits_each)]
        # Some share an address, some have two.
        persons = [rng.randrange(visitors) for _ in range(rng.choice((0, 1, 1, 2)))]
        found += [_identify(rng, visitor, f"{number}-i{n}", who) for n, who in enumerate(persons)]
    for number in range(charges):
        found += _charge(rng, number, visitors)
    rng.shuffle(found)
    return found


def _hit(rng: random.Random, visitor: str, name: str) -> Hit:
    at = START + rng.randrange(40 * 24) * HOUR_MS + rng.randrange(HOUR_MS)
    hit = Hit(
        workspace="ws_1",
        id=f"hit-{name}",
        visitor=visitor,
        kind=HitKind.PAGEVIEW,
        occurred_at=at,
        received_at=at + rng.randrange(HOUR_MS),
        url="https://shop.example/",
        site="shop.example",
    )
    match rng.randrange(4):
        case 0:
            return replace(hit, referrer="https://www.google.com/")
        case 1:
            return replace(hit, referrer="https://shop.example/pricing")
        case 2:
            channel = rng.choice(CHANNELS)
            return replace(hit, click=Click(f"click-{name}", channel, channel, "", at))
    return hit


def _identify(rng: random.Random, visitor: str, name: str, person: int) -> Hit:
    trust = rng.choice((Trust.SIGNED, Trust.UNSIGNED))
    hit = replace(_hit(rng, visitor, name), referrer="", click=None)
    return replace(hit, kind=HitKind.IDENTIFY, email_key=f"person-{person}", trust=trust)


def _charge(rng: random.Random, number: int, persons: int) -> list[PaymentFact]:
    created = START + rng.randrange(5, 45) * DAY_MS + rng.randrange(DAY_MS) // 1000 * 1000
    amount = rng.randrange(100, 20_000)
    person = rng.randrange(persons)
    paid = PaymentFact(
        kind=FactKind.CHARGE,
        workspace="ws_1",
        account="own",
        livemode=True,
        payment=f"pi_{number}",
        charge=f"ch_{number}",
        id=f"ch_{number}",
        created_at=created,
        observed_at=created,
        received_at=created + rng.randrange(60_000),
        via="webhook",
        source_id=f"evt_{number}",
        status="succeeded",
        amount_minor=amount,
        currency=rng.choice(("usd", "usd", "eur")),
        captured=True,
        email_key=f"person-{person}",
        customer=f"cus_{person}" if person % 2 else "",
    )
    facts, returned = [paid], 0
    for step in range(rng.choice((0, 0, 1, 2))):
        returned = min(amount, returned + rng.randrange(1, amount))
        seen = created + (step + 1) * DAY_MS
        facts.append(replace(paid, observed_at=seen, received_at=seen, refunded_minor=returned))
    return facts
