"""The show itself: ten days pass, the table fills, the books are compared."""

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ops.demo import screen as shown
from ops.demo.compare import Row, compare
from ops.demo.moved_clock import MovedClock
from ops.demo.people import TURNS_A_DAY, turns_of
from ops.demo.program import ReadApi
from ops.demo.screen import Screen
from ops.demo.shop import Shop
from ops.demo.stripe import DUPLICATE, Till

_DAY_MS = 86_400_000
_SPACING_MS = _DAY_MS // TURNS_A_DAY
_SPREAD_MS = _SPACING_MS // 3
_LAST_MS = 40 * 60_000  # the last turn begins so long ago, so that all of it has been
_LOOK_S = 0.1
_STEADY_S = 1.0


def starts_at(now: int, days: int) -> int:
    """When the first turn of so many days begins."""
    return now - _LAST_MS - (turns_of(days) - 1) * _SPACING_MS


@dataclass(frozen=True, slots=True)
class Show:
    """What the demo shows, between a program and a stand-in that are up.

    After the last turn the ledger has `wait_s` to settle.
    """

    screen: Screen
    api: ReadApi
    till: Till
    wait_s: float

    async def live(self, shop: Shop, clock: MovedClock, days: int, seed: int) -> None:
        """Let the days pass, one turn after the other, until now. Raises DemoError."""
        chance, began = random.Random(f"times {seed}"), clock()
        last = turns_of(days) - 1
        spreads = [
            chance.randint(-_SPREAD_MS, _SPREAD_MS) if 0 < each < last else 0 for each in range(last + 1)
        ]
        times = [began + turn * _SPACING_MS + spread for turn, spread in enumerate(spreads)]
        for turn in range(last + 1):
            clock.move_to(times[turn])
            await shop.turn(turn)
            await self._delivered()
            ends_day = turn == last or _day(times[turn]) != _day(times[turn + 1])
            await self._tell(_day(times[turn]), ends_day=ends_day)
        clock.be_real()

    async def settled(self) -> list[Row]:
        """The comparison, once no webhook is pending and it agrees and stays so; else as it is in the end.

        It agrees when all amounts are also known in US dollars.
        """
        deadline = time.monotonic() + self.wait_s
        agreed_since = None
        while True:
            pending = await self.till.pending()
            found = await self.api.channels()
            rows = compare(found["channels"], (await self.till.books())["channels"])
            waiting = any(one["unconverted"] for one in found["total"]["native"])
            now = time.monotonic()
            if pending or waiting or not all(row.agrees for row in rows):
                agreed_since = None
            elif agreed_since is None:
                agreed_since = now
            elif now - agreed_since >= _STEADY_S:
                return rows
            if now > deadline:
                return rows
            await asyncio.sleep(_LOOK_S)

    async def _delivered(self) -> None:
        """Wait until Stripe's webhooks have all come, within reason: it sends again what was refused."""
        deadline = time.monotonic() + self.wait_s
        while True:
            pending = await self.till.pending()
            if not pending or time.monotonic() > deadline:
                return
            await asyncio.sleep(_LOOK_S / 2)

    async def _tell(self, day: str, *, ends_day: bool) -> None:
        found = await self.api.channels()
        if self.screen.is_terminal:
            self.screen.redraw(shown.filling(self.screen, found["channels"], f"until {day}"))
        elif ends_day:
            self.screen.say(shown.day_line(day, found["total"]))


def _day(at: int) -> str:
    return datetime.fromtimestamp(at / 1_000, UTC).strftime("%a %d %b")


def differing_links(rows: Sequence[Row], links: Sequence[Mapping[str, Any]]) -> list[str]:
    """The channels to whose money and clicks in the books their tracked links do not add up."""
    wrong = []
    for row in rows:
        own = [link for link in links if link["channel"] == row.channel]
        net = sum(x["net_minor"] for link in own for x in link["native"] if x["currency"] == row.currency)
        clicks = sum(link["clicks"] for link in own) if row.currency == "usd" else 0
        if own and (net, clicks) != (row.books.net_minor, row.books.clicks):
            wrong.append(row.channel)
    return wrong


def summary(shop: Shop, totals: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """What happened, in the words of the page and the API."""
    tally, sales = shop.tally, shop.sales
    taken_back = sum(1 for entry in entries if entry["retracts"])
    renewals = totals["charges"] - sales.payments
    return [
        f"  {sales.people} people with {tally.visitors} visitors (browsers), {totals['clicks']} clicks",
        f"  {tally.links_followed} of the clicks over tracked links; {tally.hits} hits in all",
        f"  {tally.batches_repeated} batches of hits sent twice, {tally.bots} bots turned away",
        f"  {totals['charges']} charges, {renewals} of them renewals of {sales.subscriptions} subscriptions",
        f"  {sales.refunds} refunds, disputes: {sales.won} won and {sales.lost} lost",
        f"  {sales.late_emails} emails given after paying, some of them days later",
        f"  {DUPLICATE:.0%} of the webhooks sent twice, all of them shuffled",
        f"  {len(entries)} ledger entries, of which {taken_back} take back an earlier one",
        "  Visitors are browsers that the pixel saw, clicks are arrivals; sessions are not counted.",
        '  "unattributed" is what people paid who never told the shop\'s pages their email.',
    ]
