"""The past on a real broker is rewritten: the rest is as it was, and the group reads on where it stood."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from tests.program.running import now_ms
from trackrev_stream.eventlog.kafka.cluster import Cluster
from trackrev_stream.eventlog.kafka.reader import reading
from trackrev_stream.eventlog.kafka.rewrite import KafkaPast, KafkaRecord
from trackrev_stream.eventlog.kafka.topic_configs import config_of
from trackrev_stream.eventlog.kafka.topics import KafkaTopicSpec, admin, committed, config, ensure

SECRET = re.compile(rb"anna")
OLD = 1_760_000_000_000
READ = 6  # so many the group had read
BEFORE = [b"anna", b"1 ben", b"2 anna", b"3", b"4 anna", b"5", b"6 anna", b"anna", b"8 ben", b"9"]
AFTER = [b"1 ben", b"2 nobo", b"3", b"4 nobo", b"5", b"6 nobo", b"8 ben", b"9"]


class Crash(Exception):
    """In the middle of it."""


def renamed(_topic: str, record: KafkaRecord) -> KafkaRecord | None:
    """Anna is called nobody; what is hers alone goes."""
    if record.value == b"anna":
        return None
    if record.value and b"anna" in record.value:
        return record._replace(value=SECRET.sub(b"nobo", record.value))
    return record


def crashing(after: int) -> Callable[[str, KafkaRecord], KafkaRecord | None]:
    """The same, until so many records have been copied."""
    seen = iter(range(len(BEFORE) + after))

    def change(topic: str, record: KafkaRecord) -> KafkaRecord | None:
        if next(seen, None) is None:
            raise Crash
        return renamed(topic, record)

    return change


@dataclass
class Site:
    """A topic of one partition, of which a group has read a part, and another that has nothing of Anna."""

    cluster: Cluster
    group: str
    moved: dict[str, int] = field(default_factory=dict)

    @property
    def place(self) -> TopicPartition:
        return TopicPartition(f"{self.group}-facts-changelog", 0)

    @property
    def past(self) -> KafkaPast:
        async def note(topic: str, _partition: int, goes_on: int) -> None:
            self.moved[topic] = goes_on

        return KafkaPast(self.cluster, self.group, now_ms, note)

    async def fill(self, *, compact: bool) -> None:
        other = f"{self.group}-other-changelog"
        specs = [KafkaTopicSpec(name, 1, config(None, compact=compact)) for name in (self.place.topic, other)]
        await ensure(self.cluster, specs)
        await self.append(*BEFORE)
        await self.append(b"ben", topic=other)
        async with self._consumer() as consumer:
            await consumer.commit({self.place: READ})

    async def append(self, *values: bytes, topic: str = "") -> None:
        producer = AIOKafkaProducer(**self.cluster.options)
        await producer.start()
        for number, value in enumerate(values):
            key = b"k%d" % number if len(values) > 1 else value
            at = OLD + number
            await producer.send_and_wait(topic or self.place.topic, value, key, 0, timestamp_ms=at)
        await producer.stop()

    async def values(self) -> list[tuple[bytes, int]]:
        """What can be read, but for markers, with its time since OLD."""
        async with reading(self.cluster) as reader:
            found = [one async for one in reader.read(*self.place)]
        return [(one.value, one.timestamp - OLD) for one in found if one.value is not None]

    async def unread(self) -> list[bytes]:
        """What the group reads next."""
        stands = (await committed(self.cluster, self.group))[self.place]
        assert self.moved[self.place.topic] == stands
        async with reading(self.cluster) as reader:
            found = [one async for one in reader.read(*self.place)]
        return [one.value for one in found if one.offset >= stands and one.value is not None]

    async def configured(self) -> dict[str, str]:
        async with admin(self.cluster) as client:
            return await config_of(client, self.place.topic)

    @asynccontextmanager
    async def _consumer(self) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = AIOKafkaConsumer(**self.cluster.options, group_id=self.group, enable_auto_commit=False)
        await consumer.start()
        consumer.assign([self.place])
        yield consumer
        await consumer.stop()


@pytest.mark.parametrize("compact", [True, False])
def test_the_rest_stays_as_it_was_and_the_group_reads_on(cluster: Cluster, *, compact: bool) -> None:
    async def scenario() -> None:
        site = Site(cluster, f"past-{compact}")
        await site.fill(compact=compact)
        before = await site.configured()
        assert await site.past.rewrite(renamed, SECRET) == len(BEFORE) - 5
        assert [value for value, _ in await site.values()] == AFTER
        assert [time for _, time in await site.values()] == [1, 2, 3, 4, 5, 6, 8, 9]
        assert await site.unread() == [b"6 nobo", b"8 ben", b"9"]
        assert await site.configured() == before
        site.moved.clear()
        assert await site.past.rewrite(renamed, SECRET) == 0
        assert site.moved == {}

    asyncio.run(scenario())


@pytest.mark.parametrize("copied", [0, 3, 8])
def test_after_a_crash_nothing_is_lost_nor_there_twice(cluster: Cluster, copied: int) -> None:
    async def scenario() -> None:
        site = Site(cluster, f"crash-{copied}")
        await site.fill(compact=True)
        before = await site.configured()
        # The other topic is looked over too, before the first record is copied.
        with pytest.raises(Crash):
            await site.past.rewrite(crashing(1 + copied), SECRET)
        await site.append(b"of the edge")
        assert await site.past.rewrite(renamed, SECRET) >= len(BEFORE) - 5
        assert [value for value, _ in await site.values()] == [*AFTER, b"of the edge"]
        assert await site.unread() == [b"6 nobo", b"8 ben", b"9", b"of the edge"]
        assert await site.configured() == before

    asyncio.run(scenario())
