"""The Faust transport on a real Kafka: what is committed, in which order things are sent, who may send."""

import asyncio
import time
from pathlib import Path

import pytest

from tests.eventlog.kafka.apps import PARTITIONS, Counter, until
from trackrev_stream.eventlog.faust_patches.runtime import AppFailed, Runtime
from trackrev_stream.eventlog.kafka.cluster import Cluster
from trackrev_stream.eventlog.kafka.lease import Lease

KEYS = [b"%c%d" % (97 + n % 2, n % 20) for n in range(200)]  # half of them in each partition
TOTALS = dict.fromkeys(KEYS, 10)


def test_a_commit_waits_for_deliveries_and_barriers(cluster: Cluster, tmp_path: Path) -> None:
    async def scenario() -> None:
        shop, seen, gate = Counter(cluster, tmp_path), list[tuple[int, int]](), asyncio.Event()
        await shop.create()
        app = shop.worker(seen)
        app.transport.commit_barriers.append(gate.wait)
        async with Runtime(app):
            await shop.order(*KEYS)
            await until(lambda: len(seen) == len(KEYS))
            committing = asyncio.create_task(app.consumer.commit())
            await app.producer.flush()
            assert len(await shop.said()) == len(KEYS)
            assert await shop.committed() == {}
            gate.set()
            assert await committing
            assert await shop.committed() == {0: 100, 1: 100}
        assert dict(await shop.said()) == TOTALS

    asyncio.run(scenario())


def test_a_lost_delivery_ends_the_app_without_a_commit(cluster: Cluster, tmp_path: Path) -> None:
    async def scenario() -> None:
        shop, seen, told = Counter(cluster, tmp_path), list[tuple[int, int]](), list[BaseException]()
        await shop.create()
        app = shop.worker(seen)
        app.transport.on_fatal.append(told.append)
        running = Runtime(app)
        await running.start()
        await shop.order(*KEYS)
        await until(lambda: len(seen) == len(KEYS))
        await app.producer.send(shop.totals, b"k", b"v", 99, None, None)  # there is no such partition
        with pytest.raises(AppFailed, match="is lost"):
            await running.wait()
        await running.stop()
        assert len(told) == 1
        assert await shop.committed() == {}

    asyncio.run(scenario())


def test_records_are_sent_in_the_order_of_the_calls(cluster: Cluster, tmp_path: Path) -> None:
    async def scenario() -> None:
        shop = Counter(cluster, tmp_path)
        await shop.create()
        app = shop.worker([])
        async with Runtime(app):
            for n in range(3_000):
                value = b'{"total": %d, "pad": "%s"}' % (n, b"x" * (n % 700))
                if n % 3:
                    app.topic(shop.totals).send_soon(key=b"k", value=value, partition=0)
                else:
                    await app.topic(shop.totals).send(key=b"k", value=value, partition=0)
            await app.producer.flush()
            assert app.transport.failure is None
            assert [total for _, total in await shop.said()] == list(range(3_000))

    asyncio.run(scenario())


def test_a_record_without_a_partition_is_refused(cluster: Cluster, tmp_path: Path) -> None:
    async def scenario() -> None:
        shop = Counter(cluster, tmp_path)
        await shop.create()
        app = shop.worker([])
        async with Runtime(app):
            with pytest.raises(ValueError, match="without a partition"):
                await app.topic(shop.totals).send(key=b"k", value=b"v")

    asyncio.run(scenario())


