"""The shop: it sees its people come and pay, and books each payment where it knows they came from.

Its word is the expectation that the program is held against, so it is derived here from what people did,
by the promise made to merchants, and from nothing that the program says.
"""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import aiohttp

from ops.demo.browser import Browser, Tally, crawl
from ops.demo.people import Arrival, Bot, Gives, Person, Purchase
from ops.demo.stripe import Charge, Till
from ops.demo.ways import DIRECT, UNATTRIBUTED

MOST_AT_ONCE = 64
_LATE_S = (1.3, 3.0)


@dataclass(slots=True)
class Sales:
    """What the shop sold."""

    visitors: int = 0
    charges: int = 0
    refunds: int = 0
    late_emails: int = 0


def earned_by(gives: Gives, came: Sequence[Arrival]) -> str:
    """The channel that earned a payment of somebody who came so.

    The last way that was not direct wins; direct only where there was no other. Without an email nobody can
    tell which visitor paid.
    """
    if gives is Gives.NEVER:
        return UNATTRIBUTED
    channels = [arrival.way.channel for arrival in reversed(came)]
    return next((channel for channel in channels if channel != DIRECT), DIRECT)


@dataclass(slots=True)
class Shop:
    """Lets people in: a bounded number at a time, each doing one thing after the other."""

    till: Till
    connector: aiohttp.BaseConnector
    url: str
    seed: int
    tally: Tally = field(default_factory=Tally)
    sales: Sales = field(default_factory=Sales)

    async def open_for(self, people: Sequence[Person], bots: Sequence[Bot]) -> None:
        """Return when everybody has left. Raises an ExceptionGroup when something went wrong for anybody."""
        room = asyncio.Semaphore(MOST_AT_ONCE)
        async with asyncio.TaskGroup() as tasks:
            for person in people:
                tasks.create_task(self._welcome(person, room))
            for bot in bots:
                tasks.create_task(self._crawled(bot))

    async def _welcome(self, person: Person, room: asyncio.Semaphore) -> None:
        await asyncio.sleep(person.comes_after_s)
        chance = random.Random(f"{person.email} {self.seed}")
        async with room:
            browsers = [
                Browser(self.connector, self.url, agent, chance, self.tally) for agent in person.agents
            ]
            try:
                await self._serve(person, browsers, chance)
            finally:
                for browser in browsers:
                    await browser.close()
        self.sales.visitors += 1

    async def _serve(self, person: Person, browsers: list[Browser], chance: random.Random) -> None:
        for arrival in person.arrivals:
            await self._arrive(person, arrival, browsers)
        if person.gives is Gives.BEFORE_PAYING:
            for browser in browsers:
                await browser.identify(person.email)
        if person.purchases:
            await self._sell(person, browsers, chance)

    async def _sell(self, person: Person, browsers: list[Browser], chance: random.Random) -> None:
        customer = await self.till.customer(person.email, person.name) if person.is_customer else ""
        first, *renewals = person.purchases
        came = list(person.arrivals)
        channel = earned_by(person.gives, came)
        paid = await self._pay(person, first, customer, channel)
        await browsers[-1].come_back_from_paying()
        if person.gives is Gives.AFTER_PAYING:
            await asyncio.sleep(chance.uniform(*_LATE_S))
            await browsers[0].identify(person.email)
            self.sales.late_emails += 1
        await self._refund(paid, first, person)
        for purchase in renewals:
            if person.comeback is not None:
                await _second_over(paid)
                await self._arrive(person, person.comeback, browsers)
                came.append(person.comeback)
            # What won a customer earns the renewals too; guests are won anew each time.
            if not person.is_customer:
                channel = earned_by(person.gives, came)
            await self._refund(await self._pay(person, purchase, customer, channel), purchase, person)

    async def _arrive(self, person: Person, arrival: Arrival, browsers: list[Browser]) -> None:
        browser = browsers[arrival.device]
        await self.till.visited(arrival.way.channel)
        await browser.arrive(arrival.way, repeated=arrival.repeated)
        for page in ("/pricing", "/docs", "/about")[: arrival.pages]:
            await asyncio.sleep(person.thinks_s)
            await browser.look(page)
        await asyncio.sleep(person.thinks_s)

    async def _pay(self, person: Person, purchase: Purchase, customer: str, channel: str) -> Charge:
        # People spell their address now this way, now that.
        charge = await self.till.pay(purchase.amount_minor, person.email.title(), customer, channel)
        self.sales.charges += 1
        return charge

    async def _refund(self, charge: Charge, purchase: Purchase, person: Person) -> None:
        for amount_minor in purchase.refunds_minor:
            await asyncio.sleep(person.thinks_s)
            await self.till.refund(charge.id, amount_minor)
            self.sales.refunds += 1

    async def _crawled(self, bot: Bot) -> None:
        await asyncio.sleep(bot.comes_after_s)
        await crawl(self.connector, self.url, bot.slug, self.tally)


async def _second_over(charge: Charge) -> None:
    # Stripe tells times in whole seconds: whoever came within the second of a charge came before it.
    await asyncio.sleep(charge.created_s + 1.05 - time.time())
