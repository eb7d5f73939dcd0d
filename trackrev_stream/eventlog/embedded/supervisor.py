"""Keeps the agents at work: where the disk refuses them they rest, and begin again where they left off.

Beginning again is a restart without the process: what was not committed is read again, and rows know what
they have. Meanwhile the edge answers for itself, 503 for as long as the log takes nothing.
"""

import asyncio
import errno
import logging
import traceback
from collections.abc import Awaitable, Callable, Iterator

import faust

from trackrev_stream.contracts.topics import DEAD_LETTERS
from trackrev_stream.eventlog.embedded.log import Log
from trackrev_stream.eventlog.faust_patches.runtime import Runtime
from trackrev_stream.eventlog.history import PausableAgents
from trackrev_stream.eventlog.records import LogUnavailable

STOP_S = 10
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0

_FULL = "No space left on device"  # as RocksDB words it; its errors have no types
_PROBE = "probe"  # a consumer group that nobody reads with

log = logging.getLogger(__name__)


class Supervisor:
    """Runs what ``make`` makes, one after the other."""

    def __init__(self, make: Callable[[], Runtime], event_log: Log) -> None:
        self._make = make
        self._log = event_log
        self._runtime = make()
        self._back = asyncio.Event()
        self._back.set()

    @property
    def pausable(self) -> PausableAgents:
        """They rest when this process says so."""
        return self

    @property
    def app(self) -> faust.App:
        """The app that is at work now."""
        return self._runtime.app

    async def start(self) -> None:
        """Return once the agents are at work. Raises AppFailed."""
        await self._runtime.start()

    async def aside(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do ``work`` while they rest, their tables closed. Raises AppFailed, and what ``work`` raises."""
        self._back.clear()
        try:
            await self.stop()
            await work()
        finally:
            self._runtime = self._make()
            try:
                await self._runtime.start()
            finally:
                self._back.set()

    async def run(self) -> None:
        """Keep them at work until cancelled. Raises AppFailed for all that is not the disk's doing."""
        while True:
            try:
                await self._runtime.wait()
            except Exception as error:
                if not _is_of_disk(error):
                    raise
                log.warning("the agents rest until the disk takes writes again: %s", error)
                await self._put_down(error)
            else:
                if self._back.is_set():
                    return
                await self._back.wait()
                continue
            await self._begin_again()
            log.warning("the agents go on where they left off")

    async def stop(self) -> None:
        """Let them finish what they have at hand, for so long; the rest is read again at the next start."""
        try:
            await asyncio.wait_for(self._runtime.stop(), STOP_S)
        except TimeoutError:
            log.warning(
                "the agents did not stop within %d s; what they had not finished is read again", STOP_S
            )

    async def _begin_again(self) -> None:
        pause = FIRST_PAUSE_S
        while not await self._began():
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    async def _began(self) -> bool:
        try:
            await self._log.commit(_PROBE, {(DEAD_LETTERS.name, 0): 0})
        except LogUnavailable:
            return False
        self._runtime = self._make()
        try:
            await self._runtime.start()
        except Exception as error:
            if not _is_of_disk(error):
                raise
            await self._put_down(error)
            return False
        return True

    async def _put_down(self, error: BaseException) -> None:
        """Stop, and let go of the tables' databases, or they could not be opened again.

        Faust leaves it to their last reference to close them (stores/rocksdb.py:571), and the frames that an
        error came through hold some.
        """
        await self.stop()
        for each in _chain(error):
            traceback.clear_frames(each.__traceback__)


def _is_of_disk(error: BaseException) -> bool:
    """Whether an error, or what it came of, is a disk that takes no more."""
    return any(
        isinstance(each, LogUnavailable)
        or _FULL in str(each)
        or (isinstance(each, OSError) and each.errno in (errno.ENOSPC, errno.EDQUOT))
        for each in _chain(error)
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it came of."""
    while error is not None:
        yield error
        error = error.__cause__
