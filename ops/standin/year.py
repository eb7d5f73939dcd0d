"""A year of business, made up from a seed: what thousands of people bought, gave back and disputed."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final

from ops.standin.aftermath import Aftermath
from ops.standin.errors import Json
from ops.standin.people import Buyer, Person, Quitter, Subscriber
from ops.standin.server import StandIn
from ops.standin.versions import BASIL

START_S: Final = 1_735_689_600
"""2025-01-01 in UTC."""
END_S: Final = START_S + 365 * 86_400
CONNECTED: Final = ("acct_1YearShopAurora", "acct_1YearShopBoreal")
_CHARGES_A_SUBSCRIBER: Final = 10
"""One in so many charges is somebody's who subscribes; each pays about four times."""
_CHARGES_A_QUITTER: Final = 100


@dataclass(frozen=True, slots=True)
class Year:
    """What happened: `stand_in` holds the objects and the books, and can be started; its clock is at the end.

    `events` are in the order in which they happened; those of connected accounts carry `account`. A `Sender`
    delivers them, in that order or in a worse one.
    """

    stand_in: StandIn
    events: list[Json]

    def charges(self) -> list[Json]:
        """Every charge of every account as it is at the end, also failed and pending ones."""
        merchants = self.stand_in.merchants.values()
        return [charge for merchant in merchants for charge in merchant.account.tables["charges"].values()]


def year(seed: int = 0, charges: int = 10_000, api_version: str = BASIL) -> Year:
    """A year in which exactly so many charges were paid, beside those that failed or were given up.

    The same seed gives the same objects and events. ValueError for too few charges.
    """
    if charges < _CHARGES_A_SUBSCRIBER:
        raise ValueError(f"a year has at least {_CHARGES_A_SUBSCRIBER} charges, not {charges}")
    stand_in = StandIn(seed=seed, clock=lambda: START_S * 1000, connected=CONNECTED, api_version=api_version)
    events: list[Json] = []
    stand_in.listeners += [events.append, Aftermath(stand_in, seed, END_S).see]
    # Nobody knows beforehand how often subscriptions will be paid, so they have the year for themselves, and
    # then those who buy once have the same year until the number is full.
    subscribers = charges // _CHARGES_A_SUBSCRIBER
    _live(stand_in, [Subscriber(seed, number) for number in range(subscribers)])
    buyers = charges - len(stand_in.books.by_charge())
    if buyers < 0:
        raise ValueError(f"subscriptions alone made more than {charges} charges; try another seed")
    once = [Buyer(seed, number) for number in range(buyers)]
    _live(stand_in, [*once, *(Quitter(seed, number) for number in range(charges // _CHARGES_A_QUITTER))])
    stand_in.listeners.clear()
    events.sort(key=lambda event: int(event["created"]))
    stand_in.books.movements.sort(key=lambda movement: movement.at_s)
    return Year(stand_in, events)


def invite(stand_in: StandIn, people: Iterable[Person], from_s: int, to_s: int) -> None:
    """Plans when people come, between two times in seconds since the epoch; the clock then brings them."""
    merchants = list(stand_in.merchants.values())
    for person in people:
        # Four of five come to the platform's own shop.
        merchant = merchants[0] if person.chance.random() < 0.8 else person.chance.choice(merchants)
        stand_in.agenda.add(person.comes_at_s(from_s, to_s), partial(person.act, merchant))


def _live(stand_in: StandIn, people: Iterable[Person]) -> None:
    """Lets the year pass, from its beginning, with these people."""
    stand_in.clock.hold(START_S * 1000)
    stand_in.clock.release()
    invite(stand_in, people, START_S, END_S)
    stand_in.advance_to(END_S * 1000)
