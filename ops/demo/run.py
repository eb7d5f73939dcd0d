"""One run of the demo: the programs are started, the days pass, the books are compared."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from ops.demo import screen as shown
from ops.demo.browser import Edge
from ops.demo.moved_clock import MovedClock, real_ms
from ops.demo.people import bots, people
from ops.demo.processes import Child, DemoError
from ops.demo.program import WORKSPACE, Program, ReadApi, connect_stripe, free_port, links, make_workspace
from ops.demo.rates import bank
from ops.demo.screen import Screen
from ops.demo.shop import Shop
from ops.demo.show import Show, differing_links, starts_at, summary
from ops.demo.stripe import Till, stand_in

CLOCK = "demo-clock"
_CONNECTIONS = 64
_TIMEOUT = aiohttp.ClientTimeout(total=20)
_BOTS = 20
"""One crawler for so many people."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it came out, and where to look at it."""

    agreed: bool
    page: str
    key: str


@dataclass(frozen=True, slots=True)
class Run:
    """What is to be run: so many people in so many days, drawn from a seed.

    `port` is the program's, 0 for any free one; the ledger has `wait_s` to settle.
    """

    screen: Screen
    data: Path
    port: int
    seed: int
    people: int
    days: int
    wait_s: float

    @asynccontextmanager
    async def shown(self) -> AsyncIterator[Outcome]:
        """Run it; its outcome, while the program is still up. Raises DemoError."""
        say, clock = self.screen.say, MovedClock(self.data / CLOCK, starts_at(real_ms(), self.days))
        async with AsyncExitStack() as stack:
            rates_url = await stack.enter_async_context(bank(clock))
            say("Making a workspace, its tracked links and a connection to the stand-in ...")
            key = await make_workspace(self.data, clock)
            program = Program(self.data, self.port or free_port(), rates_url)
            at = await stack.enter_async_context(stand_in(self.data, program.webhook_url, self.seed, clock))
            await connect_stripe(self.data, at.restricted_key, at.url, clock)
            connector = aiohttp.TCPConnector(limit=_CONNECTIONS)
            session = await stack.enter_async_context(
                aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT)
            )
            show = Show(self.screen, ReadApi(session, program.url, key), Till(session, at), self.wait_s)
            shop = self._shop(show.till, Edge(connector, program.url, clock))
            stack.push_async_callback(shop.close)
            page = f"{program.url}/#ws={WORKSPACE}&key={key}"
            async with program.running(clock) as process, _explained(process):
                say(f"  live page  {page}", f"  books      {at.url}/_standin/books", "")
                say(f"{self.days} days pass now, by a clock that is moved forward; nothing is late for it.")
                await show.live(shop, clock, self.days, self.seed)
            say("", "Started anew, by today's clock: it goes on where it was ...")
            process = await stack.enter_async_context(program.running())
            async with _explained(process):
                agreed = await self._compare(show, shop)
            yield Outcome(agreed, page, key)

    def _shop(self, till: Till, edge: Edge) -> Shop:
        crawlers = bots(self.seed, 1 + self.people // _BOTS, self.days)
        return Shop(till, edge, people(self.seed, self.people, self.days), crawlers, self.seed)

    async def _compare(self, show: Show, shop: Shop) -> bool:
        """Both sides of the books, and whether they agree."""
        rows = await show.settled()
        brought, entries = await links(self.data), await show.api.entries()
        seen = (await show.api.channels())["total"]["visitors"]
        say = self.screen.say
        say("", *shown.comparison(self.screen, rows), "", shown.verdict(self.screen, rows), "")
        say(*shown.brought(self.screen, brought), "")
        say(*summary(shop, (await show.till.books())["totals"], entries))
        wrong = [f"the links of {channel} do not add up to it" for channel in differing_links(rows, brought)]
        if seen != shop.tally.visitors:
            wrong.append(f"the program counts {seen} visitors, and there were {shop.tally.visitors}")
        for each in wrong:
            say(self.screen.bad(f"  But {each}."))
        return not wrong and all(row.agrees for row in rows)


@asynccontextmanager
async def _explained(process: Child) -> AsyncIterator[None]:
    """Whatever goes wrong meanwhile is a DemoError, with what the program complained of."""
    try:
        yield
    except* (DemoError, aiohttp.ClientError, TimeoutError) as group:
        raise DemoError(await _why(group, process)) from group


async def _why(group: BaseExceptionGroup[Exception], process: Child) -> str:
    first: BaseException = group
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    try:
        # A connection that broke is often the first sign of an end.
        await asyncio.wait_for(process.process.wait(), 1)
    except TimeoutError:
        return "\n  ".join([str(first) or type(first).__name__, *process.complaints()])
    return process.ended()
