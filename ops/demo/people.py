"""Who comes, and what they will do: drawn from a seed, before anything happens."""

import random
from dataclasses import dataclass
from enum import Enum, auto

from ops.demo.ways import LINKS, WAYS, Way

ARRIVALS_A_SECOND = 30

_CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0"
_SAFARI = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5"
_AGENTS = (
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROME} Safari/537.36",
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_SAFARI} Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) {_SAFARI} Mobile/15E148 Safari/604.1",
    f"Mozilla/5.0 (Linux; Android 15; Pixel 9) {_CHROME} Mobile Safari/537.36",
)
BOT_AGENT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
_NAMES = ("Ada", "Bela", "Chiara", "Deniz", "Elif", "Femi", "Greta", "Hana", "Ivo", "Jun", "Kaja", "Luis")
_PRICES_MINOR = (1_900, 2_900, 4_900, 9_900, 12_345, 48_000)


class Gives(Enum):
    """When a person tells the shop's page an email."""

    NEVER = auto()
    BEFORE_PAYING = auto()
    AFTER_PAYING = auto()


@dataclass(frozen=True, slots=True)
class Arrival:
    """One coming to the shop, on one of the person's devices.

    `pages` are looked at after the landing; with `repeated` the browser sends the landing twice.
    """

    way: Way
    device: int
    pages: int
    repeated: bool


@dataclass(frozen=True, slots=True)
class Purchase:
    """A payment, and what of it goes back, one refund after the other. Minor units."""

    amount_minor: int
    refunds_minor: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """One visitor and all that they will do.

    A second purchase comes after `comeback`, if there is one. `is_customer` says that Stripe knows them as a
    customer; others pay as guests. `agents` are their browsers, one for each device.
    """

    name: str
    email: str
    agents: tuple[str, ...]
    comes_after_s: float
    thinks_s: float
    gives: Gives
    is_customer: bool
    arrivals: tuple[Arrival, ...]
    purchases: tuple[Purchase, ...] = ()
    comeback: Arrival | None = None


@dataclass(frozen=True, slots=True)
class Bot:
    """A crawler that follows a tracked link."""

    slug: str
    comes_after_s: float


def people(seed: int, count: int) -> list[Person]:
    """So many people; the same for the same seed."""
    chance = random.Random(f"people {seed}")
    return [_person(chance, number, count) for number in range(count)]


def bots(seed: int, count: int) -> list[Bot]:
    """So many crawlers."""
    chance = random.Random(f"bots {seed}")
    span_s = count / ARRIVALS_A_SECOND
    return [Bot(chance.choice(LINKS).slug, chance.uniform(0, span_s)) for _ in range(count)]


def _person(chance: random.Random, number: int, count: int) -> Person:
    gives = _when_given(chance)
    devices = 2 if gives is Gives.BEFORE_PAYING and chance.random() < 0.15 else 1
    arrivals = [_arrival(chance, 0)]
    while len(arrivals) < devices or (len(arrivals) < 4 and chance.random() < 0.3):
        arrivals.append(_arrival(chance, len(arrivals) % devices))
    purchases = _purchases(chance, gives)
    returns = len(purchases) > 1 and chance.random() < 0.7
    name = chance.choice(_NAMES)
    return Person(
        name=name,
        email=f"{name.lower()}.{number}@mail.example",
        agents=tuple(chance.sample(_AGENTS, devices)),
        comes_after_s=chance.uniform(0, count / ARRIVALS_A_SECOND),
        thinks_s=chance.uniform(0.03, 0.25),
        gives=gives,
        is_customer=chance.random() < 0.6,
        arrivals=tuple(arrivals),
        purchases=purchases,
        comeback=_arrival(chance, 0) if returns else None,
    )


def _when_given(chance: random.Random) -> Gives:
    return chance.choices((Gives.NEVER, Gives.BEFORE_PAYING, Gives.AFTER_PAYING), (25, 60, 15))[0]


def _arrival(chance: random.Random, device: int) -> Arrival:
    way = chance.choices([way for way, _ in WAYS], [weight for _, weight in WAYS])[0]
    return Arrival(way, device, pages=chance.randrange(4), repeated=chance.random() < 0.15)


def _purchases(chance: random.Random, gives: Gives) -> tuple[Purchase, ...]:
    if chance.random() > (0.2 if gives is Gives.NEVER else 0.5):
        return ()
    # An email given late fills one open payment. Which of two it would fill first is no matter for a demo.
    again = gives is not Gives.AFTER_PAYING and chance.random() < 0.25
    return tuple(_purchase(chance) for _ in range(2 if again else 1))


def _purchase(chance: random.Random) -> Purchase:
    amount_minor = chance.choice(_PRICES_MINOR) + chance.randrange(100)
    return Purchase(amount_minor, _refunds(chance, amount_minor))


def _refunds(chance: random.Random, amount_minor: int) -> tuple[int, ...]:
    kind = chance.choices(("none", "whole", "part", "parts"), (75, 8, 10, 7))[0]
    if kind == "none":
        return ()
    if kind == "whole":
        return (amount_minor,)
    parts = 1 if kind == "part" else chance.randint(2, 3)
    return tuple(chance.randint(1, amount_minor // 4) for _ in range(parts))
