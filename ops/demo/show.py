"""The show itself: the visitors come, the table fills, the books are compared."""

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from ops.demo import screen as shown
from ops.demo.compare import Row, compare
from ops.demo.people import bots, people
from ops.demo.processes import DemoError
from ops.demo.program import Program, ReadApi
from ops.demo.screen import Screen
from ops.demo.shop import Shop
from ops.demo.stripe import DUPLICATE, StandInAt, Till

_REDRAW_S, _LINE_S = 0.5, 3.0
_LOOK_S = 0.2
_STEADY_S = 1.0
_CONNECTIONS = 128
_BOTS = 20
"""One crawler for so many people."""


@dataclass(frozen=True, slots=True)
class Show:
    """What the demo shows, between a program and a stand-in that are up.

    After the last visitor the book has `wait_s` to settle.
    """

    screen: Screen
    program: Program
    key: str
    stripe: StandInAt
    seed: int
    wait_s: float

    async def run(self, visitors: int) -> bool:
        """Let so many visitors come, compare, and say whether the books agree. Raises DemoError."""
        connector = aiohttp.TCPConnector(limit=_CONNECTIONS)
        timeout = aiohttp.ClientTimeout(total=20)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            api = ReadApi(session, self.program.url, self.key)
            till = Till(session, self.stripe)
            shop = Shop(till, connector, self.program.url, self.seed)
            try:
                await self._open(shop, api, visitors)
                rows = await settled(api, till, self.wait_s)
                entries = await api.entries()
            except* (DemoError, aiohttp.ClientError, TimeoutError) as group:
                raise DemoError(await self._why(group)) from group
        self.screen.say("", *shown.comparison(self.screen, rows), "", shown.verdict(self.screen, rows), "")
        self.screen.say(*_summary(shop, entries))
        return all(row.agrees for row in rows)

    async def _open(self, shop: Shop, api: ReadApi, visitors: int) -> None:
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self._watch(shop, api))
            await shop.open_for(people(self.seed, visitors), bots(self.seed, 1 + visitors // _BOTS))
            watching.cancel()

    async def _watch(self, shop: Shop, api: ReadApi) -> None:
        began = time.monotonic()
        while True:
            rows = await api.channels()
            passed_s = time.monotonic() - began
            clicks, net_minor = sum(r["clicks"] for r in rows), sum(r["net_minor"] for r in rows)
            if self.screen.is_terminal:
                note = f"{passed_s:.0f} s, {shop.sales.visitors} visitors have left"
                self.screen.redraw(shown.filling(self.screen, rows, note))
            else:
                self.screen.say(
                    f"  {passed_s:4.1f} s  {len(rows):2} channels  {clicks:5} clicks"
                    f"  {shown.money(net_minor):>12} net"
                )
            await asyncio.sleep(_REDRAW_S if self.screen.is_terminal else _LINE_S)

    async def _why(self, group: BaseExceptionGroup[Exception]) -> str:
        first: BaseException = group
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        running = self.program.child
        with contextlib.suppress(TimeoutError):
            # A connection that broke is often the first sign of an end.
            await asyncio.wait_for(running.process.wait(), 1)
            return running.ended()
        return "\n  ".join([str(first) or type(first).__name__, *running.complaints()])


async def settled(api: ReadApi, till: Till, wait_s: float) -> list[Row]:
    """The comparison, once no webhook is pending and it agrees and stays so; else as it is in the end."""
    deadline = time.monotonic() + wait_s
    agreed_since = None
    while True:
        pending = await till.pending()
        rows = compare(await api.channels(), await till.books())
        now = time.monotonic()
        if pending or not all(row.agrees for row in rows):
            agreed_since = None
        elif agreed_since is None:
            agreed_since = now
        elif now - agreed_since >= _STEADY_S:
            return rows
        if now > deadline:
            return rows
        await asyncio.sleep(_LOOK_S)


def _summary(shop: Shop, entries: Sequence[Mapping[str, Any]]) -> list[str]:
    tally, sales = shop.tally, shop.sales
    taken_back = sum(1 for entry in entries if entry["retracts"])
    return [
        f"  {sales.visitors} visitors, {tally.links_followed} tracked links followed, {tally.hits} hits",
        f"  {tally.batches_repeated} batches of hits sent twice, {tally.bots} bots turned away",
        f"  {sales.charges} charges, {sales.refunds} refunds, {sales.late_emails} emails given after paying",
        f"  {DUPLICATE:.0%} of the webhooks sent twice, all of them shuffled",
        f"  {len(entries)} ledger entries, of which {taken_back} take back an earlier one",
        '  "unattributed" is what people paid who never told the shop\'s pages their email',
    ]
