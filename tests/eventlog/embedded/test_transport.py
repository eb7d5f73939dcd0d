"""Unmodified Faust agents over the embedded log."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest
from faust.types import TP

from tests.eventlog.embedded.apps import (
    GROUP,
    KEYS,
    TOPICS,
    add,
    counting_app,
    make_app,
    open_log,
    totals,
    until,
)
from trackrev_stream.eventlog.embedded.consumer import Consumer
from trackrev_stream.eventlog.faust_patches.runtime import AppFailed, Runtime, TableManager
from trackrev_stream.eventlog.records import NewRecord, TopicSpec


def test_an_agent_with_a_table_forwards(tmp_path: Path) -> None:
    async def main() -> None:
        seen: list[tuple[str, int, int]] = []
        async with open_log(tmp_path) as log:
            await add(log, "orders", *KEYS)
            async with Runtime(counting_app(tmp_path, seen)):
                await add(log, "orders", *KEYS, b"a")
                await add(log, "returns", b"a", b"b")
                await until(lambda: len(seen) == 11)
            assert totals(log) == {b"a": 4, b"b": 3, b"c": 2, b"d": 2}
            assert len(set(seen)) == 11
            assert [log.committed(GROUP, "orders", p) for p in range(2)] == [4, 5]
            assert [log.committed(GROUP, "returns", p) for p in range(2)] == [1, 1]

    asyncio.run(main())


@pytest.mark.parametrize("store", ["kept", "lost"])
def test_a_restart_recovers_the_table_and_goes_on(tmp_path: Path, store: str) -> None:
    async def main() -> None:
        async with open_log(tmp_path) as log:
            for round_ in range(1, 4):
                seen: list[tuple[str, int, int]] = []
                await add(log, "orders", *KEYS)
                app = counting_app(tmp_path, seen)
                async with Runtime(app):
                    await until(lambda: len(seen) == 4)  # noqa: B023  # used up in this turn
                    assert log.topics()[f"{GROUP}-counts-changelog"].compact
                assert sorted(seen) == sorted(("orders", p, 2 * round_ - n) for p in range(2) for n in (1, 2))
                assert totals(log) == dict.fromkeys(KEYS, round_)
                if store == "lost":
                    shutil.rmtree(tmp_path / "data")

    asyncio.run(main())


def test_nothing_is_lost_while_a_table_recovers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Fails without Consumer._may_read: what is read before Faust clears its queues would be gone.
    seek = Consumer.seek_to_committed

    async def slow_seek(self: Consumer) -> object:
        sought = await seek(self)
        for _ in range(50):
            await asyncio.sleep(0)
        return sought

    monkeypatch.setattr(Consumer, "seek_to_committed", slow_seek)

    async def main() -> None:
        keys = [b"%d" % n for n in range(1500)]
        async with open_log(tmp_path) as log:
            seen: list[tuple[str, int, int]] = []
            await add(log, "orders", *keys)
            async with Runtime(counting_app(tmp_path, seen)):
                await until(lambda: len(seen) == len(keys))
            shutil.rmtree(tmp_path / "data")
            await add(log, "orders", *keys)
            seen.clear()
            async with Runtime(counting_app(tmp_path, seen)):
                await until(lambda: len(seen) == len(keys))
            assert totals(log) == dict.fromkeys(keys, 2)

    asyncio.run(main())


def test_a_send_goes_where_it_is_told_or_where_kafka_would_put_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_log(tmp_path, TopicSpec("totals", 12)) as log:
            app = make_app(tmp_path)
            topic = app.topic("totals")
            async with Runtime(app):
                for key, partition in ((b"told", 7), (b"foobar", None), (b"21", None)):
                    sent = await (
                        await topic.send(key=key, value=b"v", partition=partition, headers={"h": b"1"})
                    )
                    assert sent.offset == 0
                    (record,) = log.fetch("totals", sent.partition, 0)
                    assert (record.key, record.value, record.headers) == (key, b"v", (("h", b"1"),))
                    # Kafka's own test vectors of murmur2, modulo 12.
                    assert sent.partition == {b"told": 7, b"foobar": 6, b"21": 0}[key]

    asyncio.run(main())


def test_repartitioning_makes_its_own_topic(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_log(tmp_path) as log:
            app = make_app(tmp_path)
            got: list[tuple[bytes, bytes]] = []

            def last_letter(value: bytes) -> bytes:
                return value[-1:]

            async def regroup(stream: Any) -> None:
                async for event in stream.group_by(last_letter, name="letter", partitions=2).events():
                    got.append((event.key, event.value))  # noqa: PERF401  # there is no end to wait for

            app.agent(app.topic("orders"))(regroup)

            async with Runtime(app):
                values = [b"order-%d" % n for n in range(10)]
                for n, value in enumerate(values):
                    await log.append("orders", n % 2, [NewRecord(1, b"k", value)])
                await until(lambda: len(got) == 10)
            assert sorted(got) == [(value[-1:], value) for value in values]

    asyncio.run(main())


@pytest.mark.timeout(30)
def test_a_topic_added_late_is_read_at_once(tmp_path: Path) -> None:
    # Fails without Conductor (45 s) and without the commit in Consumer._assign (orders would come twice).
    async def main() -> None:
        async with open_log(tmp_path) as log:
            seen: list[tuple[str, int, int]] = []
            app = counting_app(tmp_path, seen, stream_wait_empty=False)
            late = asyncio.Event()

            async def read_late() -> None:
                async for value in app.topic("late").stream():
                    assert value == b"hello"
                    late.set()

            async with Runtime(app):
                await add(log, "orders", *KEYS)
                await until(lambda: len(seen) == 4)
                log.create_topics([TopicSpec("late", 1)])
                await log.append("late", 0, [NewRecord(1, None, b"hello")])
                task = asyncio.ensure_future(read_late())
                await late.wait()
                await add(log, "orders", *KEYS)
                await until(lambda: len(seen) == 8)
                task.cancel()
            assert len(set(seen)) == 8
            assert totals(log) == dict.fromkeys(KEYS, 2)

    asyncio.run(main())


def test_a_missing_topic_is_told(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_log(tmp_path, TopicSpec("orders", 2)):
            with pytest.raises(AppFailed, match="No such topic in the log: returns"):
                await Runtime(counting_app(tmp_path, [])).__aenter__()

    asyncio.run(main())


@pytest.fixture
def long_sleeps(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Who slept for a second, which is Faust's way of waiting."""
    sleepers: list[object] = []
    stock = Consumer.sleep

    async def sleep(self: object, seconds: float) -> None:
        if seconds == 1:
            sleepers.append(self)
        await stock(self, seconds)

    monkeypatch.setattr(TableManager, "sleep", sleep)
    monkeypatch.setattr(Consumer, "sleep", sleep)
    return sleepers


