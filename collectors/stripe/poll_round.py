"""One round of the poller over one connection: what is new, and what may have changed.

The plan keeps within Stripe's read allocation for small accounts (about 14 reads an hour): one page of each
list since the last round, what is known to be unsettled, once a day what has come to a late end, and once a
week a search for what slipped through.
History comes oldest first, window by window, so that a charge is known before those that inherit from it,
and a round that ends in the middle goes on where it was.
"""

from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from collectors.publisher import Bounds, DeadLetterPublisher, FactPublisher
from collectors.stripe.client import NotPermitted, Page, RequestRefused, StripeReader
from collectors.stripe.dead_letters import StripeLetters
from collectors.stripe.lists import (
    CHARGES,
    DISPUTE_ENDS_DAYS,
    DISPUTES,
    REFUND_FAILS_DAYS,
    REFUNDS,
    SUBSCRIPTIONS,
    Listed,
    ListReader,
    came_late,
    unsettled,
)
from collectors.stripe.rechecks import Rechecks
from trackrev_stream.clock import Clock
from trackrev_stream.contracts.codec import Malformed
from trackrev_stream.contracts.ports import (
    Directory,
    LedgerReader,
    PollReport,
    PollState,
    Publisher,
    Recheck,
    StripeConnection,
    Workspace,
)
from trackrev_stream.contracts.stripe.accounts import StripeFact
from trackrev_stream.contracts.stripe.fields import Observation
from trackrev_stream.domain.values.days import DAY_MS, HOUR_MS

OVERLAP_MS = HOUR_MS  # objects may show up in a list a little after they were created
FIRST_SPAN_MS = 30 * DAY_MS
LONGEST_SPAN_MS = 365 * DAY_MS
SHORTEST_SPAN_MS = 1_000
FEW, MANY = 500, 5_000  # objects in a window: with fewer the next one is longer, with more it is cut
AT_ONCE = 500  # facts on their way to the log
MOST_AGAIN = 20  # for each hour since the last round, of a week at most
AUDIT_EVERY_MS = 7 * DAY_MS
AUDITED_MS = 540 * DAY_MS  # a card's dispute comes up to 540 days after its charge
TELL_EVERY_MS = 1_000
UNHURRIED = Bounds(longest_wait_s=60.0)  # nobody waits for an answer; well within a lease
VIA = "poll"

