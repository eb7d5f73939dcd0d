"""A backfill that is killed: the real program reads a long history, and dies in the midst of it."""

import json
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from ops.bench.harness.stripe_year import KEY
from ops.standin.people import Subscriber
from ops.standin.year import END_S, START_S
from tests.program.running import ROOT, Program, until
from tests.stripe_year.processes import WORKSPACES, chosen, connect, prepare
from trackrev_stream.contracts.codec import decode
from trackrev_stream.contracts.topics import STRIPE_PAYMENTS
from trackrev_stream.domain.payments.payment import FactKind, PaymentFact
from trackrev_stream.domain.values.ids import OWN_ACCOUNT
from trackrev_stream.eventlog.embedded.log import Log
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.poller_schema import cursors, polls
from trackrev_stream.store.database.schema import charges, entries

PATIENCE_S = 3_600.0
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Form:
    """So many charges, and how often the program is killed while it reads them; ``slow_s`` is each read."""

    charges: int = 100_000
    kills: int = 3
    slow_s: float = 0.0


SMALL = Form(charges=150, slow_s=0.15)


@dataclass(frozen=True, slots=True)
class Came:
    """What came of it: charges that were published again, renewals that were restated, and what is wrong."""

    charges: int
    again: int
    renewals: int
    restated: list[str]
    wrong: list[str]


def run(form: Form, place: Path, say: Say = lambda _: None) -> Came:
    """Read a year that is over, with kills spread over it. Raises AssertionError where it comes to no end."""
    # Those who subscribe are known, so that their renewals have a credit to inherit.
    subscribers = [Subscriber(0, number) for number in range(form.charges // 10)]
    directory = prepare(place / "data", subscribers)
    say(f"{len(subscribers):,} subscribers have come")
    with _year(form.charges) as url:
        _ask(url, "faults", {"endpoint": "GET /v1/charges", "times": None, "slow_s": form.slow_s}, "POST")
        connect(directory, url, [(account, "") for account in WORKSPACES], KEY)
        program = Program(directory, TRACKREV_PARTITIONS=str(chosen(directory).partitions))
        store = Store.open(chosen(directory).store)
        try:
            for kill in range(1, form.kills + 1):
                _start(program)
                part = partial(_read, store, kill / (form.kills + 1))
                read = until(part, "a part of the year", PATIENCE_S)
                program.kill()
                say(f"kill -9 {kill} of {form.kills}, with {read:.0%} of the year read")
            _ask(url, "faults", method="DELETE")
            _start(program)
            until(lambda: _all_read(store), "the whole year", PATIENCE_S)
            say("all is read")
            told = _ask(url, "books/charges")
            books = {name: (one["captured_minor"], one["net_minor"]) for name, one in told.items()}
            worth = _settled(store, books)
            program.stop()
            say("the ledger has taken it in")
            renewals, restated = _renewals(store)
        finally:
            store.close()
            program.kill()
    seen = _published(directory)
    differ = sorted({name for name, _ in books.items() ^ worth.items()})
    wrong = [f"{name}: {worth.get(name)}, not {books.get(name)}" for name in differ]
    return Came(len(books), seen.total() - len(seen), renewals, restated, wrong)


def _start(program: Program) -> None:
    """Start, however long its tables take to come back."""
    program.spawn()
    until(program.is_ready, "the program is ready", PATIENCE_S)


@contextmanager
def _year(count: int) -> Iterator[str]:
    """A year of the stand-in, in a process of its own; its address."""
    command = (sys.executable, "-m", "ops.bench.harness.stripe_year", "--charges", str(count))
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.kill()
        process.wait()


def _ask(url: str, what: str, given: dict[str, Any] | None = None, method: str = "GET") -> Any:
    """Ask the stand-in something, or tell it."""
    body = None if given is None else json.dumps(given).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}/_standin/{what}", body, headers, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read())


def _read(store: Store, least: float) -> float:
    """How much of the year's charges is read of the own account, where that is enough; else 0."""
    of = (cursors.c.workspace == WORKSPACES[OWN_ACCOUNT]) & (cursors.c.name == "charges")
    value = store.read_now(lambda sql: sql.execute(select(cursors.c.value).where(of)).scalar())
    share = ((value or 0) / 1_000 - START_S) / (END_S - START_S)
    return share if share >= least else 0.0


def _all_read(store: Store) -> bool:
    results = store.read_now(lambda sql: sql.execute(select(polls.c.result)).scalars().all())
    return len(results) == len(WORKSPACES) and set(results) == {"ok"}


def _settled(store: Store, books: dict[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    """Gross and net of every charge, once they are as in the books; or as they stay, where they do not."""
    columns = (charges.c.charge, charges.c.gross_minor, charges.c.net_minor)
    last: list[Any] = []

    def found() -> dict[str, tuple[int, int]] | None:
        last.append(store.read_now(lambda sql: sql.execute(select(func.max(entries.c.seq))).scalar()))
        # To read all charges takes from what the program has for them.
        if len(last) < 100 or last[-100] != last[-1]:
            return None
        rows = store.read_now(lambda sql: sql.execute(select(*columns)).all())
        worth = {row.charge: (row.gross_minor, row.net_minor) for row in rows}
        return worth if worth == books or (len(last) > 300 and last[-300] == last[-1]) else None

    return until(found, "the ledger", PATIENCE_S)


def _renewals(store: Store) -> tuple[int, list[str]]:
    """How many charges inherit, and of which of these an entry was ever taken back.

    But for a refund that gives way to a dispute: of one second the dispute counts first, but is read after
    the charge with its refunds.
    """
    inherits = charges.c.reason.like("inherited%")
    gave_way = (entries.c.reason == "refund") & entries.c.cause.like("dispute %")
    taken_back = select(entries.c.charge_key).where(entries.c.retracts.is_not(None), ~gave_way)
    count = select(func.count()).select_from(charges).where(inherits)
    restated = select(charges.c.charge).where(inherits, charges.c.key.in_(taken_back))
    return store.read_now(
        lambda sql: (sql.execute(count).scalar_one(), list(sql.execute(restated).scalars()))
    )


def _published(directory: Path) -> Counter[str]:
    """How often each charge was published."""
    log, name, seen = Log.open(directory / "log"), STRIPE_PAYMENTS.name, Counter[str]()
    for number in range(log.topics()[name].partitions):
        offset, end = log.start_offset(name, number), log.high_watermark(name, number)
        while offset < end:
            for record in log.fetch(name, number, offset, 500, 10**7):
                offset = record.offset + 1
                fact = decode(PaymentFact, record.value)
                seen.update([fact.charge] if fact.kind is FactKind.CHARGE else [])
    return seen
