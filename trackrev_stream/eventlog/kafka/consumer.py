"""Faust's Kafka consumer, made safe: what differs is said with the line of Faust that it mends."""

import asyncio
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import aiokafka
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from trackrev_stream.eventlog.faust_patches.ordered_acks import OrderedAcks
from trackrev_stream.eventlog.faust_patches.recovery import RestoresTables
from trackrev_stream.eventlog.kafka.backoff import patient
from trackrev_stream.eventlog.kafka.coordinator import listen

# A partition joins the long poll of its broker when the one under way returns: so long may a record wait.
FETCH_WAIT_MS = 100
_LOOK_AGAIN_S = 0.01
_SOME_ARE_FULL_S = 0.05
_LONGEST_READ_S = 0.25  # a rebalance waits for the one under way


class ConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]  # Faust has no types
    """Reads with this program's settings, and tells the lease what the coordinator says."""

    async def on_start(self) -> None:
        """Connect; nothing is subscribed to yet, so no word of the coordinator is missed."""
        await super().on_start()
        patient(self._consumer._client)  # noqa: SLF001 - aiokafka hands it out nowhere
        listen(self._consumer, self.transport.lease)

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        # Mends drivers/aiokafka.py:575: 1.5 s of long poll, and credentials that know no plain TLS.
        conf, self._assignor = self.app.conf, self.app.assignor
        return aiokafka.AIOKafkaConsumer(
            **transport.cluster.options,
            client_id=conf.broker_client_id,
            group_id=conf.id,
            partition_assignment_strategy=[self._assignor],
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=FETCH_WAIT_MS,
            max_poll_records=conf.broker_max_poll_records,
            max_poll_interval_ms=int(conf.broker_max_poll_interval * 1000),
            request_timeout_ms=int(conf.broker_request_timeout * 1000),
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
        )

    async def _fetch_records(
        self,
        consumer: aiokafka.AIOKafkaConsumer,
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109 - Faust's signature
        max_records: int | None = None,
    ) -> dict[TP, list[Any]]:
        # Mends drivers/aiokafka.py:1100: a read that comes on a reassignment, at its beginning or when it is
        # woken, waits for the end of that (aiokafka/consumer/fetcher.py:1215), and the reassignment for the
        # read (`Consumer.on_partitions_revoked`), until the coordinator gives this worker up.
        subscriptions, fetcher = consumer._subscription, consumer._fetcher  # noqa: SLF001 - as above
        read = partial(super()._fetch_records, consumer, active_partitions, 0, max_records)
        if not subscriptions.reassignment_in_progress:
            found: dict[TP, list[Any]] = await read()
            if found or not self.consumer.flow_active:
                return found
        waiter = fetcher._create_fetch_waiter()  # noqa: SLF001 - as above
        await asyncio.wait([waiter], timeout=timeout)
        if waiter.done():
            waiter.result()  # raises what a fetch met with
        else:
            waiter.cancel()
        return {} if subscriptions.reassignment_in_progress else await read()


class Consumer(RestoresTables, OrderedAcks, driver.Consumer):  # type: ignore[misc]  # Faust has no types
    """A member of the workers' group."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._nothing_read = asyncio.Event()  # no read is under way
        self._nothing_read.set()

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def create_topic(self, topic: str, partitions: int, replication: int, **options: Any) -> None:
        """Nothing: `trackrev_stream.eventlog.kafka.topics` has made them all before the app starts."""

    # Reading

    async def _wait_next_records(self, timeout: float) -> tuple[dict[TP, list[Any]], set[TP]]:  # noqa: ASYNC109  # Faust's signature
        # Mends transport/consumer.py:808: with no partition to read (all paused, or all buffers full) it
        # sleeps for a second, however soon one can be read again.
        if not self.flow_active:
            await self.wait(self.can_resume_flow)
        active = self._get_active_partitions()
        readable = {tp for tp in active if self._may_read(tp)}
        if not readable:
            await self.sleep(_LOOK_AGAIN_S)
            return {}, active
        # A partition whose buffer was full shall be read as soon as there is room again.
        patience = _SOME_ARE_FULL_S if self._buffered_partitions else min(timeout, _LONGEST_READ_S)
        self._nothing_read.clear()
        try:
            found = await self._getmany(readable, patience)
        finally:
            self._nothing_read.set()
        if not self.flow_active:
            # Mends transport/consumer.py:740 and :772: what was read before a rebalance would pass for newer
            # than that, or be sought back to in its midst. Every partition is sought before the flow goes on.
            await self.wait(self.can_resume_flow)
            return {}, active
        self._restore(found)
        return found, active

    def _may_read(self, tp: TP) -> bool:
        # Mends tables/recovery.py:649-659: partitions are resumed, then positions are set, then the queues
        # are cleared; what was read in between would be lost.
        return bool(self.app.tables.actives_ready) or bool(self._is_changelog_tp(tp))

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:
        if self.app.topics.acks_enabled_for(tp.topic):
            self._delivered[tp].append(record.offset)
        return super()._to_message(tp, record)

    async def perform_seek(self) -> None:
        """Go on where the group's commits are; what was handed on before comes again."""
        await super().perform_seek()
        self._delivered.clear()

    # Commits and revocation

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        committed: bool = await self.transport.commit(partial(self._thread.commit, offsets))
        return committed

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Finish and commit what is at hand before the partitions go.

        Mends transport/consumer.py:657: what is acknowledged and not committed would be dropped, and be done
        a second time by the next owner.
        """
        assignment = self.assignment()
        if assignment and not self.app.should_stop:
            self.stop_flow()
            self.app.flow_control.suspend()
            # Else it might return after the partitions were sought again, with what it would then lose.
            await self._nothing_read.wait()
            self.pause_partitions(assignment)
            self.app.flow_control.clear()
            await self.wait_empty()
        self._forget(revoked)
        await super().on_partitions_revoked(revoked)

    def _forget(self, revoked: Iterable[TP]) -> None:
        for tp in revoked:
            self._delivered.pop(tp, None)
        self.transport.revoked(revoked)

    def lag(self, topic: str) -> int:
        """How many records of a topic are not yet committed, over the partitions that are ours."""
        try:
            ours = [tp for tp in self.assignment() if tp.topic == topic]
        except driver.ConsumerNotStarted:
            return 0
        return sum(max(0, (self.highwater(tp) or 0) - (self._committed_offset[tp] or 0)) for tp in ours)

    def progress(self) -> tuple[bool, object]:
        """Whether there is something to be done now, and what changes when some of it is."""
        recovery = self.app.tables.recovery
        ready = self.app.tables.actives_ready and not self.app.rebalancing
        busy = not ready or any(self._delivered.values())
        state = (
            self.app.consumer_generation_id,
            self.app.rebalancing,
            tuple(sorted(self._committed_offset.items())),
            sum(offset or 0 for offset in recovery.active_offsets.values()),
        )
        return busy, state

    async def on_stop(self) -> None:
        """Commit what is done; nothing more if something was lost."""
        if self.transport.failure is None:
            await super().on_stop()
        else:
            self._unacked_messages.clear()
            await asyncio.sleep(0)
