"""What collectors publish by: straight to the log, or to a broker with a spool for while it is away."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from trackrev_stream import metrics
from trackrev_stream.contracts.ports import UNKNOWN_OFFSET, ClockRefused, Publisher, Unavailable
from trackrev_stream.eventlog.records import Record, TopicPartition
from trackrev_stream.eventlog.spool.spool import Spool, Spools

log = logging.getLogger(__name__)

PROBE_S = 0.5
CLOCK_PROBE_S = 5.0  # each record that is refused for its time costs a new connection
LOOK_AROUND_S = 30.0
SETTLE_S = 10.0
ALMOST_FULL = 0.8
BATCH = 64  # records of a partition that are on their way from the spool together


class Straight:
    """Publishes to a log that needs no spool."""

    def __init__(self, publisher: Publisher) -> None:
        self.publish = publisher.publish

    def ready(self) -> bool:
        """Yes."""
        return True

    def trouble(self) -> str:
        """None."""
        return ""

    def clock_refused(self) -> bool:
        """No."""
        return False

    async def run(self) -> None:
        """Nothing has to run beside."""

    async def settle(self) -> None:
        """Nothing waits."""

    async def close(self) -> None:
        """There is nothing to let go of."""


class Spooling:
    """Publishes to a broker; while that is away, to the spool, from which `run` delivers.

    The first record that the broker does not take in its time tells that it is away. From then on nothing
    waits for it, until it has taken something from the spool. What the broker did take after all comes twice.
    A broker that refuses our clock is there; its records wait in the same way, and `trouble` says so.

    ``reach`` sees that the broker is there, with its topics, or raises Unavailable; ``away`` tells that it
    was not when we looked last. ``spool`` is the own one of ``spools``; what has waited goes to the broker by
    ``late``.
    """

    def __init__(
        self,
        broker: Publisher,
        reach: Callable[[], Awaitable[None]],
        spools: Spools,
        spool: Spool,
        *,
        late: Publisher | None = None,
        away: bool = False,
    ) -> None:
        self._broker = broker
        self._late = late or broker
        self._reach = reach
        self._spools = spools
        self._spool = spool
        self._away = away
        self._trouble: Unavailable | None = None  # why the broker took nothing, when it was asked last
        self._filled, self._emptied = asyncio.Event(), asyncio.Event()
        metrics.SPOOL_CAPACITY_BYTES.set(spool.capacity)
        self._report()

    async def publish(self, topic: str, partition: int, key: bytes | None, value: bytes) -> int:
        """Append a record; return its offset, or UNKNOWN_OFFSET where it waits on our disk.

        Raises Unavailable when it is neither with the broker nor there.
        """
        if not self._away:
            try:
                return await self._broker.publish(topic, partition, key, value)
            except Unavailable as error:
                self._lost(error)
        await self._spool.put(topic, partition, key, value)
        metrics.SPOOLED.inc()
        self._report()
        return UNKNOWN_OFFSET

    def ready(self) -> bool:
        """Whether what comes would be saved: the broker is there, or the spool has room."""
        return not self._away or self._spool.has_room(ALMOST_FULL)

    def trouble(self) -> str:
        """Why what comes waits on our disk, for people; nothing where it does not."""
        return f"What comes waits on the disk: {self._trouble or 'the broker is away'}." if self._away else ""

    def clock_refused(self) -> bool:
        """Whether the broker is there, and refuses the time of our records."""
        return isinstance(self._trouble, ClockRefused)

    async def run(self) -> None:
        """Deliver what waits, and what processes that are gone have left, for ever. Raises TopicMismatch."""
        while True:
            metrics.SPOOL_WAITING_RECORDS.set(self._spool.waiting)
            if await self._delivered(self._spool):
                await self._look_around()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._filled.wait(), LOOK_AROUND_S)
            else:
                refused = isinstance(self._trouble, ClockRefused)
                await asyncio.sleep(CLOCK_PROBE_S if refused else PROBE_S)

    async def settle(self) -> None:
        """Before the end: wait for a while until nothing is left in the spool, if the broker is there."""
        if not self._away:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._emptied.wait(), SETTLE_S)

    async def close(self) -> None:
        """Let go of the spool; what is in it stays, for whoever starts next."""
        await self._spool.close()

    def _lost(self, reason: Unavailable) -> None:
        """What comes waits from now on, or still, for this reason."""
        refused = isinstance(reason, ClockRefused)
        if not self._away or refused != isinstance(self._trouble, ClockRefused):
            what = "the clock is right" if refused else "the broker is back"
            log.log(
                logging.CRITICAL if refused else logging.WARNING,
                "what comes waits on the disk until %s: %s",
                *(what, reason),
            )
        metrics.CLOCK_REFUSED.set(refused)
        self._away, self._trouble = True, reason

    def _found(self) -> None:
        if self._away:
            refused = isinstance(self._trouble, ClockRefused)
            log.warning("the clock is right again" if refused else "the broker is back")
        metrics.CLOCK_REFUSED.set(0)
        self._away, self._trouble = False, None

    async def _delivered(self, spool: Spool) -> bool:
        """Empty a spool, in no more than half of the time; False when the broker does not take it all."""
        clock = asyncio.get_running_loop()
        if self._away and not await self._is_back(spool):
            return False
        while not spool.empty:
            began = clock.time()
            if not await self._pass(spool, BATCH):
                return False
            await asyncio.sleep(clock.time() - began)
        return True

    async def _is_back(self, spool: Spool) -> bool:
        """Whether the broker is there, and takes something of what waits for it."""
        try:
            await self._reach()
        except Unavailable as error:
            self._lost(error)
            return False
        if spool.empty:
            self._found()
        else:
            await self._pass(spool, 1)
        return not self._away

    async def _pass(self, spool: Spool, most: int) -> bool:
        """Deliver the next records of every partition; False when the broker took none of them."""
        try:
            heads = spool.head(most)
        except Unavailable as error:
            log.warning("the spool cannot be read now: %s", error)
            heads = {}
        counts = await asyncio.gather(*(self._send(*head) for head in heads.items()))
        taken = dict(zip(heads, counts, strict=True))
        await spool.delivered({place: heads[place][0].offset + n for place, n in taken.items()})
        if any(counts):
            self._found()
            metrics.SPOOL_DELIVERED.inc(sum(counts))
        metrics.SPOOL_WAITING_RECORDS.set(self._spool.waiting)
        self._report()
        return spool.empty or any(counts)

    async def _send(self, place: TopicPartition, records: list[Record]) -> int:
        """Publish records of one partition; how many of them the broker has, before the first it has not."""
        sent = [self._late.publish(*place, record.key, record.value or b"") for record in records]
        outcomes = await asyncio.gather(*sent, return_exceptions=True)
        for number, outcome in enumerate(outcomes):
            if isinstance(outcome, ClockRefused):
                self._lost(outcome)
            if isinstance(outcome, Unavailable):
                if self._away or isinstance(outcome, ClockRefused):
                    self._lost(outcome)
                return number
            if isinstance(outcome, BaseException):
                raise outcome
        return len(outcomes)

    async def _look_around(self) -> None:
        """Deliver what processes that are gone have left in this data directory."""
        async with contextlib.aclosing(self._spools.left()) as left:
            async for spool in left:
                if not await self._delivered(spool):
                    return

    def _report(self) -> None:
        for event, state in ((self._filled, not self._spool.empty), (self._emptied, self._spool.empty)):
            event.set() if state else event.clear()
        metrics.SPOOL_BYTES.set(self._spool.used)
        metrics.SPOOL_SINCE_TIMESTAMP_SECONDS.set(self._spool.since / 1_000)