OnProgress = Callable[[PollReport], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class PollDeps:
    """What a poller is given: the settings, what it remembers, where its facts go, and the ledger."""

    directory: Directory
    state: PollState
    book: LedgerReader
    facts: FactPublisher
    letters: StripeLetters
    clock: Clock


def poll_deps(
    directory: Directory,
    state: PollState,
    book: LedgerReader,
    *,
    publisher: Publisher,
    partitions: int,
    clock: Clock,
) -> PollDeps:
    """What a poller is given, over a log of so many partitions."""
    return PollDeps(
        directory=directory,
        state=state,
        book=book,
        facts=FactPublisher(publisher, partitions, UNHURRIED),
        letters=StripeLetters(DeadLetterPublisher(publisher, partitions, UNHURRIED)),
        clock=clock,
    )


class Round:
    """One round. ``progress`` hears about once a second how it stands; what it raises ends the round."""

    def __init__(
        self,
        deps: PollDeps,
        workspace: Workspace,
        connection: StripeConnection,
        *,
        reader: StripeReader,
        progress: OnProgress,
    ) -> None:
        self._workspace = workspace
        self._connection = connection
        self._facts = deps.facts
        self._letters = deps.letters
        self._state = deps.state
        self._clock = deps.clock
        self._progress = progress
        self._lists = ListReader(reader)
        self._again = Rechecks(deps.state, connection, self._lists, deps.clock, self._put_again)
        self.report = PollReport(started_at=deps.clock())
        self._told_at = self.report.started_at

    async def run(self) -> PollReport:
        """Read and publish; what is not permitted is left out and named. Raises CannotRead, Unavailable."""
        most_again = MOST_AGAIN * await self._hours()  # asked now: reading the charges moves on
        await self._permitted(self._subscriptions())
        for listed in (CHARGES, REFUNDS, DISPUTES):
            await self._permitted(self._catch_up(listed.name))
        await self._permitted(self._again.note_failed())
        await self._again.run(most_again)
        await self._permitted(self._late(REFUNDS.name, REFUND_FAILS_DAYS))
        await self._permitted(self._late(DISPUTES.name, DISPUTE_ENDS_DAYS))
        await self._permitted(self._audit())
        self.report = self._reported(done_permille=1000, ended_at=self._clock(), result="ok")
        return self.report

    async def _permitted(self, part: Awaitable[None]) -> None:
        with suppress(NotPermitted):  # the reader of the lists has noted it
            await part

    def _reported(self, **changes: Any) -> PollReport:
        return replace(self.report, missing=tuple(sorted(self._lists.missing)), **changes)

    async def _catch_up(self, name: str) -> None:
        """Read a list from where it was left to now, in windows, the oldest first."""
        known = await self._state.cursor(self._connection, name)
        first = since = await self._beginning(name) if known is None else known - OVERLAP_MS
        span = FIRST_SPAN_MS
        while True:
            now = self._clock()
            last = since + span >= now
            bounds = {"gte": since // 1_000} | ({} if last else {"lt": (since + span) // 1_000})
            pages = await self._window(name, bounds, MANY if span > SHORTEST_SPAN_MS else None)
            if pages is None:
                span = max(span // 4, SHORTEST_SPAN_MS)
                continue
            await self._publish(name, pages)
            # By Stripe's own clock: what is created later than this is read next time.
            since = min(pages[0].seen_at, now) if last else since + span
            await self._state.move(self._connection, name, since)
            done = 1000 * (since - first) // max(now - first, 1)
            await self._report(done if name == CHARGES.name else self.report.done_permille)
            if last:
                return
            if sum(len(page.objects) for page in pages) < FEW:
                span = min(span * 2, LONGEST_SPAN_MS)

    async def _beginning(self, name: str) -> int:
        """A time before which a list has nothing."""
        now, back = self._clock(), FIRST_SPAN_MS
        while (before := now - back) > 0:
            page = await self._lists.page(name, limit=1, created={"lt": before // 1_000})
            if not page.objects:
                return before
            back *= 2
        return 0

    async def _window(self, name: str, created: dict[str, int], most: int | None) -> list[Page] | None:
        """All pages of a window, or None where it holds more than ``most``."""
        pages = [page := await self._lists.page(name, created=created)]
        held = len(page.objects)
        while page.more and page.objects:
            if most is not None and held > most:
                return None
            page = await self._lists.page(name, created=created, starting_after=page.objects[-1]["id"])
            pages.append(page)
            held += len(page.objects)
            await self._report(self.report.done_permille)
        return pages

    async def _subscriptions(self) -> None:
        """New periods since the last round: their latest invoices tell which charges are renewals."""
        name = SUBSCRIPTIONS.name
        known = await self._state.cursor(self._connection, name)
        since = {} if known is None else {"current_period_start": {"gte": (known - OVERLAP_MS) // 1_000}}
        pages = []
        async for page in self._lists.pages(name, status="all", **since):
            pages.append(page)
            await self._report(self.report.done_permille)
        await self._publish(name, pages)
        await self._state.move(self._connection, name, min(pages[0].seen_at, self._clock()))

    async def _hours(self) -> int:
        """The hours since the last round: who polls seldom reads as much again as who polls often."""
        last, now = await self._state.cursor(self._connection, CHARGES.name), self._clock()
        return 1 if last is None else max(1, min(now - last, 7 * DAY_MS) // HOUR_MS)

    async def _put_again(self, listed: Listed, objects: list[tuple[dict[str, Any], int]]) -> None:
        await self._put(listed, objects)
        await self._report(self.report.done_permille)  # there may be thousands: a lease lasts two minutes

    async def _late(self, name: str, days: int) -> None:
        """Once a day: what of a list has come to another end long after it was first read."""
        cursor, now = f"late {name}", self._clock()
        done = await self._state.cursor(self._connection, cursor)
        if done is not None and now - done < DAY_MS:
            return
        if done is not None:  # else all history has just been read
            listed = self._lists[name]
            created = {"gte": (now - days * DAY_MS) // 1_000}
            async for page in self._lists.pages(name, created=created):
                late = [(shown, page.seen_at) for shown in page.objects if came_late(listed, shown)]
                await self._put(listed, late)
        await self._state.move(self._connection, cursor, now)

    async def _audit(self) -> None:
        """Once a week: every charge that was refunded or disputed, by search, or all where there is none."""
        done = await self._state.cursor(self._connection, "audit")
        now = self._clock()
        if done is None:  # all history has just been read
            await self._state.move(self._connection, "audit", now)
        if done is None or now - done < AUDIT_EVERY_MS:
            return
        since = (now - AUDITED_MS) // 1_000
        for condition in ("-refunded:null", 'disputed:"true"'):
            query = f"created>{since} AND {condition}"
            try:
                pages = await self._lists.found(CHARGES.name, query)
            except RequestRefused:  # search is not offered everywhere (India): look at everything once more
                await self._state.move(self._connection, CHARGES.name, now - AUDITED_MS)
                break
            await self._publish(CHARGES.name, pages)
        await self._again.find_failed()
        await self._state.move(self._connection, "audit", now)

    async def _publish(self, name: str, pages: Iterable[Page]) -> None:
        """Publish the objects of pages that came newest first, oldest first."""
        listed = self._lists[name]
        newest_first = [(shown, page.seen_at) for page in pages for shown in page.objects]
        await self._put(listed, newest_first[::-1])
        again = [
            Recheck(name, str(shown["id"]), why, self._clock() + HOUR_MS)
            for shown, _ in newest_first
            if (why := unsettled(listed, shown))
        ]
        await self._state.note_again(self._connection, again)

    async def _put(self, listed: Listed, objects: list[tuple[dict[str, Any], int]]) -> None:
        facts: list[StripeFact] = []
        for shown, seen_at in objects:
            try:
                facts += listed.facts(shown, self._workspace, self._seen(seen_at))
            except Malformed as error:
                await self._letters.keep(self._workspace.id, {"data": {"object": shown}}, error, seen_at)
        for start in range(0, len(facts), AT_ONCE):
            await self._facts.put(facts[start : start + AT_ONCE])
        self.report = self._reported(facts=self.report.facts + len(facts))

    def _seen(self, seen_at: int) -> Observation:
        return Observation(
            account=self._connection.account,
            livemode=self._connection.livemode,
            observed_at=seen_at,
            received_at=self._clock(),
            via=VIA,
            source_id=f"{self.report.started_at // 1_000}",
        )

    async def _report(self, done_permille: int) -> None:
        self.report = self._reported(done_permille=min(done_permille, 999))
        now = self._clock()
        if now - self._told_at >= TELL_EVERY_MS:
            self._told_at = now
            await self._progress(self.report)
