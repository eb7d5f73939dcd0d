"""What is read again by its id: what was unsettled, and what a thin event has named."""

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from collectors.stripe.client import NotPermitted, RequestRefused
from collectors.stripe.lists import (
    CHARGES,
    FAILURE,
    FAILURES,
    PAYMENT_FAILS_DAYS,
    Listed,
    ListReader,
    came_late,
    unsettled,
)
from trackrev_stream.clock import Clock
from trackrev_stream.contracts.ports import EVENT, PollState, Recheck, StripeConnection
from trackrev_stream.domain.values.days import DAY_MS, HOUR_MS

MOST_EVENTS = 5_000  # that were named since the last round, and are read in one
TRIES_AGAIN = 40
LATE_PAYMENTS = "late payments"  # the cursor

log = logging.getLogger(__name__)

Put = Callable[[Listed, list[tuple[dict[str, Any], int]]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Rechecks:
    """Reads again over one connection; ``put`` publishes an object, seen at a time, and keeps the lease."""

    state: PollState
    connection: StripeConnection
    lists: ListReader
    clock: Clock
    put: Put

    async def run(self, most: int) -> None:
        """Read what was unsettled once more, ever less often, until it is or there is no hope.

        What a thin event has named is read whatever else there is: nothing of it has come yet.
        """
        due = await self.state.again(self.connection, self.clock(), MOST_EVENTS)
        named = [one for one in due if one.why == EVENT]
        for one in [*named, *[one for one in due if one.why != EVENT][:most]]:
            await self._read(one)

    async def note_failed(self) -> None:
        """Once a day: payments that had succeeded and failed after all, as the balance tells of them.

        Raises NotPermitted, CannotRead.
        """
        now = self.clock()
        done = await self.state.cursor(self.connection, LATE_PAYMENTS)
        if done is not None and now - done < DAY_MS:
            return
        if done is not None:  # else all history has just been read
            created = {"gte": (done - HOUR_MS) // 1_000}
            async for page in self.lists.pages(FAILURES.name, type=FAILURE, created=created):
                named = [str(one["source"]) for one in page.objects if isinstance(one.get("source"), str)]
                failed = [Recheck(CHARGES.name, name, EVENT, now) for name in named]
                await self.state.note_again(self.connection, failed)
        await self.state.move(self.connection, LATE_PAYMENTS, now)

    async def find_failed(self) -> None:
        """The same by search, for keys that may not read the balance. Raises NotPermitted, CannotRead."""
        since = (self.clock() - PAYMENT_FAILS_DAYS * DAY_MS) // 1_000
        with suppress(RequestRefused):  # there is no search everywhere
            for page in await self.lists.found(CHARGES.name, f'created>{since} AND status:"failed"'):
                late = [(one, page.seen_at) for one in page.objects if came_late(CHARGES, one)]
                await self.put(self.lists[CHARGES.name], late)

    async def _read(self, one: Recheck) -> None:
        try:
            shown, seen_at = await self.lists.one(one.list, one.id)
        except NotPermitted:
            if one.why == EVENT:
                await self._watch(one, EVENT)
            return
        except RequestRefused as error:  # it is of another mode, or gone
            log.warning("%s: %s is read again later: %s", self.connection.workspace, one.id, error)
            await self._watch(one, one.why)
            return
        listed = self.lists[one.list]
        await self.put(listed, [(shown, seen_at)])
        await self._watch(one, unsettled(listed, shown))

    async def _watch(self, one: Recheck, why: str) -> None:
        wait = min(HOUR_MS * 2**one.tries, DAY_MS)
        later = replace(one, why=why, due_at=self.clock() + wait, tries=one.tries + 1)
        hopeful = why and one.tries < TRIES_AGAIN
        await self.state.settle_again(self.connection, one, later if hopeful else None)
