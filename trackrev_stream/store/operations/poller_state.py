"""What the poller remembers: leases, cursors, charges to read again, and how much it has read."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Table, and_, case, delete, func, or_, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.elements import ColumnElement

from trackrev_stream.contracts.ports import PollReport, Recheck, StripeConnection, Unavailable
from trackrev_stream.domain.values.days import DAY_MS
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.poller_schema import again, cursors, polls, reads, reconciliations
from trackrev_stream.store.database.schema import add_new, upsert
from trackrev_stream.store.database.sealer import Sealer
from trackrev_stream.store.workspaces.stripe_connections import list_connections

BUDGET_DAYS = 30  # Stripe allots reads over 30 days: https://docs.stripe.com/rate-limits


class StorePollState:
    """PollState over the store."""

    def __init__(self, store: Store, sealer: Sealer) -> None:
        self._store = store
        self._sealer = sealer

    async def due(self, now: int) -> list[StripeConnection]:
        """The connections with a key whose next round is due."""

        def find(sql: Connection) -> list[StripeConnection]:
            asked = polls.c.asked > polls.c.answered
            resting = or_(polls.c.held_until > now, and_(polls.c.due_at > now, ~asked))
            rows = sql.execute(select(polls.c.workspace, polls.c.account).where(resting))
            later = {(row.workspace, row.account) for row in rows}
            known = list_connections(sql, self._sealer)
            return [one for one in known if one.api_key and (one.workspace, one.account) not in later]

        return await self._store.read(find)

    async def take(self, connection: StripeConnection, holder: str, now: int, until: int) -> bool:
        """Take, or keep, the lease of a connection until then; False while another holder has it."""

        def take(sql: Connection) -> bool:
            add_new(sql, polls, _key(connection) | _NEVER)
            mine, free = polls.c.holder == holder, polls.c.held_until <= now
            taken = update(polls).where(_is(polls, connection), or_(mine, free))
            # Whoever asks from now on asks for the round after this one.
            answered = case((mine, polls.c.answered), else_=polls.c.asked)
            values = {"holder": holder, "held_until": until, "answered": answered}
            return bool(sql.execute(taken.values(values)).rowcount)

        return await self._store.write(take)

    async def free_all(self) -> None:
        """End every lease, for a process that knows that no other one polls: their holders are dead."""
        await self._write(lambda sql: sql.execute(update(polls).values(held_until=0, holder="")))

    async def give_back(
        self, connection: StripeConnection, holder: str, report: PollReport, due_at: int
    ) -> None:
        """End a round, and with it the lease; the next round is due then."""
        values = _reported(report) | {"held_until": 0, "holder": "", "due_at": due_at}
        mine = and_(_is(polls, connection), polls.c.holder == holder)
        await self._write(lambda sql: sql.execute(update(polls).where(mine).values(values)))

    async def report(self, connection: StripeConnection, report: PollReport) -> None:
        """Tell how the round stands."""
        told = update(polls).where(_is(polls, connection)).values(_reported(report))
        await self._write(lambda sql: sql.execute(told))

    async def cursor(self, connection: StripeConnection, name: str) -> int | None:
        """How far a list has been read, or None."""
        wanted = select(cursors.c.value).where(_is(cursors, connection), cursors.c.name == name)
        return await self._store.read(lambda sql: sql.execute(wanted).scalar())

    async def move(self, connection: StripeConnection, name: str, value: int) -> None:
        """Note how far a list has been read, after all before it was published."""
        row = _key(connection) | {"name": name, "value": value}
        await self._write(lambda sql: upsert(sql, cursors, [row]))

    async def again(self, connection: StripeConnection, now: int, most: int) -> list[Recheck]:
        """What is due to be read again, the longest due first."""
        due = select(again).where(_is(again, connection), again.c.due_at <= now)
        wanted = due.order_by(again.c.due_at, again.c.id).limit(most)
        rows = await self._store.read(lambda sql: sql.execute(wanted).all())
        return [Recheck(row.list, row.id, row.why, row.due_at, row.tries) for row in rows]

    async def note_again(self, connection: StripeConnection, objects: Sequence[Recheck]) -> None:
        """Have objects read again, or change when."""
        noted = [_key(connection) | asdict(one) for one in objects]
        await self._write(lambda sql: upsert(sql, again, noted))

    async def settle_again(self, connection: StripeConnection, done: Recheck, later: Recheck | None) -> None:
        """An object was read again: read it later, or no more; unless somebody asked anew meanwhile."""
        same = and_(*(again.c[name] == value for name, value in asdict(done).items()))
        gone = delete(again).where(_is(again, connection), same)

        def settle(sql: Connection) -> None:
            if sql.execute(gone).rowcount and later is not None:
                upsert(sql, again, [_key(connection) | asdict(later)])

        await self._write(settle)

    async def read_soon(self, connection: StripeConnection, one: Recheck) -> None:
        """Have an object read in a round that begins now. Raises Unavailable when that cannot be noted."""

        def note(sql: Connection) -> None:
            upsert(sql, again, [_key(connection) | asdict(one)])
            ask(sql, connection)

        try:
            await self._store.write(note)
        except DBAPIError as error:
            raise Unavailable("the database cannot be written now") from error

    async def count_reads(self, connection: StripeConnection, now: int, reads_now: int) -> None:
        """Count requests to Stripe on the day of ``now``."""

        def count(sql: Connection) -> None:
            day = _key(connection) | {"day": now // DAY_MS}
            add_new(sql, reads, day | {"reads": 0})
            counted = update(reads).where(_is(reads, connection), reads.c.day == day["day"])
            sql.execute(counted.values(reads=reads.c.reads + reads_now))

        await self._write(count)

    async def reads(self, connection: StripeConnection, now: int) -> int:
        """The requests of the 30 days up to ``now``."""
        return await self._store.read(lambda sql: count_reads(sql, connection, now))

    async def _write(self, work: Callable[[Connection], Any]) -> None:
        await self._store.write(work)


def ask(sql: Connection, connection: StripeConnection) -> int:
    """Have a round begin now, whoever polls; the number of the request, see Progress.answered."""
    add_new(sql, polls, _key(connection) | _NEVER)
    sql.execute(update(polls).where(_is(polls, connection)).values(asked=polls.c.asked + 1))
    return int(sql.execute(select(polls.c.asked).where(_is(polls, connection))).scalar_one())


@dataclass(frozen=True, slots=True)
class PollProgress:
    """How the last round over a connection went, or goes where ``running``."""

    report: PollReport
    answered: int
    running: bool
    due_at: int
    reads: int


def find_progress(sql: Connection, connection: StripeConnection, now: int) -> PollProgress | None:
    """How polling a connection stands; None when it was never polled."""
    row = sql.execute(select(polls).where(_is(polls, connection))).first()
    if row is None or row.started_at is None:
        return None
    report = PollReport(
        row.started_at, row.facts, row.done_permille, row.ended_at, row.result, tuple(row.missing.split())
    )
    return PollProgress(
        report, row.answered, row.held_until > now, row.due_at, count_reads(sql, connection, now)
    )


def count_reads(sql: Connection, connection: StripeConnection, now: int) -> int:
    """The requests to Stripe of the 30 days up to ``now``."""
    since = now // DAY_MS - BUDGET_DAYS
    total = select(func.sum(reads.c.reads)).where(_is(reads, connection), reads.c.day > since)
    return int(sql.execute(total).scalar() or 0)


def forget_progress(sql: Connection, workspace: str, account: str) -> None:
    """Read a connection from its beginning again: what was read belongs to another key's account or mode."""
    for table in (cursors, again, polls, reconciliations):
        sql.execute(delete(table).where(table.c.workspace == workspace, table.c.account == account))


_NEVER = {
    "holder": "",
    "held_until": 0,
    "asked": 0,
    "answered": 0,
    "due_at": 0,
    "started_at": None,
    "facts": 0,
    "done_permille": 0,
    "ended_at": None,
    "result": "",
    "missing": "",
}


def _key(connection: StripeConnection) -> dict[str, Any]:
    return {"workspace": connection.workspace, "account": connection.account}


def _is(table: Table, connection: StripeConnection) -> ColumnElement[bool]:
    return and_(table.c.workspace == connection.workspace, table.c.account == connection.account)


def _reported(report: PollReport) -> dict[str, Any]:
    return {
        "started_at": report.started_at,
        "facts": report.facts,
        "done_permille": report.done_permille,
        "ended_at": report.ended_at,
        "result": report.result,
        "missing": " ".join(report.missing),
    }
