"""A year of the stand-in by every way, each held against the others, the stand-in's books and `reconcile`."""

import asyncio
import contextlib
from argparse import Namespace
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Row, select

from ops.standin.year import START_S, Year, coming, people
from tests.soak.books import standing
from tests.stripe_year.planting import plant
from tests.stripe_year.processes import FOUR, WORKSPACES, chosen, copy, prepare, with_keys
from tests.stripe_year.ways import AFTER_MS, a_month, by_backfill, by_poller, by_webhooks
from trackrev_stream.cli.reconcile import reconcile_ledger
from trackrev_stream.domain.reconciliation.differences import Cause
from trackrev_stream.domain.values.days import day_of
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.schema import charges

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Form:
    """The sizes of a year, and the seed of all that is random in it; it is polled every so many hours."""

    seed: int
    charges: int = 10_000
    hours: int = 24


SMALL = Form(seed=7, charges=120, hours=28 * 24)


@dataclass
class Ran:
    """A year that went all ways: where each has its data, and what `reconcile` answered there."""

    made: Year
    places: dict[str, Path]
    reconciled: dict[str, list[tuple[int, Any]]] = field(default_factory=dict)

    def standing(self, way: str) -> list[str]:
        """Every charge and every standing line of a way, as text."""
        return standing(chosen(self.places[way]).store)

    def worth(self, way: str) -> dict[str, tuple[str, int, int]]:
        """Currency, gross and net of each charge of a way."""
        return {row.charge: (row.currency, row.gross_minor, row.net_minor) for row in self._charges(way)}

    def unseen(self, way: str) -> set[str]:
        """The charges of a way that are disputed without a dispute that was seen."""
        return {row.charge for row in self._charges(way) if row.dispute_unseen}

    def _charges(self, way: str) -> Sequence[Row[Any]]:
        store = Store.open(chosen(self.places[way]).store)
        try:
            return store.read_now(lambda sql: sql.execute(select(charges)).all())
        finally:
            store.close()

    def books(self) -> dict[str, tuple[str, int, int]]:
        """The same by the stand-in's own books."""
        every = self.made.stand_in.books.by_charge().items()
        return {name: (one.currency, one.captured_minor, one.net_minor) for name, one in every}

    def differing(self) -> int:
        """How many differences `reconcile` named in all."""
        answers = [answer for found in self.reconciled.values() for _, answer in found]
        return sum(len(one["differences"]) for answer in answers for one in answer["accounts"].values())


@contextlib.asynccontextmanager
async def run(form: Form, place: Path, say: Say = lambda _: None) -> AsyncIterator[Ran]:
    """Let the year happen under the eyes of the poller, and reach the ledger by the other ways after that.

    Its stand-in listens for as long as the context lasts.
    """
    made = with_keys(coming(form.seed, form.charges))
    ready = await asyncio.to_thread(prepare, place / "prepared", people(form.seed, form.charges))
    ran = Ran(made, {name: copy(ready, place / name) for name in ("poller", "webhooks", "backfill", "four")})
    await made.stand_in.start()
    try:
        await by_poller(made, ran.places["poller"], form.hours)
        reads = made.stand_in.traffic.reads().total()
        say(f"by the poller: {len(ran.books()):,} charges, {len(made.events):,} events, {reads:,} reads")
        await by_webhooks(made, ran.places["webhooks"], form.seed)
        say("by webhooks and the poller")
        await by_backfill(made, ran.places["backfill"])
        say("by backfill")
        await by_backfill(made, ran.places["four"], FOUR)
        say("by backfill, with the four permissions of the page")
        for way, directory in ran.places.items():
            ran.reconciled[way] = [await reconciled(directory, each) for each in WORKSPACES.values()]
        say("reconciled")
        yield ran
    finally:
        await made.stand_in.stop()


async def month(form: Form, place: Path) -> tuple[int, int]:
    """How many charges an account has, and how many reads a month takes then."""
    made = with_keys(coming(form.seed, form.charges))
    directory = await asyncio.to_thread(prepare, place / "data", [])
    await made.stand_in.start()
    try:
        reads = await a_month(made, directory)
    finally:
        await made.stand_in.stop()
    return len(made.stand_in.platform.account.tables["charges"].values()), reads


async def reconciled(directory: Path, workspace: str) -> tuple[int, Any]:
    """What the command `trackrev reconcile` answers about a year, and what it would end with."""
    first, last = day_of(START_S * 1_000), day_of(AFTER_MS)
    given = Namespace(workspace=workspace, account=None, first=first, last=last)
    outcome = await asyncio.to_thread(reconcile_ledger, given, chosen(directory))
    return outcome.status, outcome.data


async def planted(ran: Ran, place: Path, say: Say) -> list[str]:
    """Plant differences into a book that has none, and what of them was not found, or not with its cause."""
    directory = copy(ran.places["backfill"], place / "planted")
    wrong: list[str] = []
    wanted = plant(directory, ran.made.stand_in.url)
    for workspace, causes in wanted.items():
        _, answer = await reconciled(directory, workspace)
        named = [one for each in answer["accounts"].values() for one in each["differences"]]
        found = {one["charge"]: one["cause"] for one in named}
        wrong += [
            f"{name}: {found.get(name)}, not {cause}"
            for name, cause in causes.items()
            if found.get(name) != cause
        ]
        # Where disputes cannot be read, those that move no money (inquiries) are named too.
        others = {name for name in found.keys() - causes.keys() if found[name] != Cause.DISPUTE_UNREADABLE}
        wrong += [f"{name}: nothing was planted there" for name in sorted(others)]
    kinds = {cause for causes in wanted.values() for cause in causes.values()}
    count = sum(map(len, wanted.values()))
    say(f"planted {count} differences of {len(kinds)} causes; {len(wrong)} not found as they are")
    return wrong
