"""The writer: takes postings from the agents and posts them in batches, one transaction after the other."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from functools import partial

from sqlalchemy.exc import DBAPIError

from trackrev_stream import metrics
from trackrev_stream.clock import Clock
from trackrev_stream.contracts.ports import Partition
from trackrev_stream.domain.ledger.fx import Rates
from trackrev_stream.store.database.engine import Store, is_transient
from trackrev_stream.store.database.errors import StoreError
from trackrev_stream.store.ledger.post import NO_RATES, Posting, PostResult, post

MOST_ROWS = 500  # a transaction, and what the last of its postings has more
MOST_WAITING = 1_000
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 5.0
STOP_S = 10
SPACING_S = 0.015  # between two transactions; each costs as much as many postings within it
REST = 2.0  # or so many times as long as the one before took: a writer that is busy batches more
LONGEST_REST_S = 0.1

log = logging.getLogger(__name__)


class Writer:
    """Batches grow by themselves: what came while a transaction ran, or while it keeps its distance to the
    one before, makes the next one. A posting that comes alone is written at once.

    A transaction that fails for a reason that passes (a busy file, a full disk, a server that is down) is
    tried again in place. Any other failure ends the writer: ``on_fatal`` is told once, and ``submit`` and
    ``barrier`` raise it.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        on_fatal: Callable[[BaseException], None] | None = None,
        most_waiting: int = MOST_WAITING,
        rates: Callable[[], Rates] = lambda: NO_RATES,
    ) -> None:
        """``rates`` gives the exchange rates known at the time."""
        self._store = store
        self._clock = clock
        self._on_fatal = on_fatal
        self._rates = rates
        self._queue: asyncio.Queue[Posting] = asyncio.Queue()
        self._room = asyncio.Semaphore(most_waiting)
        self._known: dict[Partition, int] = {}
        self._submitted = 0
        self._written = 0
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None
        self._failure: BaseException | None = None

    def start(self) -> None:
        """Begin to write; needs the running event loop."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="store-writer")

    async def stop(self) -> None:
        """Write what was submitted, for so long, then end. Does not raise what the writer failed with.

        What a full disk or an absent database kept waiting is read from the log again at the next start.
        """
        if self._task is None:
            return
        try:
            await asyncio.wait_for(self.barrier(), STOP_S)
        except TimeoutError:
            log.warning(
                "the database did not take the last postings within %d s; they are read again", STOP_S
            )
        except BaseException as failure:
            if failure is not self._failure:
                raise
        finally:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def submit(self, posting: Posting) -> None:
        """Take a posting; waits while too many are waiting. Raises what ended the writer."""
        await self._room.acquire()
        if self._failure is not None:
            self._room.release()  # the next one in line shall find the failure too
            raise self._failure
        self._queue.put_nowait(posting)
        self._submitted += 1

    async def barrier(self) -> None:
        """Wait until everything submitted so far is in the database. Raises what ended the writer."""
        if self._failure is not None:
            raise self._failure
        if self._written >= self._submitted:
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((self._submitted, done))
        await done

    def release(self, partitions: Iterable[Partition]) -> None:
        """Forget partitions that go to another worker: where they stand is read again if they come back.

        Call it after a barrier, when no postings of them are waiting.
        """
        for partition in partitions:
            self._known.pop(partition, None)

    async def _run(self) -> None:
        loop, next_at = asyncio.get_running_loop(), float("-inf")
        try:
            while True:
                batch = [await self._queue.get()]
                size = batch[0].size
                if (early_s := next_at - loop.time()) > 0:
                    await asyncio.sleep(early_s)
                while size < MOST_ROWS and not self._queue.empty():
                    batch.append(self._queue.get_nowait())
                    size += batch[-1].size
                for _ in batch:
                    self._room.release()
                began_at = loop.time()
                await self._write(batch)
                self._written += len(batch)
                took_s = loop.time() - began_at
                next_at = began_at + took_s + max(SPACING_S, min(REST * took_s, LONGEST_REST_S))
                self._wake()
        except Exception as failure:  # noqa: BLE001 - whatever ends the writer must reach those who wait for it
            self._fail(failure)

    async def _write(self, batch: list[Posting]) -> None:
        pause, unsure = FIRST_PAUSE_S, False
        while True:
            posted_at = self._clock()
            work = partial(
                post,
                postings=batch,
                posted_at=posted_at,
                known=self._known,
                unsure=unsure,
                rates=self._rates(),
            )
            try:
                with metrics.POST_SECONDS.time():
                    result = await self._store.write(work)
            except DBAPIError as error:
                if not is_transient(error):
                    raise
                # The connection may have broken after the commit, and before its answer.
                unsure = unsure or error.connection_invalidated
                reason = " ".join(str(error.orig).split())
                log.warning("the database cannot be written now (%s); trying again in %.2g s", reason, pause)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE_S)
            else:
                self._note(result, posted_at)
                return

    def _note(self, result: PostResult, posted_at: int) -> None:
        self._known.update(result.positions)
        for reason, count in result.entries.items():
            metrics.ENTRIES_POSTED.labels(reason).inc(count)
        for received_at in result.received_at:
            metrics.CHARGE_LATENCY_SECONDS.observe(max(0, posted_at - received_at) / 1000)

    def _wake(self) -> None:
        ready = [done for count, done in self._waiting if count <= self._written]
        self._waiting = [(count, done) for count, done in self._waiting if count > self._written]
        for done in ready:
            if not done.done():
                done.set_result(None)

    def _fail(self, failure: BaseException) -> None:
        self._failure = failure
        if isinstance(failure, StoreError):
            log.critical("nothing is posted any more: %s", failure)
        else:
            log.critical("nothing is posted any more", exc_info=failure)
        for _, done in self._waiting:
            if not done.done():
                done.set_exception(failure)
        self._waiting.clear()
        self._room.release()  # wakes the first of those who wait to submit
        if self._on_fatal is not None:
            self._on_fatal(failure)