def test_partitions_that_go_are_committed_first_and_nothing_is_done_twice(
    cluster: Cluster, tmp_path: Path
) -> None:
    async def scenario() -> None:
        shop, first, second = Counter(cluster, tmp_path), list[tuple[int, int]](), list[tuple[int, int]]()
        released = list[tuple[str, int]]()
        await shop.create()
        app, other = shop.worker(first), shop.worker(second)
        app.transport.on_revoked.append(released.extend)
        async with Runtime(app):
            await shop.order(*KEYS)
            await until(lambda: len(first) == len(KEYS))
            assert await shop.committed() == {}
            async with Runtime(other):
                assert {(shop.orders, 0), (shop.orders, 1)} <= set(released)
                assert await shop.committed() == {0: 100, 1: 100}
                await shop.order(*KEYS)
                await until(lambda: len(first) + len(second) == 2 * len(KEYS))
                assert second
        assert len(set(first + second)) == 2 * len(KEYS)
        assert dict(await shop.said()) == dict.fromkeys(KEYS, 20)

    asyncio.run(scenario())


def test_what_comes_right_after_a_rebalance_is_read(cluster: Cluster, tmp_path: Path) -> None:
    """A read that was under way before it must not swallow what it brings after it."""

    async def scenario() -> None:
        shop, seen = Counter(cluster, tmp_path), list[tuple[int, int]]()
        await shop.create()
        stays = shop.worker(seen, broker_heartbeat_interval=0.2)

        async def rebalanced_from(generation: int) -> None:
            await until(lambda: stays.consumer_generation_id != generation and not stays.rebalancing)

        async def read(offset: int) -> None:
            await until(lambda: {(n, offset) for n in range(PARTITIONS)} <= set(seen), 20)

        async with Runtime(stays):
            for orders in range(8):
                generation = stays.consumer_generation_id
                async with Runtime(shop.worker([])):
                    await rebalanced_from(generation)
                    generation = stays.consumer_generation_id
                await rebalanced_from(generation)
                await shop.order(b"a", b"b")
                await read(orders)

    asyncio.run(scenario())


@pytest.mark.parametrize("woken", [False, True], ids=["begun in its midst", "woken in its midst"])
def test_no_read_waits_for_the_end_of_a_reassignment(
    cluster: Cluster, tmp_path: Path, *, woken: bool
) -> None:
    """For that waits for the read."""

    async def scenario() -> None:
        shop, seen = Counter(cluster, tmp_path), list[tuple[int, int]]()
        await shop.create()
        app = shop.worker(seen)
        async with Runtime(app):
            await until(lambda: app.consumer.assignment() and app.tables.actives_ready)
            thread = app.consumer._thread
            kafka, partitions = thread._consumer, set(app.consumer.assignment())

            async def begin() -> None:
                kafka._subscription.begin_reassignment()

            if not woken:
                await thread.call_thread(begin)
            reading = asyncio.create_task(thread.getmany(partitions, 60.0 if woken else 0.1))
            if woken:
                await until(lambda: kafka._fetcher._fetch_waiters)
                await thread.call_thread(begin)
            await shop.order(b"a", b"b")
            assert await asyncio.wait_for(reading, 30) == {}

            async def rejoin() -> None:
                kafka._coordinator.request_rejoin()

            await thread.call_thread(rejoin)
            await until(lambda: set(seen) == {(0, 0), (1, 0)})

    asyncio.run(scenario())


def test_nothing_is_sent_while_the_partitions_may_be_anothers(cluster: Cluster, tmp_path: Path) -> None:
    async def scenario() -> None:
        shop, seen, lost = Counter(cluster, tmp_path), list[tuple[int, int]](), list[str]()
        await shop.create()
        away = 0.0
        lease = Lease(10, 30, lost.append, now=lambda: time.monotonic() + away)
        app = shop.worker(seen, lease)
        async with Runtime(app):
            await until(lease.holds)
            away = 1_000.0  # as if this process had been frozen
            waiting = await app.topic(shop.totals).send(key=b"k", value=b'{"total": 1}', partition=0)
            flushing = asyncio.create_task(app.producer.flush())
            while not lease.holds():  # until the next heartbeat says that they are still ours
                assert not waiting.done()
                await asyncio.sleep(0.01)
            await flushing
            assert waiting.done()
            assert lost == []

    asyncio.run(scenario())
