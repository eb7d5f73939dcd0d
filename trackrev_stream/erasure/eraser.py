"""Erasure: a person's names go from the log, the tables and the database, for good.

While it works the agents rest, and the edge goes on. It may be broken off anywhere: what it is about is noted
in the database before the first change, and the next start (on Kafka, the next erasure) finishes it.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from trackrev_stream.clock import Clock
from trackrev_stream.contracts.codec import decode
from trackrev_stream.contracts.dead_letters import DeadLetter
from trackrev_stream.contracts.erasure import (
    Erasure,
    credited_in,
    letter_mentions,
    payers_with,
    visitors_with,
)
from trackrev_stream.contracts.ports import Workspace
from trackrev_stream.contracts.topics import ATTRIBUTED_CHARGES, BINDS, DEAD_LETTERS
from trackrev_stream.domain.journeys.identity import VisitorClaim
from trackrev_stream.domain.values.ids import (
    email_join,
    email_key,
    erased_hash,
    partition_of,
    payer_join,
    uuid7,
    visitor_key,
)
from trackrev_stream.eventlog.history import ErasureScope, PausableAgents
from trackrev_stream.eventlog.records import Record
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.sealer import Sealer
from trackrev_stream.store.operations.erasures import (
    Begun,
    begin_erasure,
    credited_by,
    end_erasure,
    erase_rows,
    unfinished_erasures,
)
from trackrev_stream.store.workspaces.directory import CHECK_EVERY_MS
from trackrev_stream.store.workspaces.workspaces import find_workspace

ERASE = "erase"  # the admin action
LONGEST_ANSWER_S = 10.0
HEARD_S = 2 * CHECK_EVERY_MS / 1_000  # after so long the edge knows of every change, and has sent what it had


class Eraser:
    """Erases people.

    ``agents`` are those that work in this process, if any do. ``caught_up`` waits until they have done all
    that is in the log; it raises Unavailable when that takes too long.
    """

    def __init__(
        self,
        scope: ErasureScope,
        store: Store,
        sealer: Sealer,
        clock: Clock,
        *,
        agents: PausableAgents | None = None,
        caught_up: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._agents = agents
        self._scope = scope
        self._store = store
        self._sealer = sealer
        self._clock = clock
        self._caught_up = caught_up
        self._one = asyncio.Lock()
        self._running: dict[tuple[str, str], asyncio.Task[dict[str, Any]]] = {}

    async def erase(self, workspace_id: str, address: str) -> dict[str, Any]:
        """Erase whoever has this email; return what was found.

        Raises KeyError without the workspace, Unavailable when the agents are too far behind.
        """
        async with self._one:
            workspace = await self._workspace(workspace_id)
            key = email_key(workspace.email_secret, address)
            plan = {key: self._like(key, partial(secrets.token_hex, 16), partial(email_join, workspace.id))}
            if self._agents is None:
                await self._note(workspace, plan)
                await self._heard()
                await self._finish(workspace, plan)
            else:
                assert self._caught_up is not None, "agents are waited for"
                await self._caught_up()
                await self._note(workspace, plan)
                await self._heard()  # from here on nobody identifies with this address
                await self._caught_up()
                await self._agents.aside(partial(self._finish, workspace, plan))
            return {"workspace": workspace.id, "visitors": len(plan) - 1}

    async def act(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The admin action: begin an erasure, or go on waiting for it; is it done, and what was found."""
        name = (asked["workspace"], asked["address"])
        task = self._running.get(name) or asyncio.create_task(self.erase(*name))
        self._running[name] = task
        done, _ = await asyncio.wait([task], timeout=LONGEST_ANSWER_S)
        if not done:
            return {"done": False}
        del self._running[name]
        return {"done": True, "erased": task.result()}

    async def resume(self) -> None:
        """Before any agent starts: finish what was begun."""
        begun = await self._store.read(lambda c: unfinished_erasures(c, self._sealer))
        for workspace, plan in begun:
            await self._finish(await self._workspace(workspace), dict(plan))

    async def _workspace(self, workspace: str) -> Workspace:
        found = await self._store.read(lambda c: find_workspace(c, self._sealer, workspace))
        if found is None:
            raise KeyError(workspace)
        return found

    async def _note(self, workspace: Workspace, plan: Mapping[str, str]) -> None:
        """Keep what shall be done, so that the edge heeds it and a crash does not end it."""
        hashes = tuple(erased_hash(workspace.email_secret, name) for name in plan)
        begun = Begun(workspace.id, plan, hashes, self._clock())
        await self._store.write(partial(begin_erasure, sealer=self._sealer, begun=begun))

    async def _heard(self) -> None:
        """Wait until every edge heeds what was noted."""
        if self._agents is not None or self._scope.apart:
            await asyncio.sleep(HEARD_S)

    async def _finish(self, workspace: Workspace, plan: dict[str, str]) -> None:
        """Without agents: find the person's visitors, and change all that mentions any name."""
        key = next(iter(plan))
        for visitor in sorted(await self._visitors_of(key) - plan.keys()):
            plan[visitor] = self._like(visitor, _anyone, partial(visitor_key, workspace.id))
        await self._note(workspace, plan)
        await self._heard()  # from here on nobody comes as one of these visitors
        erasure = Erasure(plan, await self._credited(plan))
        past = self._scope.past
        await past.rewrite(partial(changed, erasure), erasure.mentioned, {DEAD_LETTERS.name})
        await past.sweep()
        self._scope.forget_tables()
        await self._store.write(partial(erase_rows, erasure=erasure))
        await self._store.sweep()
        await self._store.write(partial(end_erasure, number=erased_hash(workspace.email_secret, key)))

    async def _visitors_of(self, key: str) -> set[str]:
        """Who identified as ``key``, and whom Stripe names for the payers that have it."""
        visitors: set[str] = set()
        joins: set[str] = set()

        def collect(_topic: str, record: Record) -> None:
            visitors.update(visitors_with(key, record.value))
            joins.update(payer_join(payer) for payer in payers_with(key, record.value))

        def collect_named(_topic: str, record: Record) -> None:
            bind = decode(VisitorClaim, record.value) if record.value else None
            visitors.update({bind.visitor} if bind and bind.join in joins else ())

        await self._scope.past.search(collect, Erasure({key: ""}).mentioned)
        if joins:
            named = Erasure(dict.fromkeys(joins, "")).mentioned
            await self._scope.past.search(collect_named, named, {BINDS.name})
        return visitors

    async def _credited(self, plan: Mapping[str, str]) -> set[str]:
        """The touches that earned a charge: of those in the ledger, and of those on their way there."""
        names = list(plan)
        credited = await self._store.read(partial(credited_by, names=names))

        def collect(_topic: str, record: Record) -> None:
            if record.value:
                credited.update(credited_in(record.value, names))

        await self._scope.past.search(collect, Erasure(plan).mentioned, {ATTRIBUTED_CHARGES.name})
        return credited

    def _like(self, old: str, new: Callable[[], str], place: Callable[[str], str]) -> str:
        """A new name that lies in the same partition as the old one: what was routed by it stays there."""
        partitions = self._scope.partitions
        wanted = partition_of(place(old), partitions)
        while partition_of(place(found := new()), partitions) != wanted:
            pass
        return found


def _anyone() -> str:
    return uuid7(secrets.randbits(48), secrets.token_bytes(10))


def changed(erasure: Erasure, topic: str, record: Record) -> Record | None:
    """What becomes of a record of the log."""
    mentioned = erasure.mentioned
    if topic == DEAD_LETTERS.name:
        payload = decode(DeadLetter, record.value).payload if record.value else ""
        return (
            None if letter_mentions(payload, mentioned) or mentioned.search(record.value or b"") else record
        )
    named = mentioned.search(record.key or b"")
    if not named and not mentioned.search(record.value or b""):
        return record
    value = erasure.record(topic, record.value)
    if value is None and record.value is not None:
        return None
    return record._replace(key=erasure.rename(record.key) if record.key else record.key, value=value)
