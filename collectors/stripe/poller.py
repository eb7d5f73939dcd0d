"""The poller: each connection's rounds when they are due, one poller a connection, none in another's way."""

import asyncio
import itertools
import logging
import random
import uuid
from dataclasses import dataclass, field, replace

from collectors.stripe.client import CannotRead, Patience, StripeReader
from collectors.stripe.daily_reconcile import Audit
from collectors.stripe.poll_round import PollDeps, Round
from trackrev_stream.contracts.ports import PollReport, StripeConnection, Unavailable
from trackrev_stream.metrics import POLL_ROUNDS, POLLED_AT_SECONDS, STRIPE_READS_30_DAYS

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a connection is polled, and how the poller goes about it."""

    every_ms: int = 3_600_000
    after_failure_ms: int = 300_000
    lease_ms: int = 120_000
    look_s: float = 1.0
    at_once: int = 4
    patience: Patience = field(default_factory=Patience)


class LeaseLost(Exception):
    """Another poller has taken the connection over; it goes on where this one was."""


class Poller:
    """Polls all connections that have a key. A connection that fails is tried again; the others go on."""

    def __init__(self, deps: PollDeps, pace: Pace | None = None) -> None:
        self._deps = deps
        self._pace = pace or Pace()
        self._holder = uuid.uuid4().hex
        self._running: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._audit = Audit(deps.book, deps.state, deps.clock)

    async def run(self) -> None:
        """Poll for ever; when cancelled, the leases are given back."""
        try:
            while True:
                for connection in await self._deps.state.due(self._deps.clock()):
                    self._start(connection)
                await asyncio.sleep(self._pace.look_s)
        finally:
            await self._stop()

    def _start(self, connection: StripeConnection) -> None:
        key = (connection.workspace, connection.account)
        if key in self._running or len(self._running) >= self._pace.at_once:
            return
        task = asyncio.create_task(self.poll(connection))
        self._running[key] = task
        task.add_done_callback(lambda done: self._ended(key, done))

    def _ended(self, key: tuple[str, str], task: asyncio.Task[None]) -> None:
        del self._running[key]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("polling %s failed: %s: %s", "/".join(key), type(error).__name__, error)

    async def _stop(self) -> None:
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def poll(self, connection: StripeConnection) -> None:
        """One round over a connection, unless another poller has it."""
        state, started = self._deps.state, self._deps.clock()
        workspace = await self._deps.directory.workspace(connection.workspace)
        if workspace is None or not await self._keep(connection):
            return
        counted = itertools.count()
        reader = StripeReader(connection, lambda: next(counted), self._pace.patience)

        async def progress(report: PollReport) -> None:
            if not await self._keep(connection):
                raise LeaseLost(f"another process polls {connection!r} now")
            await state.report(connection, report)

        of_round = Round(self._deps, workspace, connection, reader=reader, progress=progress)
        report, due_at = (
            replace(of_round.report, result="cut off"),
            started,
        )  # whoever is next goes on at once
        try:
            # Before the round, so that what the last one found has had its time to reach the ledger.
            await self._audit.audit(reader, workspace, connection)
            report, due_at = await self._finish(of_round, connection, started)
        finally:
            await reader.close()
            await state.count_reads(connection, started, next(counted))
            await state.give_back(connection, self._holder, report, due_at)
        reads = await state.reads(connection, started)
        STRIPE_READS_30_DAYS.labels(connection.workspace, connection.account).set(reads)

    async def _finish(
        self, of_round: Round, connection: StripeConnection, started: int
    ) -> tuple[PollReport, int]:
        """Run a round to its end, good or bad: how it went, and when the next one is due."""
        try:
            report = await of_round.run()
        except (CannotRead, Unavailable, LeaseLost) as error:
            log.warning("polling Stripe for %s: %s", connection.workspace, error)
            POLL_ROUNDS.labels(connection.workspace, "failed").inc()
            report = replace(of_round.report, ended_at=self._deps.clock(), result=str(error))
            return report, started + self._spread(self._pace.after_failure_ms)
        POLL_ROUNDS.labels(connection.workspace, "ok").inc()
        POLLED_AT_SECONDS.labels(connection.workspace, connection.account).set(started / 1_000)
        return report, started + self._spread(self._pace.every_ms)

    def _spread(self, wait_ms: int) -> int:
        """Up to a twentieth sooner, so that connections do not all come at once."""
        return wait_ms - random.randint(0, wait_ms // 20)  # noqa: S311 - spreads requests, keeps no secret

    async def _keep(self, connection: StripeConnection) -> bool:
        now = self._deps.clock()
        return await self._deps.state.take(connection, self._holder, now, now + self._pace.lease_ms)
