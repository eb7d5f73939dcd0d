"""Faust's consumer over the embedded log."""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from typing import Any

from faust.assignor.client_assignment import ClientAssignment
from faust.transport.consumer import Consumer as BaseConsumer
from faust.types import TP, ConsumerMessage

from trackrev_stream.eventlog.faust_patches.ordered_acks import OrderedAcks
from trackrev_stream.eventlog.faust_patches.recovery import RestoresTables
from trackrev_stream.eventlog.records import LogUnavailable, OffsetOutOfRange, Record

_RECORDS_A_PARTITION = 500


class Consumer(RestoresTables, OrderedAcks, BaseConsumer):  # type: ignore[misc]  # Faust has no types
    """All partitions of the topics subscribed to, read as soon as records are durable."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._assigned: set[TP] = set()
        self._positions: dict[TP, int] = {}
        self._idle: asyncio.Future[None] | None = None
        self._assigning = asyncio.Lock()

    @property
    def _log(self) -> Any:
        return self.transport.log

    # Assignment

    async def subscribe(self, topics: Iterable[str]) -> None:
        """Assign all partitions of the topics, in the background.

        Not at once: app/base.py:1884 waits, while partitions are assigned, for this very call to return.
        """
        self.add_future(self._assign(set(topics)))

    async def _assign(self, topics: set[str]) -> None:
        async with self._assigning:
            assigned = {
                TP(topic, number) for topic in topics for number in range(self.topic_partitions(topic) or 0)
            }
            missing = topics - {tp.topic for tp in assigned}
            if missing:
                names = ", ".join(sorted(missing))
                raise LookupError(
                    f"No such topic in the log: {names}. Create the topics before the app starts."
                )
            if assigned == self._assigned and self.app.consumer_generation_id:
                return
            self.app.on_rebalance_start()
            if self._assigned:
                # Mends transport/consumer.py:657: what is acknowledged and not committed would be dropped.
                await self.commit()
                await self.on_partitions_revoked(self._assigned - assigned)
            for tp in assigned - self._assigned:
                self._positions[tp] = self._log.start_offset(*tp)
            self._assigned = assigned
            self._tell_assignor()
            self.app.consumer_generation_id += 1
            await self.on_partitions_assigned(set(assigned), self.app.consumer_generation_id)

    def _tell_assignor(self) -> None:
        # What the group protocol would have told it, assignor/partition_assignor.py:136.
        numbers = {
            topic: sorted(tp.partition for tp in self._assigned if tp.topic == topic)
            for topic in sorted({tp.topic for tp in self._assigned})
        }
        assignor, url = self.app.assignor, str(self.app.conf.canonical_url)
        assignor._assignment = ClientAssignment(actives=numbers, standbys={})  # noqa: SLF001 - what a leader would assign over the network
        assignor._active_tps = set(self._assigned)  # noqa: SLF001 - what a leader would assign over the network
        assignor._standby_tps = set()  # noqa: SLF001 - what a leader would assign over the network
        assignor._topic_groups = dict.fromkeys(numbers, 0)  # noqa: SLF001 - what a leader would assign over the network
        changelogs = self.app.tables.changelog_topics
        assignor.changelog_distribution = {
            url: {topic: tps for topic, tps in numbers.items() if topic in changelogs}
        }
        assignor.external_topic_distribution = {
            url: {topic: tps for topic, tps in numbers.items() if topic not in changelogs}
        }

    def assignment(self) -> set[TP]:
        """The partitions assigned."""
        return self._assigned

    # Reading

    async def _wait_next_records(self, timeout: float) -> tuple[dict[TP, list[Record]], set[TP]]:  # noqa: ASYNC109  # Faust's signature
        # Mends transport/consumer.py:808: with no partition to read (all paused, or all buffers full) it
        # sleeps for a second, however soon one can be read again.
        if not self.flow_active:
            await self.wait(self.can_resume_flow)
        active = self._get_active_partitions()
        found = await self._getmany(active, timeout)
        self._restore(found)
        return found, active

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> dict[TP, list[Record]]:  # noqa: ASYNC109  # Faust's signature
        active = self._assigned if active_partitions is None else active_partitions
        readable = [tp for tp in active if self._may_read(tp)]
        found = {tp: records for tp in readable if (records := self._read(tp))}
        if not found:
            self._idle = self._log.arrival({tp: self._positions[tp] for tp in readable})
            # Faust does not tell when its tables become ready.
            patience = timeout if self.app.tables.actives_ready else 0.01
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._idle, patience)
        return found

    def _may_read(self, tp: TP) -> bool:
        # Mends tables/recovery.py:649-659: partitions are resumed, then positions are set, then the queues
        # are cleared; what was read in between would be lost.
        return tp in self._assigned and (self.app.tables.actives_ready or self._is_changelog_tp(tp))

    def _read(self, tp: TP) -> list[Record]:
        try:
            records: list[Record] = self._log.fetch(*tp, self._positions[tp], _RECORDS_A_PARTITION)
        except OffsetOutOfRange as error:
            if not self._is_changelog_tp(tp):
                self.log.warning("Reading %s from its start instead: %s", tp, error)
            self._positions[tp] = error.start_offset
            self._read_offset[tp] = None
            return self._read(tp)
        except LogUnavailable:
            return []  # asked again in a moment; what is fatal shows in the appends
        return records

    def _hand_over(self, tp: TP, records: list[Record]) -> None:
        super()._hand_over(tp, records)
        self._positions[tp] = records[-1].offset + 1

    def _wake(self) -> None:
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    def resume_partitions(self, tps: Iterable[TP]) -> None:
        """Read from them again, at once."""
        super().resume_partitions(tps)
        self._wake()

    def resume_flow(self) -> None:
        """Read again, at once."""
        super().resume_flow()
        self._wake()

    def on_buffer_drop(self, tp: TP) -> None:
        """Read from it again, at once."""
        super().on_buffer_drop(tp)
        self._wake()

    def _to_message(self, tp: TP, record: Record) -> ConsumerMessage:
        # Mends transport/consumer.py:759: of a partition that is paused, Faust drops what is fetched already
        # and goes on behind it. Here the position moves with what is really handed on.
        self._positions[tp] = record.offset + 1
        if self.app.topics.acks_enabled_for(tp.topic):
            self._delivered[tp].append(record.offset)
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            record.offset,
            record.timestamp / 1000,
            0,
            list(record.headers),
            record.key,
            record.value,
            None,
            tp=tp,
            generation_id=self.app.consumer_generation_id,
        )

    def _new_topicpartition(self, topic: str, partition: int) -> TP:
        return TP(topic, partition)

    # Positions and commits

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        committed: bool = await self.transport.commit(self.app.conf.id, dict(offsets))
        return committed

    async def seek_to_committed(self) -> Mapping[TP, int | None]:
        """Go on where the group's commits are, else at the start."""
        committed = {tp: self._log.committed(self.app.conf.id, *tp) for tp in self._assigned}
        for tp, offset in committed.items():
            self._move(tp, self._log.start_offset(*tp) if offset is None else offset)
        return committed

    def _move(self, tp: TP, offset: int) -> None:
        self._positions[tp] = offset
        self._delivered[tp].clear()

    async def _seek(self, partition: TP, offset: int) -> None:
        self._move(partition, offset)

    async def seek_wait(self, partitions: Mapping[TP, int]) -> None:
        """Go on at these offsets."""
        for tp, offset in partitions.items():
            await self.seek(tp, offset)

    async def seek_to_beginning(self, *partitions: TP) -> None:
        """Go on at the oldest records."""
        for tp in partitions:
            await self.seek(tp, self._log.start_offset(*tp))

    async def position(self, tp: TP) -> int | None:
        """The offset read next."""
        return self._positions.get(tp)

    def highwater(self, tp: TP) -> int:
        """The offset that is written next: what uses it subtracts one (tables/recovery.py:676)."""
        high: int = self._log.high_watermark(*tp)
        return high

    async def highwaters(self, *partitions: TP) -> Mapping[TP, int]:
        """The offsets that are written next."""
        return {tp: self.highwater(tp) for tp in partitions}

    async def earliest_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        """The offsets of the oldest records."""
        return {tp: self._log.start_offset(*tp) for tp in partitions}

    # Topics

    def topic_partitions(self, topic: str) -> int | None:
        """The number of partitions, None for an unknown topic."""
        spec = self._log.topics().get(topic)
        return spec.partitions if spec else None

    async def create_topic(self, topic: str, partitions: int, replication: int, **options: Any) -> None:
        """Create the topic if it is not there."""
        await self.app.producer.create_topic(topic, partitions, replication, **options)

    def key_partition(self, topic: str, key: bytes | None, partition: int | None = None) -> int:
        """The partition of a key."""
        number: int = self.app.producer.key_partition(topic, key).partition
        return number if partition is None else partition
