"""The shop: it sees its people come and pay, and books each payment where it knows they came from.

Its word is the expectation that the program is held against, so it is derived here from what people did,
by the promise made to merchants, and from nothing that the program says.
"""

import asyncio
import random
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass, field

from ops.demo.browser import Browser, Edge, Tally, crawl
from ops.demo.people import Arrival, Bot, Gives, Person, Purchase
from ops.demo.stripe import Till
from ops.demo.ways import DIRECT, UNATTRIBUTED

MOST_AT_ONCE = 24
_BETWEEN_S = 150
"""By the shop's clock, between coming and paying, and between that and what becomes of it. Stripe tells times
in whole seconds: whoever came within the second of a charge came before it."""


@dataclass(slots=True)
class Sales:
    """What the shop did at its till; renewals come by themselves."""

    people: int = 0
    payments: int = 0
    subscriptions: int = 0
    refunds: int = 0
    won: int = 0
    lost: int = 0
    late_emails: int = 0


@dataclass(slots=True)
class _Case:
    """What is known of one person: their browsers, what they paid, and what was disputed."""

    person: Person
    browsers: list[Browser]
    customer: str = ""
    charges: dict[int, str] = field(default_factory=dict)
    disputes: dict[int, str] = field(default_factory=dict)


def earned_by(gives: Gives, came: Sequence[Arrival]) -> str:
    """The channel that earned a payment of somebody who came so.

    The last way that was not direct wins; direct only where there was no other. Without an email nobody can
    tell which visitor paid.
    """
    if gives is Gives.NEVER:
        return UNATTRIBUTED
    channels = [arrival.way.channel for arrival in reversed(came)]
    return next((channel for channel in channels if channel != DIRECT), DIRECT)


def channel_of(person: Person, purchase: Purchase) -> str:
    """The channel that earned a purchase: what won a customer earns what they buy later too.

    Guests are won anew each time.
    """
    decides = person.purchases[0] if person.is_customer else purchase
    return earned_by(person.gives, [each for each in person.arrivals if each.turn <= decides.turn])


class Shop:
    """Lets people do what they do in each turn; a bounded number at a time."""

    def __init__(
        self, till: Till, edge: Edge, people: Sequence[Person], bots: Sequence[Bot], seed: int
    ) -> None:
        self.tally = Tally()
        self.sales = Sales(people=len(people))
        self._till = till
        self._edge = edge
        self._chance = random.Random(f"queue {seed}")
        self._queue = asyncio.Lock()  # people pay one after the other, some seconds apart
        self._bots = bots
        self._cases = [_Case(person, self._devices(person, seed)) for person in people]

    async def turn(self, turn: int) -> None:
        """People come, then pay, then comes what becomes of payments.

        Raises an ExceptionGroup when something went wrong for anybody.
        """
        await _all([self._come(case, turn) for case in self._cases], self._crawled(turn))
        self._edge.clock.forward(_BETWEEN_S)
        await _all([self._buy(case, turn) for case in self._cases])
        self._edge.clock.forward(_BETWEEN_S)
        await _all([self._afterwards(case, turn) for case in self._cases])

    async def close(self) -> None:
        """Everybody closes their browsers."""
        for case in self._cases:
            for browser in case.browsers:
                await browser.close()

    def _devices(self, person: Person, seed: int) -> list[Browser]:
        chance = random.Random(f"{person.email} {seed}")
        return [Browser(self._edge, agent, chance, self.tally) for agent in person.agents]

    async def _come(self, case: _Case, turn: int) -> None:
        person = case.person
        came = [arrival for arrival in person.arrivals if arrival.turn == turn]
        for arrival in came:
            browser = case.browsers[arrival.device]
            await self._till.visited(arrival.way.channel)
            await browser.arrive(arrival.way, repeated=arrival.repeated)
            for page in ("/pricing", "/docs", "/about")[: arrival.pages]:
                await browser.look(page)
        if person.gives is Gives.BEFORE_PAYING and person.gives_in == turn:
            for browser in case.browsers:
                await browser.identify(person.email)

    async def _buy(self, case: _Case, turn: int) -> None:
        person = case.person
        for number, purchase in enumerate(person.purchases):
            if purchase.turn != turn:
                continue
            if person.is_customer and not case.customer:
                case.customer = await self._till.customer(person.email, person.name)
            async with self._queue:
                self._edge.clock.forward(self._chance.randint(5, 40))
                await self._pay(case, number, purchase)
            await case.browsers[-1].come_back_from_paying()

    async def _pay(self, case: _Case, number: int, purchase: Purchase) -> None:
        person, channel = case.person, channel_of(case.person, purchase)
        if purchase.weekly:
            await self._till.subscribe(purchase.amount_minor, person.currency, case.customer, channel)
            self.sales.subscriptions += 1
        else:
            # People spell their address now this way, now that.
            said = (purchase.amount_minor, person.currency, person.email.title())
            case.charges[number] = await self._till.pay(*said, case.customer, channel)
        self.sales.payments += 1

    async def _afterwards(self, case: _Case, turn: int) -> None:
        person = case.person
        if person.gives is Gives.AFTER_PAYING and person.gives_in == turn:
            await case.browsers[0].identify(person.email)
            self.sales.late_emails += bool(person.purchases)
        for number, purchase in enumerate(person.purchases):
            for refund in purchase.refunds:
                if refund.turn == turn:
                    await self._till.refund(case.charges[number], refund.amount_minor)
                    self.sales.refunds += 1
            if purchase.dispute is not None:
                await self._disputed(case, number, purchase, turn)

    async def _disputed(self, case: _Case, number: int, purchase: Purchase, turn: int) -> None:
        dispute = purchase.dispute
        assert dispute is not None
        if dispute.turn == turn:
            case.disputes[number] = await self._till.dispute(case.charges[number])
        if dispute.closed_in == turn:
            await self._till.end_dispute(case.disputes[number], dispute.outcome)
            self.sales.won += dispute.outcome == "won"
            self.sales.lost += dispute.outcome == "lost"

    async def _crawled(self, turn: int) -> None:
        for bot in self._bots:
            if bot.turn == turn:
                await crawl(self._edge, bot.slug, self.tally)


async def _all(work: Iterable[Awaitable[None]], *more: Awaitable[None]) -> None:
    room = asyncio.Semaphore(MOST_AT_ONCE)

    async def in_room(one: Awaitable[None]) -> None:
        async with room:
            await one

    async with asyncio.TaskGroup() as tasks:
        for each in (*work, *more):
            tasks.create_task(in_room(each))
