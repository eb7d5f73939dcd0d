"""A topic that grew is made as it was: each record at its offset, whatever breaks the repair off."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, RecordsToDelete

from ops.kafka.broker import Broker
from tests.program.running import now_ms
from trackrev_stream.contracts.topics import STRIPE_PAYMENTS
from trackrev_stream.domain.values.ids import partition_of
from trackrev_stream.eventlog.kafka.cluster import Cluster
from trackrev_stream.eventlog.kafka.reader import reading
from trackrev_stream.eventlog.kafka.repair import repair as steps
from trackrev_stream.eventlog.kafka.repair.alone import AnotherRepair
from trackrev_stream.eventlog.kafka.repair.appender import Appender, appending
from trackrev_stream.eventlog.kafka.repair.batches import FILLER_KEY, MANY, Fillers
from trackrev_stream.eventlog.kafka.repair.repair import Repair, RepairRefused
from trackrev_stream.eventlog.kafka.temporary_configs import config_of, set_configs
from trackrev_stream.eventlog.kafka.topics import (
    KafkaTopicSpec,
    admin,
    committed,
    config,
    ensure,
    known_topics,
)

GROUP = "shop"
WANTED = 2
OLD = 1_760_000_000_000
GONE = 2 * MANY + 5_000  # so many offsets have no record any more
RECORDS = 300


class Crash(Exception):
    """In the middle of it."""


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "QUIET_S", 0.0)


@dataclass(frozen=True, slots=True)
class State:
    """All that who reads a topic can see of it."""

    records: dict[int, list[tuple[Any, ...]]]
    starts: list[int]
    ends: list[int]
    committed: dict[tuple[str, int], int]
    config: dict[str, str]


@dataclass(frozen=True, slots=True)
class Site:
    """A topic of a broker, beside another one that stays as it is."""

    cluster: Cluster
    topic: str = f"{GROUP}-rows-changelog"

    @property
    def places(self) -> list[TopicPartition]:
        return [TopicPartition(self.topic, number) for number in range(WANTED)]

    def repair(self) -> Repair:
        return Repair(self.cluster, GROUP, WANTED, now_ms, print)

    async def fill(self, *, compact: bool = True) -> None:
        """Partition 0 begins late and has gaps; partition 1 is empty, and its end is not nought."""
        specs = [KafkaTopicSpec(self.topic, WANTED, config(None, compact=False))]
        await ensure(self.cluster, [*specs, KafkaTopicSpec(f"{GROUP}-calm-changelog", WANTED)])
        async with appending(self.cluster) as appender:
            at = 0
            for raw, count in Fillers().portions(OLD, GONE):
                await appender.append(self.places[0], raw, count, at)
                at += count
        await self.put(*(b"%d" % n for n in range(RECORDS)))
        await self.put(b"x", partition=1)
        async with admin(self.cluster) as client:
            gone = {self.places[0]: RecordsToDelete(GONE), self.places[1]: RecordsToDelete(-1)}
            await client.delete_records(gone)
            await set_configs(client, {self.topic: config(None, compact=compact)})
        await self.commit(GONE + 7)

    async def put(self, *values: bytes, partition: int = 0, key: bytes | None = None) -> None:
        """In transactions of fifty: the end of each takes an offset that no record has."""
        producer = AIOKafkaProducer(**self.cluster.options, transactional_id="put")
        await producer.start()
        for first in range(0, len(values), 50):
            async with producer.transaction():
                for number, value in enumerate(values[first : first + 50], first):
                    headers = [("n", b"%d" % number), ("n", b"again")]
                    name = key or b"k" + value
                    stamp = OLD + number
                    await producer.send(self.topic, value, name, partition, stamp, headers)
        await producer.stop()

    async def commit(self, offset: int) -> None:
        consumer = AIOKafkaConsumer(**self.cluster.options, group_id=GROUP, enable_auto_commit=False)
        await consumer.start()
        consumer.assign(self.places[:1])
        await consumer.commit({self.places[0]: offset})
        await consumer.stop()

    async def grow(self, count: int = WANTED + 1) -> None:
        async with admin(self.cluster) as client:
            await client.create_partitions({self.topic: NewPartitions(count)})
            while len((await known_topics(client, [self.topic]))[self.topic]["partitions"]) < count:  # noqa: ASYNC110 - a broker does not tell
                await asyncio.sleep(0.05)

    async def state(self) -> State:
        """What there is now; records that stand for nothing are nothing."""
        async with reading(self.cluster) as reader:
            found = {
                place.partition: [
                    (one.offset, one.timestamp, one.key, one.value, tuple(one.headers))
                    async for one in reader.read(*place)
                    if one.key != FILLER_KEY
                ]
                for place in self.places
            }
            starts = [await reader.start(place) for place in self.places]
            ends = [await reader.end(place) for place in self.places]
        async with admin(self.cluster) as client:
            configured = await config_of(client, self.topic)
        return State(found, starts, ends, await committed(self.cluster, GROUP), configured)

    async def names(self) -> dict[str, int]:
        async with admin(self.cluster) as client:
            return {name: len(topic["partitions"]) for name, topic in (await known_topics(client)).items()}


def crashing(monkeypatch: pytest.MonkeyPatch, *, after: bool) -> Callable[[int], None]:
    """Lets the repair crash at its n-th change of anything, before it or just after."""
    left = [0]

    def counted(change: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        @wraps(change)
        async def counting(*args: Any, **kwargs: Any) -> Any:
            left[0] -= 1
            if left[0] == 0 and not after:
                raise Crash
            done = await change(*args, **kwargs)
            if left[0] == 0:
                raise Crash
            return done

        return counting

    for place, name in (
        (Appender, "append"),
        (AIOKafkaAdminClient, "delete_topics"),
        (AIOKafkaAdminClient, "delete_records"),
        (AIOKafkaAdminClient, "create_topics"),
        (AIOKafkaConsumer, "commit"),
        (steps, "set_configs"),
    ):
        monkeypatch.setattr(place, name, counted(getattr(place, name)))

    def crash_at(number: int) -> None:
        left[0] = number

    return crash_at


async def until_done(site: Site, crash_at: Callable[[int], None]) -> int:
    """Run it until it is done, each time a change further; how often."""
    for number in itertools.count(1):
        crash_at(number)
        try:
            await site.repair().run()
        except Crash:
            continue
        crash_at(0)
        break
    return number


@pytest.mark.parametrize("after", [False, True])
def test_each_record_stands_where_it_stood_whatever_breaks_it_off(
    own: Broker, monkeypatch: pytest.MonkeyPatch, *, after: bool
) -> None:
    crash_at = crashing(monkeypatch, after=after)

    async def scenario() -> int:
        site = Site(Cluster(own.address))
        await site.fill()
        before = await site.state()
        await site.grow()
        number = await until_done(site, crash_at)
        assert await site.state() == before
        names = await site.names()
        assert names[site.topic] == WANTED
        assert f"{site.topic}.repair" not in names
        assert await site.repair().run() == []
        return number

    # Each time it comes further by itself, so not each change is the last one of a run.
    assert asyncio.run(scenario()) > 4


def facts(count: int) -> list[bytes]:
    """Keys of payments; what is no fact goes where its key says."""
    return [b"ws|own|live|pi_%d" % number for number in range(count)]


def test_records_of_the_partition_that_is_too_many_go_where_they_belong_once(
    own: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash_at = crashing(monkeypatch, after=True)

    async def scenario() -> None:
        site = Site(Cluster(own.address), STRIPE_PAYMENTS.name)
        await site.fill(compact=False)
        before = await site.state()
        await site.grow(WANTED + 2)
        for number, key in enumerate(facts(6)):
            await site.put(b"late", partition=WANTED + number % 2, key=key)
        await until_done(site, crash_at)
        after = await site.state()
        assert (after.starts, after.committed, after.config) == (
            before.starts,
            before.committed,
            before.config,
        )
        for number, records in after.records.items():
            old = len(before.records[number])
            assert records[:old] == before.records[number]
            late = sorted(key for *_, key, value, _ in records[old:])
            assert late == [key for key in facts(6) if partition_of(key.decode(), WANTED) == number]
            assert {offset >= before.ends[number] for offset, *_ in records[old:]} <= {True}

    asyncio.run(scenario())


def test_what_somebody_writes_meanwhile_is_kept_once_and_moves_nothing(
    own: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        site = Site(Cluster(own.address), STRIPE_PAYMENTS.name)
        await site.fill(compact=False)
        before = await site.state()
        await site.grow()
        send, key = Appender.append, next(k for k in facts(9) if not partition_of(k.decode(), WANTED))
        times = iter(range(2))

        async def disturbed(self: Appender, place: TopicPartition, *rest: Any) -> None:
            if place == site.places[0] and (number := next(times, None)) is not None:
                await site.put(b"in between %d" % number, key=key)  # of one who did not hear of the repair
            await send(self, place, *rest)

        monkeypatch.setattr(Appender, "append", disturbed)
        await site.repair().run()
        after = await site.state()
        old = before.records[0]
        assert after.records[0][: len(old)] == old
        assert sorted(value for *_, value, _ in after.records[0][len(old) :]) == [
            b"in between 0",
            b"in between 1",
        ]
        assert after.records[1] == before.records[1]
        assert (after.starts, after.committed) == (before.starts, before.committed)

    asyncio.run(scenario())


def test_it_is_refused_where_it_would_be_wrong(own: Broker) -> None:
    async def scenario() -> None:
        site = Site(Cluster(own.address))
        await site.fill()
        await site.grow()
        with pytest.raises(RepairRefused, match=r"Set TRACKREV_PARTITIONS=2.*then `trackrev topics repair`"):
            await Repair(site.cluster, GROUP, WANTED + 2, now_ms, print).run()
        await site.put(b"row", partition=WANTED)
        with pytest.raises(RepairRefused, match="holds rows in the partitions from 2 on"):
            await site.repair().run()
        assert f"{site.topic}.repair" not in await site.names()

    asyncio.run(scenario())


def test_one_repair_at_a_time_and_no_worker(own: Broker) -> None:
    async def scenario() -> None:
        site = Site(Cluster(own.address))
        await site.fill()
        await site.grow()
        worker = AIOKafkaConsumer(site.topic, **site.cluster.options, group_id=GROUP)
        await worker.start()
        with pytest.raises(RepairRefused, match=r"1 worker\(s\) are at work: stop all of them"):
            await site.repair().run()
        await worker.stop()
        both = (site.repair().run(), site.repair().run())
        done = await asyncio.gather(*both, return_exceptions=True)
        assert any(isinstance(one, AnotherRepair) for one in done)  # or both, if they came at the same time
        await site.repair().run()
        assert (await site.names())[site.topic] == WANTED

    asyncio.run(scenario())
