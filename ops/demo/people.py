"""Who comes, and what they will do on which day: drawn from a seed, before anything happens.

Time goes in turns, two a day. All that somebody does in a turn is done in the order: come, pay, and what
becomes of payments.
"""

import random
from dataclasses import dataclass
from enum import Enum, auto

from ops.demo.ways import LINKS, WAYS, Way

TURNS_A_DAY = 2

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
_PRICES_MINOR = {
    "usd": (1_900, 2_900, 4_900, 9_900, 12_345, 48_000),
    "eur": (1_800, 2_700, 4_500, 8_900, 43_000),
    "gbp": (1_500, 2_400, 3_900, 7_900),
    "jpy": (2_900, 4_300, 7_400, 14_800),
}
_CURRENCIES = ("usd",) * 11 + ("eur",) * 5 + ("gbp",) * 2 + ("jpy",) * 2


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

    turn: int
    way: Way
    device: int = 0
    pages: int = 0
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Refund:
    """Money that goes back."""

    turn: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Dispute:
    """The buyer's bank takes all of it back; `outcome` is "won" (it comes home) or "lost"."""

    turn: int
    closed_in: int
    outcome: str


@dataclass(frozen=True, slots=True)
class Purchase:
    """A payment, and what becomes of it. With `weekly` it is the first of a subscription that renews."""

    turn: int
    amount_minor: int
    refunds: tuple[Refund, ...] = ()
    dispute: Dispute | None = None
    weekly: bool = False


@dataclass(frozen=True, slots=True)
class Person:
    """One person and all that they will do; `email` is told in the turn `gives_in`.

    `is_customer` says that Stripe knows them as a customer; others pay as guests. `agents` are their
    browsers, one for each device.
    """

    name: str
    email: str
    agents: tuple[str, ...]
    currency: str
    gives: Gives
    gives_in: int
    is_customer: bool
    arrivals: tuple[Arrival, ...]
    purchases: tuple[Purchase, ...] = ()


@dataclass(frozen=True, slots=True)
class Bot:
    """A crawler that follows a tracked link."""

    turn: int
    slug: str


def turns_of(days: int) -> int:
    """How many turns so many days have: the last one is now, and the first one on the first of the days."""
    return (days - 1) * TURNS_A_DAY + 1


def people(seed: int, count: int, days: int) -> list[Person]:
    """So many people; the same for the same seed. The first few see to it that there is something of all."""
    chance = random.Random(f"people {seed}")
    turns = turns_of(days)
    return [_Draw(chance, number, turns).person() for number in range(count)]


def bots(seed: int, count: int, days: int) -> list[Bot]:
    """So many crawlers."""
    chance = random.Random(f"bots {seed}")
    return [Bot(chance.randrange(turns_of(days)), chance.choice(LINKS).slug) for _ in range(count)]


