"""Rewriting the past on Kafka, where no record can be changed: what stays is copied behind, what was goes.

Nobody of the group may be at work meanwhile; the edge may go on, and what it appends among the copies stays
where it is. For each partition that holds what shall change:

1. a marker is appended, a record without a value, so late that the broker begins a new segment with it;
2. all records before it are copied behind it, in their order and with their times, as they shall be;
3. the group's offset moves to the first record that it has not read yet, be it a copy or not;
4. everything before the marker is deleted. Brokers remove the files at their next check, compacted topics'
   too: these are told to allow it for as long as it takes.

The marker keeps where the group stood, so that whoever begins again after a crash loses and repeats nothing.
"""

import json
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import RecordsToDelete
from aiokafka.errors import KafkaError

from trackrev_stream.clock import Clock
from trackrev_stream.eventlog.kafka import topics
from trackrev_stream.eventlog.kafka.cluster import Cluster, ClusterUnavailable
from trackrev_stream.eventlog.kafka.partitions import is_ours
from trackrev_stream.eventlog.kafka.reader import Reader, reading
from trackrev_stream.eventlog.kafka.temporary_configs import (
    allowing_deletion,
    begins_segments,
    config_of,
    set_configs,
)
from trackrev_stream.eventlog.kafka.topics import LARGEST_RECORD

MARKER, COPY = "trackrev-marker", "trackrev-copy"
MARKER_KEY = b"trackrev-marker"
AT_A_TIME = 1_000

#: What becomes of a record of a topic: the same object where nothing does, None where it goes.
RecordChange = Callable[[str, Any], Any]
Look = Callable[[str, Any], None]
Moved = Callable[[str, int, int], Awaitable[None]]


class KafkaRecord(NamedTuple):
    """A record as it was read; for who changes it like one of the embedded log."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]

    def header(self, name: str) -> str:
        """The text of a header, or nothing."""
        return next((value.decode() for key, value in self.headers if key == name), "")


@dataclass(slots=True)
class _Found:
    """What a pass over a partition found: how many records change, attempts that a crash broke off."""

    changes: int = 0
    attempts: list[str] = field(default_factory=list)
    wanted: int | None = None


@dataclass(frozen=True, slots=True)
class KafkaPast:
    """The records that a cluster holds of the program's topics and tables.

    ``moved`` is told where the reading of a partition goes on, before the group's own offset moves.
    """

    cluster: Cluster
    group: str
    clock: Clock
    moved: Moved

    async def search(
        self, look: Look, mentioned: re.Pattern[bytes], names: Collection[str] | None = None
    ) -> None:
        """Show ``look`` every record that mentions it. Raises ClusterUnavailable."""
        async with reading(self.cluster) as reader:
            for topic, partitions in (await self._topics(names)).items():
                for number in range(partitions):
                    async for record in _records(reader, topic, number):
                        if mentioned.search(record.key or b"") or mentioned.search(record.value or b""):
                            look(topic, record)

    async def rewrite(
        self, change: RecordChange, mentioned: re.Pattern[bytes], opaque: Collection[str] = ()
    ) -> int:
        """Put records through ``change``; returns how many became others, or went. Raises ClusterUnavailable.

        After a failure it may be run again.
        """
        del mentioned, opaque  # each record is read anyway
        found: dict[TopicPartition, _Found] = {}
        async with reading(self.cluster) as reader:
            for topic, partitions in (await self._topics(None)).items():
                for number in range(partitions):
                    one = await _look_over(reader, topic, number, change)
                    if one.changes or one.attempts:
                        found[TopicPartition(topic, number)] = one
            if found:
                await self._replace(reader, found, change)
        return sum(one.changes for one in found.values())

    async def sweep(self) -> None:
        """Nothing: brokers remove the files of what was deleted by themselves."""

    async def _topics(self, names: Collection[str] | None) -> dict[str, int]:
        """The program's topics, or those of ``names``, with their numbers of partitions."""
        async with topics.admin(self.cluster) as client:
            known = {topic["topic"]: len(topic["partitions"]) for topic in await client.describe_topics()}
        ours = is_ours(self.group)
        wanted = [name for name in known if ours(name)] if names is None else names
        return {name: known[name] for name in sorted(wanted) if name in known}

    async def _replace(
        self, reader: Reader, found: dict[TopicPartition, _Found], change: RecordChange
    ) -> None:
        stands = await topics.committed(self.cluster, self.group)
        try:
            async with topics.admin(self.cluster) as client, self._producer() as producer:
                configs = {topic: await config_of(client, topic) for topic in {topic for topic, _ in found}}
                deleting = {topic: allowing_deletion(config) for topic, config in configs.items()}
                await set_configs(client, {name: begins_segments(each) for name, each in deleting.items()})
                attempts = [
                    await self._mark(producer, place, one.wanted if one.attempts else stands.get(place))
                    for place, one in found.items()
                ]
                await set_configs(client, deleting)
                for (place, one), attempt in zip(found.items(), attempts, strict=True):
                    await _copy(reader, producer, attempt, one.attempts, change)
                    await self._move(attempt)
                    await client.delete_records({place: RecordsToDelete(before_offset=attempt.base)})
                await set_configs(client, configs)
        except (KafkaError, OSError, TimeoutError) as error:
            where = self.cluster.servers
            raise ClusterUnavailable(
                f"the past cannot be rewritten at {where}: {error!r}; try again"
            ) from error

    @asynccontextmanager
    async def _producer(self) -> AsyncIterator[AIOKafkaProducer]:
        producer = AIOKafkaProducer(
            **self.cluster.options,
            acks="all",
            enable_idempotence=True,
            max_request_size=LARGEST_RECORD,
        )
        await producer.start()
        try:
            yield producer
        finally:
            await producer.stop()

    async def _mark(
        self, producer: AIOKafkaProducer, place: TopicPartition, wanted: int | None
    ) -> "_Attempt":
        attempt = secrets.token_hex(8)
        said = json.dumps({"attempt": attempt, "wanted": wanted}).encode()
        # It is the time between a segment's first record and this one that begins a new segment.
        marker = await producer.send_and_wait(
            place.topic,
            key=MARKER_KEY,
            partition=place.partition,
            timestamp_ms=self.clock(),
            headers=[(MARKER, said)],
        )
        return _Attempt(place, attempt, marker.offset, wanted, marker.offset + 1)

    async def _move(self, attempt: "_Attempt") -> None:
        """Let the group go on at what it has not read."""
        if attempt.wanted is None:
            return
        goes_on = attempt.expected if attempt.goes_on is None else attempt.goes_on
        await self.moved(attempt.place.topic, attempt.place.partition, goes_on)
        consumer = AIOKafkaConsumer(**self.cluster.options, group_id=self.group, enable_auto_commit=False)
        await consumer.start()
        try:
            consumer.assign([attempt.place])
            await consumer.commit({attempt.place: goes_on})
        finally:
            await consumer.stop()