def test_starting_does_not_sleep(tmp_path: Path, long_sleeps: list[object]) -> None:
    # Fails without TableManager.
    async def main() -> None:
        async with open_log(tmp_path) as log:
            for _ in range(2):
                await add(log, "orders", *KEYS)
                seen: list[tuple[str, int, int]] = []
                async with Runtime(counting_app(tmp_path, seen)):
                    await until(lambda: len(seen) == 4)  # noqa: B023  # used up in this turn
                shutil.rmtree(tmp_path / "data")

    asyncio.run(main())
    assert long_sleeps == []


def test_a_full_buffer_does_not_sleep(tmp_path: Path, long_sleeps: list[object]) -> None:
    # Fails without Consumer._wait_next_records.
    async def main() -> None:
        async with open_log(tmp_path, TopicSpec("orders", 1)) as log:
            app = make_app(tmp_path, stream_buffer_maxsize=16)
            seen: list[int] = []

            async def slow(stream: Any) -> None:
                async for event in stream.events():
                    for _ in range(20):
                        await asyncio.sleep(0)
                    seen.append(event.message.offset)

            app.agent(app.topic("orders"))(slow)

            for _ in range(20):
                await log.append("orders", 0, [NewRecord(1, b"k", b"x")] * 50)
            async with Runtime(app):
                await until(lambda: len(seen) == 1000)
            assert seen == list(range(1000))

    asyncio.run(main())
    assert long_sleeps == []


def test_pausing_a_partition_loses_nothing(tmp_path: Path) -> None:
    # Fails without the position in Consumer._to_message.
    async def main() -> None:
        async with open_log(tmp_path) as log:
            app = make_app(tmp_path)
            seen: list[tuple[int, int]] = []
            paused = {TP("orders", 1)}

            async def follow(stream: Any) -> None:
                async for event in stream.events():
                    if not seen:
                        app.consumer.pause_partitions(paused)
                    seen.append((event.message.partition, event.message.offset))

            app.agent(app.topic("orders"))(follow)
            for partition in range(2):
                await log.append("orders", partition, [NewRecord(1, b"k", b"x")] * 200)
            async with Runtime(app):
                await until(lambda: (0, 199) in seen)
                assert (1, 199) not in seen
                app.consumer.resume_partitions(paused)
                await until(lambda: len(seen) >= 400)
            assert sorted(seen) == [(partition, n) for partition in range(2) for n in range(200)]

    asyncio.run(main())


def test_a_url_with_a_host_is_told(tmp_path: Path) -> None:
    app = make_app(tmp_path, broker="embedded://var/log")
    with pytest.raises(ValueError, match="embedded:///absolute/path"):
        _ = app.transport.log


def test_the_log_is_let_go_when_the_app_has_stopped(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_log(tmp_path) as log, Runtime(counting_app(tmp_path, [])):
            assert set(log.topics()) > {topic.name for topic in TOPICS}
        async with open_log(tmp_path) as again:
            assert again is not log

    asyncio.run(main())
