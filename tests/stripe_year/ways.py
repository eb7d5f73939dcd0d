"""The three ways by which a year reaches the ledger, each in a data directory of its own.

- ``by_webhooks``: the events in an order that has little to do with time, a tenth of them dropped and a tenth
  sent twice, through two endpoints: the platform's own and its Connect endpoint, routed by account. In the
  middle the poller reads all there is, so that webhooks come before and after it.
- ``by_poller``: the poller alone, from the first day on, while the year happens.
- ``by_backfill``: the poller alone, connected when the year is over.
"""

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from collectors.stripe.poll_round import poll_deps
from collectors.stripe.poller import Pace, Poller
from ops.standin.clock import Clock
from ops.standin.webhooks import Endpoint, Sender
from ops.standin.year import END_S, START_S, Year
from tests.stripe_year.processes import (
    ALL,
    OWN_SECRET,
    PLATFORM_SECRET,
    WORKSPACES,
    Running,
    chosen,
    connect,
    connected,
    running,
)
from trackrev_stream.domain.values.days import DAY_MS
from trackrev_stream.domain.values.ids import OWN_ACCOUNT
from trackrev_stream.eventlog.embedded.log import Log
from trackrev_stream.eventlog.embedded.publisher import EmbeddedPublisher
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.sealer import open_sealer
from trackrev_stream.store.operations.poller_state import StorePollState
from trackrev_stream.store.operations.reconciliations import StoreLedgerReader
from trackrev_stream.store.workspaces.directory import StoreDirectory

AFTER_MS = END_S * 1_000 + DAY_MS
"""When a year is looked back at."""
NEVER_MS = 100 * 365 * DAY_MS
DROPPED = DOUBLED = 0.1
AT_ONCE = 500


async def by_webhooks(made: Year, directory: Path, seed: int) -> None:
    """The events of a year that is over, its stand-in at work."""
    rng = random.Random(seed)
    events = list(made.events)
    rng.shuffle(events)
    middle = len(events) // 2
    async with running(directory, lambda: AFTER_MS) as at, _senders(at, seed) as (own, platform):
        for some in (events[:middle], events[middle:]):
            for start in range(0, len(some), AT_ONCE):
                for event in some[start : start + AT_ONCE]:
                    (platform if event.get("account") else own).send(event)
                await own.drained()
                await platform.drained()
            await at.feed.settled()
            if some is not events:
                secrets = {OWN_ACCOUNT: OWN_SECRET}
                accounts = [(account, secrets.get(account, "")) for account in WORKSPACES]
                connect(directory, made.stand_in.url, accounts, ALL)
                await at.polled(connected(directory))
        await at.feed.settled()


@asynccontextmanager
async def _senders(at: Running, seed: int) -> AsyncIterator[tuple[Sender, Sender]]:
    url = f"{at.url}/webhooks/stripe/{WORKSPACES[OWN_ACCOUNT]}"
    senders = [
        Sender(
            Endpoint(url, secret, drop=DROPPED, duplicate=DOUBLED, connect=of_platform),
            clock=lambda: AFTER_MS,
            seed=f"{seed} {secret}",
        )
        for secret, of_platform in ((OWN_SECRET, False), (PLATFORM_SECRET, True))
    ]
    for sender in senders:
        await sender.start()
    try:
        yield senders[0], senders[1]
    finally:
        for sender in senders:
            await sender.stop()


async def by_poller(made: Year, directory: Path, hours: int) -> None:
    """A year that is still to come, polled every so many hours while its clock goes on."""
    async with polling(made, directory, WORKSPACES) as poll:
        for at_s in range(START_S, END_S + 1, hours * 3_600):
            made.stand_in.advance_to(at_s * 1_000)
            await poll()
        made.stand_in.advance_to(AFTER_MS)
        await poll()


async def a_month(made: Year, directory: Path) -> int:
    """The reads that the last 30 days of a year take for the own account, polled every hour by default."""
    stand_in, begin_s = made.stand_in, END_S - 30 * 86_400
    stand_in.advance_to(begin_s * 1_000)
    async with polling(made, directory, [OWN_ACCOUNT]) as poll:
        stand_in.traffic.clear()
        for at_s in range(begin_s + 3_600, END_S + 1, 3_600):
            stand_in.advance_to(at_s * 1_000)
            await poll()
        return stand_in.traffic.reads().total()


@asynccontextmanager
async def polling(
    made: Year, directory: Path, accounts: Iterable[str]
) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """The program by the year's clock; what is given has the poller do a round over these accounts."""
    clock = made.stand_in.clock
    connect(directory, made.stand_in.url, [(account, "") for account in accounts], ALL)
    settings = chosen(directory)
    log, store = Log.open(settings.data / "log"), Store.open(settings.store)
    try:
        poller, of_year = _poller(log, store, directory, clock), connected(directory)

        async def poll() -> None:
            for connection in of_year:
                await poller.poll(connection)

        await poll()
        # From here on the program's own poller finds that no round is due.
        async with running(directory, clock) as at:
            yield poll
            await at.feed.settled()
            await at.polled(of_year)
    finally:
        store.close()
        await log.close()


def _poller(log: Log, store: Store, directory: Path, clock: Clock) -> Poller:
    sealer = open_sealer(directory)
    deps = poll_deps(
        StoreDirectory(store, sealer, clock),
        StorePollState(store, sealer),
        StoreLedgerReader(store),
        publisher=EmbeddedPublisher(log, clock),
        partitions=chosen(directory).partitions,
        clock=clock,
    )
    return Poller(deps, Pace(every_ms=NEVER_MS, after_failure_ms=NEVER_MS))


async def by_backfill(made: Year, directory: Path, key: str = ALL) -> None:
    """A year that is over, read with this key."""
    connect(directory, made.stand_in.url, [(account, "") for account in WORKSPACES], key)
    async with running(directory, lambda: AFTER_MS) as at:
        await at.polled(connected(directory))
        await at.feed.settled()
