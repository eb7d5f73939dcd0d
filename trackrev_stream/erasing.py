"""Erasure over the embedded log: a person's names go from the log, the tables and the database, for good.

While it works the agents rest, and the edge goes on. It may be broken off anywhere: what it is about is noted
in the database before the first change, and the next start finishes it.
"""

import asyncio
import secrets
import shutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from trackrev_stream.clock import Clock
from trackrev_stream.contracts.codec import decode
from trackrev_stream.contracts.dead_letters import DeadLetter
from trackrev_stream.contracts.erasure import Erasure, letter_mentions, payers_with, visitors_with
from trackrev_stream.contracts.ports import Unavailable, Workspace
from trackrev_stream.contracts.topics import BINDS, DEAD_LETTERS, PIXEL_HITS, TOPICS
from trackrev_stream.domain.identity import Bind
from trackrev_stream.domain.ids import (
    email_join,
    email_key,
    erased_hash,
    partition_of,
    payer_join,
    uuid7,
    visitor_key,
)
from trackrev_stream.embedded.log import Log
from trackrev_stream.embedded.records import Record, TopicPartition
from trackrev_stream.store.directory import CHECK_EVERY_MS
from trackrev_stream.store.engine import Store
from trackrev_stream.store.erasures import (
    Begun,
    begin_erasure,
    credited_by,
    end_erasure,
    erase_rows,
    unfinished_erasures,
)
from trackrev_stream.store.secrets import Sealer
from trackrev_stream.store.workspaces import find_workspace

ERASE = "erase"  # the admin action
LONGEST_ANSWER_S = 10.0
LOOK_AGAIN_S = 0.05
LONGEST_SETTLING_S = 60.0
HEARD_S = 2 * CHECK_EVERY_MS / 1_000  # after so long the edge knows of every change, and has sent what it had
HANDS = 8  # through so many agents goes what a hit or a charge can lead to

Work = Callable[[], Awaitable[None]]


class Agents(Protocol):
    """The agents, as an erasure needs them."""

    async def aside(self, work: Work) -> None:
        """Do ``work`` while they rest, their tables closed."""
        ...


class Eraser:
    """Erases people from a data directory; ``agents`` are those that work in this process, if any do.

    They commit as ``group``, and keep their ``tables`` in a directory.
    """

    def __init__(
        self, event_log: Log, store: Store, sealer: Sealer, tables: Path, clock: Clock, *, group: str
    ) -> None:
        self.agents: Agents | None = None
        self._log = event_log
        self._group = group
        self._store = store
        self._sealer = sealer
        self._tables = tables
        self._clock = clock
        self._one = asyncio.Lock()
        self._running: dict[tuple[str, str], asyncio.Task[dict[str, Any]]] = {}

    async def erase(self, workspace_id: str, address: str) -> dict[str, Any]:
        """Erase whoever has this email; return what was found.

        Raises KeyError without the workspace, Unavailable when the agents are too far behind.
        """
        async with self._one:
            workspace = await self._workspace(workspace_id)
            if self.agents is not None:
                await self._caught_up()
            key = email_key(workspace.email_secret, address)
            plan = {key: self._like(key, partial(secrets.token_hex, 16), partial(email_join, workspace.id))}
            await self._note(workspace, plan)
            if self.agents is None:
                await self._finish(workspace, plan)
            else:
                await asyncio.sleep(HEARD_S)  # from here on nobody identifies with this address
                await self._caught_up()
                await self.agents.aside(partial(self._finish, workspace, plan))
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

    async def _finish(self, workspace: Workspace, plan: dict[str, str]) -> None:
        """Without agents: find the person's visitors, and change all that mentions any name."""
        key = next(iter(plan))
        for visitor in sorted(await self._visitors_of(key) - plan.keys()):
            plan[visitor] = self._like(visitor, _anyone, partial(visitor_key, workspace.id))
        await self._note(workspace, plan)
        if self.agents is not None:
            await asyncio.sleep(HEARD_S)  # from here on nobody comes as one of these visitors
        credited = await self._store.read(partial(credited_by, names=list(plan)))
        erasure = Erasure(plan, credited)
        await self._log.rewrite(partial(changed, erasure), erasure.mentioned, {DEAD_LETTERS.name})
        await self._log.sweep()
        shutil.rmtree(self._tables, ignore_errors=True)  # made anew from the log
        await self._store.write(partial(erase_rows, erasure=erasure))
        await self._store.sweep()
        await self._store.write(partial(end_erasure, number=erased_hash(workspace.email_secret, key)))

    async def _visitors_of(self, key: str) -> set[str]:
        """Who identified as ``key``, and whom Stripe names for the payers that have it."""
        visitors: set[str] = set()
        joins: set[str] = set()

        def collect(_topic: str, record: Record) -> Record:
            visitors.update(visitors_with(key, record.value))
            joins.update(payer_join(payer) for payer in payers_with(key, record.value))
            return record

        def collect_named(topic: str, record: Record) -> Record:
            if topic == BINDS.name and record.value:
                bind = decode(Bind, record.value)
                visitors.update({bind.visitor} if bind.join in joins else ())
            return record

        await self._log.rewrite(collect, Erasure({key: ""}).mentioned)
        if joins:
            await self._log.rewrite(collect_named, Erasure(dict.fromkeys(joins, "")).mentioned)
        return visitors

    def _like(self, old: str, new: Callable[[], str], place: Callable[[str], str]) -> str:
        """A new name that lies in the same partition as the old one: what was routed by it stays there."""
        partitions = self._log.topics()[PIXEL_HITS.name].partitions
        wanted = partition_of(place(old), partitions)
        while partition_of(place(found := new()), partitions) != wanted:
            pass
        return found

    async def _caught_up(self) -> None:
        """Wait until the agents have done all that is in the log now. Raises Unavailable after a minute."""
        try:
            async with asyncio.timeout(LONGEST_SETTLING_S):
                for _ in range(HANDS):
                    await self._reached(self._ends())
        except TimeoutError:
            message = "the agents are behind, and only what they have done can be erased; try again later"
            raise Unavailable(message) from None

    def _ends(self) -> dict[TopicPartition, int]:
        numbers = range(self._log.topics()[PIXEL_HITS.name].partitions)
        return {(each.name, n): self._log.high_watermark(each.name, n) for each in TOPICS for n in numbers}

    async def _reached(self, ends: Mapping[TopicPartition, int]) -> None:
        def behind() -> bool:
            return any((self._log.committed(self._group, *place) or 0) < end for place, end in ends.items())

        while behind():  # noqa: ASYNC110 - the log does not tell of commits
            await asyncio.sleep(LOOK_AGAIN_S)


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
    return replace(record, key=erasure.rename(record.key) if record.key else record.key, value=value)
