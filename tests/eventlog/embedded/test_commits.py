"""What is committed is done: the changelog, the outputs, and what the barriers wait for."""

import asyncio
from pathlib import Path
from typing import Any

from tests.eventlog.embedded.apps import (
    GROUP,
    KEYS,
    add,
    counting_app,
    make_app,
    open_log,
    raw_table,
    read,
    until,
)
from trackrev_stream.eventlog.faust_patches.runtime import Runtime
from trackrev_stream.eventlog.records import NewRecord, TopicSpec


def test_the_commit_waits_for_the_first_event_though_later_ones_are_done(tmp_path: Path) -> None:
    # Fails without OrderedAcks._new_offset: Faust commits the first run of consecutive offsets.
    async def main() -> None:
        async with open_log(tmp_path) as log:
            app = make_app(tmp_path)
            release = asyncio.Event()
            done = []

            async def slow_first(stream: Any) -> None:
                async for event in stream.events():
                    if event.message.offset == 0:
                        await release.wait()
                    done.append(event.message.offset)

            app.agent(app.topic("orders"), concurrency=2)(slow_first)

            async with Runtime(app):
                for _ in range(6):
                    await log.append("orders", 0, [NewRecord(1, None, b"x")])
                await until(lambda: len(done) == 5)
                await app.consumer.commit()
                assert log.committed(GROUP, "orders", 0) is None
                release.set()
                await until(lambda: len(done) == 6)
                await until(lambda: not app.consumer.unacked)
                await app.consumer.commit()
                assert log.committed(GROUP, "orders", 0) == 6

    asyncio.run(main())


def test_gaps_of_a_compacted_topic_are_committed_over(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_log(tmp_path, TopicSpec("states", 1, compact=True)) as log:
            app = make_app(tmp_path)
            seen: list[int] = []

            async def follow(stream: Any) -> None:
                async for event in stream.events():
                    assert event.key is not None
                    seen.append(event.message.offset)

            app.agent(app.topic("states"))(follow)

            for n in range(100):
                await log.append(
                    "states", 0, [NewRecord(1, b"%d" % n, b"x"), *[NewRecord(1, b"k", b"x")] * 49]
                )
            await log.compact("states", 0, 1, 0)
            async with Runtime(app):
                await until(lambda: seen and seen[-1] == 4999)
            assert seen == [*range(0, 4950, 50), 4949, *range(4950, 5000)]
            assert not any(app.consumer._gap.values())  # they would be as many numbers as the gaps are long
            assert log.committed(GROUP, "states", 0) == 5000

    asyncio.run(main())


def test_flush_waits_for_the_changelog(tmp_path: Path) -> None:
    # Fails without OrderedSends.send_soon and Producer.flush.
    async def main() -> None:
        async with open_log(tmp_path) as log:
            app = make_app(tmp_path)
            table = raw_table(app, "rows")
            async with Runtime(app):
                for n in range(200):
                    table.send_changelog(n % 2, b"%d" % n, b"x")
                await app.producer.flush()
                assert len(read(log, f"{GROUP}-rows-changelog")) == 200

    asyncio.run(main())


def test_changelog_and_output_keep_their_order(tmp_path: Path) -> None:
    # The changelog of an event is durable before its output, so that no output tells of a row that is lost.
    async def main() -> None:
        async with open_log(tmp_path) as log:
            app = make_app(tmp_path)
            table = raw_table(app, "rows")
            async with Runtime(app):
                table.send_changelog(0, b"k", b"x")
                await (await app.topic("totals").send(key=b"k", value=b"x", partition=0))
                assert len(read(log, f"{GROUP}-rows-changelog")) == 1

    asyncio.run(main())


def test_a_commit_waits_for_every_barrier(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_log(tmp_path) as log:
            seen: list[tuple[str, int, int]] = []
            app = counting_app(tmp_path, seen)
            written = asyncio.Event()
            asked = asyncio.Event()

            async def barrier() -> None:
                asked.set()
                await written.wait()

            app.transport.commit_barriers.append(barrier)
            async with Runtime(app):
                await add(log, "orders", *KEYS)
                await until(lambda: len(seen) == 4)
                commit = asyncio.ensure_future(app.consumer.commit())
                await asked.wait()
                await (await app.topic("totals").send(key=b"z", value=b'{"total": 0}', partition=0))
                assert log.committed(GROUP, "orders", 0) is None
                written.set()
                assert await commit
                assert log.committed(GROUP, "orders", 0) == 2

    asyncio.run(main())
