"""Whether this worker still owns its partitions: nothing is written for them unless it surely does.

A worker that was frozen (a stopped container, a paused machine) wakes up believing in partitions that another
worker has long taken over. What it sends then to other topics is outdone by versions, but an old row in a
changelog would be the last one of its key, and be restored later. So its producer asks here before it writes.

The coordinator gives partitions away no earlier than a session after the last heartbeat that it has seen,
or, when it has called for a rebalance, no earlier than a rebalance's time after that. A heartbeat counts from
when it was asked, so the lease ends before the session does, whatever the network did.
"""

import asyncio
import time
from collections.abc import Callable

from trackrev_stream.eventlog.kafka.watchdog import end

SAFE_SHARE = 0.8  # of a session; the rest is for a record on its way
_LOOK_AGAIN_S = 0.05
# Unlike the monotonic clock, it runs on while the machine sleeps.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now_s() -> float:
    """The seconds since this machine started, those in which it slept included."""
    return time.clock_gettime(_CLOCK)


class Lease:
    """Renewed on the consumer's thread, asked on the producer's; attributes are replaced, never changed.

    ``on_lost`` is told when the partitions are another worker's, without having been given back: by default
    the process ends at once, for whatever it might still send or commit would be wrong.
    """

    def __init__(
        self,
        session_s: float,
        rebalance_s: float,
        on_lost: Callable[[str], None] = end,
        now: Callable[[], float] = now_s,
    ) -> None:
        self._length_s = session_s * SAFE_SHARE
        self._rebalance_s = rebalance_s * SAFE_SHARE
        self._confirmed_at = float("-inf")
        self._on_lost = on_lost
        self.now = now
        self._until = float("inf")  # before the first assignment there is nothing to write for

    def renew(self, asked_at: float) -> None:
        """The coordinator confirmed our membership; it was asked at ``asked_at``, by ``now``."""
        self._confirmed_at = asked_at
        self._until = asked_at + self._length_s

    def extend(self, asked_at: float) -> None:
        """The coordinator waits for our partitions; it called for them after it last confirmed."""
        self._until = min(asked_at + self._length_s, self._confirmed_at + self._rebalance_s)

    def lose(self, reason: str) -> None:
        """The coordinator does not know us any more."""
        self._until = float("-inf")
        self._on_lost(
            f"this worker was silent for so long that its partitions went to another one ({reason}); it ends "
            "here, and starts anew from what is committed"
        )

    def holds(self) -> bool:
        """Whether records for our partitions may be written now."""
        return self.now() < self._until

    async def wait(self) -> None:
        """Return as soon as records may be written."""
        while not self.holds():  # noqa: ASYNC110 - what renews it is another thread
            await asyncio.sleep(_LOOK_AGAIN_S)
