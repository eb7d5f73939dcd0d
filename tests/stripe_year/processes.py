"""What the ways stand on: a year of the stand-in's people, and the program over a data directory of its own.

The program runs whole (edge, log, agents, writer, poller), in this process and by a clock that a way sets:
the year lies in the past, and its people first have to visit the site.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path

from ops.standin.books import CHANNEL_KEY
from ops.standin.keys import KNOWN_PERMISSIONS, PROMISED_PERMISSIONS, Keyring
from ops.standin.people import Person
from ops.standin.year import CONNECTED, START_S, Year
from tests.agents.embedded_run import Fact, Feed
from trackrev_stream.contracts.ports import StripeConnection, Unavailable, Workspace
from trackrev_stream.domain.journeys.touch import Click, Hit, HitKind
from trackrev_stream.domain.values.days import DAY_MS
from trackrev_stream.domain.values.ids import EVERY_ACCOUNT, OWN_ACCOUNT, email_key, uuid7
from trackrev_stream.eventlog.embedded.log import Log
from trackrev_stream.program.program import Program
from trackrev_stream.settings import Settings, read_settings
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.sealer import open_sealer
from trackrev_stream.store.operations import poller_state
from trackrev_stream.store.workspaces import stripe_connections, workspaces

WORKSPACES = {OWN_ACCOUNT: "ws_shop", CONNECTED[0]: "ws_aurora", CONNECTED[1]: "ws_boreal"}
"""Account -> the workspace that is connected to it; the first one is the platform's."""
ALL, FOUR = "rk_test_all", "rk_test_four"
OWN_SECRET, PLATFORM_SECRET = "whsec_own", "whsec_platform"
VISITS_MS = START_S * 1_000 - DAY_MS
AT_ONCE = 1_000


def with_keys(made: Year) -> Year:
    """The year, readable with a key that has all permissions and one that has the page's four."""
    keys = {ALL: KNOWN_PERMISSIONS, FOUR: PROMISED_PERMISSIONS}
    made.stand_in.keyring = Keyring("sk_test_standin", keys)
    return made


def prepare(directory: Path, people: Collection[Person]) -> Path:
    """A data directory with the workspaces, in which everybody has come over the channel of theirs."""
    directory.mkdir()
    store = _store(directory)
    sealer = open_sealer(directory)
    made = []
    for name in WORKSPACES.values():
        create = partial(workspaces.create_workspace, sealer=sealer, domain="shop.example", now=VISITS_MS)
        made.append(store.write_now(partial(create, workspace=name)).workspace)
    store.close()
    connect(directory, "", [(OWN_ACCOUNT, OWN_SECRET), (EVERY_ACCOUNT, PLATFORM_SECRET)])
    hits = [hit for person in people for workspace in made for hit in visits(person, workspace)]

    async def come() -> None:
        async with running(directory, lambda: VISITS_MS) as at:
            for start in range(0, len(hits), AT_ONCE):
                await _put(at, list(hits[start : start + AT_ONCE]))
            await at.feed.settled()

    asyncio.run(come())
    return directory


async def _put(at: "Running", hits: list[Fact]) -> None:
    """Offer hits until they are saved: the machine may have other work."""
    while True:
        with suppress(Unavailable):
            await at.feed.put(hits)
            return


def visits(person: Person, workspace: Workspace) -> list[Hit]:
    """A click on a link of their channel, and who they are."""
    visitor = uuid7(VISITS_MS, sha256(person.email.encode()).digest()[:10])
    channel = person.private[CHANNEL_KEY]
    clicked = Hit(
        workspace=workspace.id,
        id=f"click {person.email}",
        visitor=visitor,
        kind=HitKind.PAGEVIEW,
        occurred_at=VISITS_MS,
        received_at=VISITS_MS,
        url="https://shop.example/",
        site="shop.example",
        click=Click(f"click {person.email}", channel.lower(), channel, "", VISITS_MS),
    )
    known = Hit(
        workspace=workspace.id,
        id=f"identify {person.email}",
        visitor=visitor,
        kind=HitKind.IDENTIFY,
        occurred_at=VISITS_MS + 60_000,
        received_at=VISITS_MS + 60_000,
        url="https://shop.example/",
        site="shop.example",
        email_key=email_key(workspace.email_secret, person.email),
    )
    return [clicked, known]


def connect(directory: Path, url: str, accounts: Collection[tuple[str, str]], key: str = "") -> None:
    """Connect accounts, each with its webhook secret, to their workspaces."""
    store, sealer = _store(directory), open_sealer(directory)
    for account, secret in accounts:
        workspace = WORKSPACES.get(account, WORKSPACES[OWN_ACCOUNT])
        wanted = StripeConnection(workspace, account, False, tuple(filter(None, [secret])), key, url)
        store.write_now(
            partial(stripe_connections.put_connection, sealer=sealer, wanted=wanted, now=VISITS_MS)
        )
    store.close()


def connected(directory: Path) -> list[StripeConnection]:
    """The connections with a key."""
    store = _store(directory)
    found = store.read_now(lambda sql: stripe_connections.list_connections(sql, open_sealer(directory)))
    store.close()
    return [one for one in found if one.api_key]


def copy(prepared: Path, to: Path) -> Path:
    """Another data directory that begins where one stands."""
    return Path(shutil.copytree(prepared, to))


def chosen(directory: Path) -> Settings:
    """The settings of a program that nobody but its way talks to."""
    given = {"TRACKREV_PORT": "0", "TRACKREV_ADMIN_PORT": "0", "TRACKREV_RATES_URL": "off"}
    return read_settings(given | {"TRACKREV_PARTITIONS": "2"}, data=str(directory))


@dataclass(frozen=True, slots=True)
class Running:
    """A program at work, and the way into its log."""

    url: str
    feed: Feed
    log: Log
    store: Store

    async def polled(self, of: Collection[StripeConnection]) -> None:
        """Wait until a round over each of these connections has ended well."""

        def ended() -> bool:
            found = [
                self.store.read_now(partial(poller_state.find_progress, connection=one, now=0)) for one in of
            ]
            for one in found:
                assert one is None or one.report.result in ("", "ok"), one.report.result
            return all(one is not None and one.report.ended_at is not None for one in found)

        while not ended():  # noqa: ASYNC110 - the database tells nobody when it comes true
            await asyncio.sleep(0.1)


@asynccontextmanager
async def running(directory: Path, clock: Callable[[], int]) -> AsyncIterator[Running]:
    """The program on its directory. Raises what ended it early."""
    settings = chosen(directory)
    program = Program(settings, clock)
    await program.start()
    log = Log.open(settings.data / "log")
    store = Store.open(settings.store)
    failed = asyncio.create_task(program.wait())
    try:
        yield Running(program.url, Feed(log, store, settings.partitions, failed), log, store)
        if failed.done():
            failed.result()
    finally:
        failed.cancel()
        store.close()
        await log.close()
        await program.stop()


def _store(directory: Path) -> Store:
    return Store.open(chosen(directory).store)
