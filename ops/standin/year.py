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
    # Nobody knows beforehand how often subscriptions will be paid, so they have the year for themselves, and
    # then those who buy once have the same year until the number is full.
    made = _subscribed(seed, charges, api_version)
    stand_in = made.stand_in
    _live(stand_in, _others(seed, charges, charges - len(stand_in.books.by_charge())))
    stand_in.listeners.clear()
    made.events.sort(key=lambda event: int(event["created"]))
    stand_in.books.movements.sort(key=lambda movement: movement.at_s)
    return made


def coming(seed: int = 0, charges: int = 10_000, api_version: str = BASIL) -> Year:
    """The same people in a year that is still to come: who puts its clock forward sees it happen.

    Who comes when is as in `year`; ids and what chance makes of charges are not. ValueError as there.
    """
    begun = _begun(seed, api_version)
    invite(begun.stand_in, people(seed, charges), START_S, END_S)
    return begun


def people(seed: int = 0, charges: int = 10_000) -> list[Person]:
    """Everybody who comes in such a year. ValueError as for `year`."""
    buyers = charges - len(_subscribed(seed, charges, BASIL).stand_in.books.by_charge())
    return [*_subscribers(seed, charges), *_others(seed, charges, buyers)]


def invite(stand_in: StandIn, people: Iterable[Person], from_s: int, to_s: int) -> None:
    """Plans when people come, between two times in seconds since the epoch; the clock then brings them."""
    merchants = list(stand_in.merchants.values())
    for person in people:
        # Four of five come to the platform's own shop.
        merchant = merchants[0] if person.chance.random() < 0.8 else person.chance.choice(merchants)
        stand_in.agenda.add(person.comes_at_s(from_s, to_s), partial(person.act, merchant))


def _begun(seed: int, api_version: str) -> Year:
    """A year of which nothing has happened yet; its clock is at the beginning."""
    stand_in = StandIn(seed=seed, clock=lambda: START_S * 1000, connected=CONNECTED, api_version=api_version)
    events: list[Json] = []
    stand_in.listeners += [events.append, Aftermath(stand_in, seed, END_S).see]
    return Year(stand_in, events)


def _subscribed(seed: int, charges: int, api_version: str) -> Year:
    """A year of those alone who subscribe. ValueError for too few charges, or where they alone make more."""
    if charges < _CHARGES_A_SUBSCRIBER:
        raise ValueError(f"a year has at least {_CHARGES_A_SUBSCRIBER} charges, not {charges}")
    made = _begun(seed, api_version)
    _live(made.stand_in, _subscribers(seed, charges))
    if len(made.stand_in.books.by_charge()) > charges:
        raise ValueError(f"subscriptions alone made more than {charges} charges; try another seed")
    return made


def _subscribers(seed: int, charges: int) -> list[Person]:
    return [Subscriber(seed, number) for number in range(charges // _CHARGES_A_SUBSCRIBER)]


def _others(seed: int, charges: int, buyers: int) -> list[Person]:
    quitters = charges // _CHARGES_A_QUITTER
    return [
        *(Buyer(seed, number) for number in range(buyers)),
        *(Quitter(seed, number) for number in range(quitters)),
    ]


def _live(stand_in: StandIn, people: Iterable[Person]) -> None:
    """Lets the year pass, from its beginning, with these people."""
    stand_in.clock.hold(START_S * 1000)
    stand_in.clock.release()
    invite(stand_in, people, START_S, END_S)
    stand_in.advance_to(END_S * 1000)
