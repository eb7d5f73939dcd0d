"""Notes when something happened last: at most once a minute for each thing, and nobody waits for it."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from trackrev_stream.clock import Clock
from trackrev_stream.store.database.engine import Store

EVERY_MS = 60_000

K = TypeVar("K")

log = logging.getLogger(__name__)


class Noticing(Generic[K]):
    """``keep`` writes what was noticed, with its time. What cannot be written is noticed again later."""

    def __init__(
        self, store: Store, clock: Clock, keep: Callable[[Connection, Sequence[tuple[K, int]]], None]
    ) -> None:
        self._store = store
        self._clock = clock
        self._keep = keep
        self._noted: dict[K, int] = {}
        self._waiting: dict[K, int] = {}
        self._writing: asyncio.Task[None] | None = None

    def note(self, what: K) -> None:
        """Note that it happened now. Returns at once; needs the running event loop."""
        now, before = self._clock(), self._noted.get(what)
        if before is not None and abs(now - before) < EVERY_MS:
            return
        self._noted[what] = self._waiting[what] = now
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write())

    async def written(self) -> None:
        """Wait until what was noted so far is written, or could not be."""
        if self._writing is not None:
            await asyncio.wait([self._writing])

    async def _write(self) -> None:
        while self._waiting:
            noted, self._waiting = list(self._waiting.items()), {}
            try:
                await self._store.write(lambda sql, noted=noted: self._keep(sql, noted))  # type: ignore[misc]  # mypy on defaults
            except (DBAPIError, RuntimeError) as error:  # a database that is away, a store that was closed
                log.debug("not noted when %d things happened last: %s", len(noted), error)
                for what, _ in noted:
                    self._noted.pop(what, None)