class _Draw:
    """Draws one person. Whoever has one of these numbers does what it says, whatever the chances are."""

    DISPUTE_WON, DISPUTE_LOST, SUBSCRIBES, GIVES_LATE = range(4)

    def __init__(self, chance: random.Random, number: int, turns: int) -> None:
        self._chance = chance
        self._number = number
        self._last = turns - 1
        self._first = chance.randrange(turns)
        if number <= self.GIVES_LATE:
            self._first = 0

    def person(self) -> Person:
        chance = self._chance
        gives = self._gives()
        currency = chance.choice(_CURRENCIES)
        devices = 2 if gives is Gives.BEFORE_PAYING and chance.random() < 0.15 else 1
        arrivals = [self._arrival(self._first, 0)]
        while len(arrivals) < devices or (len(arrivals) < 4 and chance.random() < 0.3):
            turn = min(arrivals[-1].turn + chance.randrange(4), self._pays_by())
            arrivals.append(self._arrival(turn, len(arrivals) % devices))
        purchases = self._purchases(gives, currency, arrivals[-1].turn)
        paid = purchases[0].turn if purchases else arrivals[-1].turn
        late = self._later(paid, 5) if gives is Gives.AFTER_PAYING else paid
        if len(purchases) > 1 and chance.random() < 0.7:
            arrivals.append(self._arrival(purchases[1].turn, 0))
        name = chance.choice(_NAMES)
        return Person(
            name=name,
            email=f"{name.lower()}.{self._number}@mail.example",
            agents=tuple(chance.sample(_AGENTS, devices)),
            currency=currency,
            gives=gives,
            gives_in=late,
            is_customer=chance.random() < 0.6 or any(each.weekly for each in purchases),
            arrivals=tuple(arrivals),
            purchases=purchases,
        )

    def _gives(self) -> Gives:
        drawn = self._chance.choices((Gives.NEVER, Gives.BEFORE_PAYING, Gives.AFTER_PAYING), (25, 60, 15))[0]
        late = Gives.AFTER_PAYING
        return {self.GIVES_LATE: late, self.SUBSCRIBES: Gives.BEFORE_PAYING}.get(self._number, drawn)

    def _pays_by(self) -> int:
        """Those who must do something pay in time for it."""
        return min(1, self._last) if self._number <= self.GIVES_LATE else self._last

    def _later(self, turn: int, most: int) -> int:
        """A later turn, where there is one."""
        return min(turn + self._chance.randint(1, most), self._last)

    def _arrival(self, turn: int, device: int) -> Arrival:
        chance = self._chance
        way = chance.choices([way for way, _ in WAYS], [weight for _, weight in WAYS])[0]
        return Arrival(turn, way, device, pages=chance.randrange(4), repeated=chance.random() < 0.15)

    def _purchases(self, gives: Gives, currency: str, turn: int) -> tuple[Purchase, ...]:
        chance = self._chance
        must = self._number <= self.GIVES_LATE
        if not must and chance.random() > (0.2 if gives is Gives.NEVER else 0.5):
            return ()
        early = not must and turn <= 2 * TURNS_A_DAY  # so that it renews in time
        at_will = early and gives is not Gives.AFTER_PAYING and chance.random() < 0.3
        if self._number == self.SUBSCRIBES or at_will:
            return (Purchase(turn, self._amount(currency), weekly=True),)
        first = self._purchase(turn, currency)
        # An email given late fills one open payment; which of two it would fill is no matter for a demo.
        if gives is Gives.AFTER_PAYING or turn == self._last or chance.random() > 0.25:
            return (first,)
        return first, self._purchase(self._later(turn, 6), currency)

    def _purchase(self, turn: int, currency: str) -> Purchase:
        amount_minor = self._amount(currency)
        dispute = self._dispute(turn)
        return Purchase(turn, amount_minor, () if dispute else self._refunds(turn, amount_minor), dispute)

    def _amount(self, currency: str) -> int:
        return self._chance.choice(_PRICES_MINOR[currency]) + self._chance.randrange(100)

    def _dispute(self, turn: int) -> Dispute | None:
        chance = self._chance
        drawn = chance.choices(("", "won", "lost"), (94, 3, 3))[0]
        outcome = {self.DISPUTE_WON: "won", self.DISPUTE_LOST: "lost"}.get(self._number, drawn)
        if not outcome:
            return None
        opened = self._later(turn, 4)
        return Dispute(opened, self._later(opened, 6), outcome)

    def _refunds(self, turn: int, amount_minor: int) -> tuple[Refund, ...]:
        chance = self._chance
        kind = chance.choices(("none", "whole", "part", "parts"), (75, 8, 10, 7))[0]
        if kind == "none":
            return ()
        if kind == "whole":
            return (Refund(self._later(turn, 8), amount_minor),)
        parts = 1 if kind == "part" else chance.randint(2, 3)
        amounts = [chance.randint(1, amount_minor // 4) for _ in range(parts)]
        return tuple(Refund(self._later(turn, 8), each) for each in amounts)