@dataclass(slots=True)
class _Attempt:
    """One rewriting of one partition: copies stand behind ``base``, the next one at ``expected``.

    The group wants what was at ``wanted``; it goes on where that went, or at what the edge has appended.
    """

    place: TopicPartition
    id: str
    base: int
    wanted: int | None
    expected: int
    goes_on: int | None = None

    async def note(self, sent: list[tuple[int, Awaitable[Any]]]) -> None:
        """Wait for copies, and see where they stand."""
        for offset, copied in sent:
            at = (await copied).offset
            unread = self.wanted is not None and offset >= self.wanted
            if self.goes_on is None and (at != self.expected or unread):
                self.goes_on = min(at, self.expected)
            self.expected = at + 1


async def _records(reader: Reader, topic: str, number: int) -> AsyncIterator[KafkaRecord]:
    async for record in reader.read(topic, number):
        yield KafkaRecord(record.offset, record.timestamp, record.key, record.value, tuple(record.headers))


async def _look_over(reader: Reader, topic: str, number: int, change: RecordChange) -> _Found:
    found, first = _Found(), True
    async for record in _records(reader, topic, number):
        if marker := record.header(MARKER):
            if not first:  # the first record is the marker of an attempt that was finished
                said = json.loads(marker)
                found.attempts.append(said["attempt"])
                found.wanted = said["wanted"] if len(found.attempts) == 1 else found.wanted
        elif change(topic, record) is not record:
            found.changes += 1
        first = False
    return found


async def _copy(
    reader: Reader,
    producer: AIOKafkaProducer,
    attempt: "_Attempt",
    broken_off: list[str],
    change: RecordChange,
) -> None:
    """Copy what is before the marker; not the copies that earlier attempts have made of it."""
    sent: list[tuple[int, Awaitable[Any]]] = []
    async for record in _records(reader, attempt.place.topic, attempt.place.partition):
        if record.offset >= attempt.base:
            break
        if record.header(MARKER) or record.header(COPY) in broken_off:
            continue
        kept = change(attempt.place.topic, record)
        if kept is None:
            continue
        headers = [pair for pair in kept.headers if pair[0] != COPY]
        copied = await producer.send(
            *(attempt.place.topic, kept.value, kept.key, attempt.place.partition),
            timestamp_ms=kept.timestamp,
            headers=[*headers, (COPY, attempt.id.encode())],
        )
        sent.append((record.offset, copied))
        if len(sent) >= AT_A_TIME:
            await attempt.note(sent)
            sent = []
    await attempt.note(sent)
