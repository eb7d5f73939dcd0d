"""Faust agents over the embedded log when something breaks."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.eventlog.embedded.apps import (
    GROUP,
    KEYS,
    add,
    counting_app,
    make_app,
    open_log,
    read,
    totals,
    until,
)
from tests.eventlog.embedded.support import damage, fill, kill, python
from trackrev_stream.eventlog.embedded.rocksdb import RocksDatabase
from trackrev_stream.eventlog.faust_patches.ordered_sends import Outgoing
from trackrev_stream.eventlog.faust_patches.runtime import AppFailed, Runtime
from trackrev_stream.eventlog.records import LogUnavailable, TopicSpec


async def finish(directory: Path, accepted: list[tuple[int, int]]) -> None:
    """Let the app catch up, and hold every total against the orders in the log."""
    async with open_log(directory) as log:
        for partition, offset in accepted:
            assert log.fetch("orders", partition, offset, 1)[0].offset == offset
        highs = [log.high_watermark("orders", partition) for partition in range(2)]
        app = counting_app(directory, [], broker_commit_interval=0.02)
        async with Runtime(app):
            await until(lambda: [log.committed(GROUP, "orders", p) or 0 for p in range(2)] == highs)
        orders = Counter(record.key or b"" for record in read(log, "orders"))
        assert totals(log) == orders


def test_kill_9_loses_and_doubles_nothing(tmp_path: Path) -> None:
    accepted: list[tuple[int, int]] = []
    for kills in range(4):
        with python("tests.eventlog.embedded.counter", tmp_path) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(300 + 170 * kills)]
            lines += kill(process)
        for line in lines:
            partition, offset = line.split()
            accepted.append((int(partition), int(offset)))
    assert len(set(accepted)) == len(accepted)
    asyncio.run(finish(tmp_path, accepted))


def test_a_disk_that_refuses_ends_the_app_before_it_commits_over_a_loss(tmp_path: Path) -> None:
    # Fails without Transport.fail: Faust logs the failed delivery and commits.
    with python("tests.eventlog.embedded.doomed", tmp_path) as process:
        assert process.stdout is not None
        report = json.loads(process.stdout.readline())
    assert report == {"told": ["LogUnavailable"], "ended": "LogUnavailable"}

    async def check() -> None:
        async with open_log(tmp_path) as log:
            outputs = read(log, "totals")
            for partition in range(2):
                committed = log.committed(GROUP, "orders", partition) or 0
                done = log.fetch("orders", partition, 0, committed, 10**9) if committed else []
                assert {record.key for record in done} <= {record.key for record in outputs}
        await finish(tmp_path, [])

    asyncio.run(check())


def test_no_commit_passes_over_a_loss_in_the_moment_it_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits for an append hears of its loss in the loop's next turn; a commit may come before that."""

    def refuse(self: RocksDatabase, _batch: object) -> None:
        self.failed = True
        raise LogUnavailable("the disk takes nothing")

    async def main() -> None:
        async with open_log(tmp_path) as log:
            running = Runtime(app := counting_app(tmp_path, []))
            await running.start()
            with monkeypatch.context() as failing:
                failing.setattr(RocksDatabase, "write", refuse)
                lost = app.producer.append(Outgoing("totals", b"a", b"1", 0))
                await asyncio.sleep(0)  # the turn in which the log tries
            assert not lost.done()
            assert not await app.transport.commit(GROUP, {("orders", 0): 1})
            assert log.committed(GROUP, "orders", 0) is None
            with pytest.raises(AppFailed):
                await running.wait()
            await running.stop()

    asyncio.run(main())


def test_a_barrier_that_fails_ends_the_app_without_a_commit(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_log(tmp_path) as log:
            seen: list[tuple[str, int, int]] = []
            app = counting_app(tmp_path, seen, broker_commit_interval=0.01)
            told: list[BaseException] = []

            async def barrier() -> None:
                raise ConnectionError("the database is gone")

            app.transport.commit_barriers.append(barrier)
            app.transport.on_fatal.append(told.append)
            runtime = Runtime(app)
            await runtime.start()
            await add(log, "orders", *KEYS)
            with pytest.raises(AppFailed, match="the database is gone"):
                await runtime.wait()
            await runtime.stop()
            assert [str(error) for error in told] == ["the database is gone"]
            assert [log.committed(GROUP, "orders", p) for p in range(2)] == [None, None]
            # What was not committed comes again.
            seen.clear()
            async with Runtime(counting_app(tmp_path, seen)):
                await until(lambda: len(seen) == 4)
            assert totals(log) == dict.fromkeys(KEYS, 1)

    asyncio.run(main())


def test_a_damaged_log_ends_the_app(tmp_path: Path) -> None:
    async def main() -> None:
        await fill(tmp_path / "log", "orders")
        async with open_log(tmp_path, TopicSpec("orders", 1)):
            pass  # opened again, RocksDB has moved everything to a table file
        damage(tmp_path / "log")
        app = make_app(tmp_path)

        async def follow(stream: Any) -> None:
            async for _ in stream:
                pass

        app.agent(app.topic("orders"))(follow)
        runtime = Runtime(app)
        await runtime.start()
        with pytest.raises(AppFailed, match="damaged"):
            await runtime.wait()
        await runtime.stop()

    asyncio.run(main())
