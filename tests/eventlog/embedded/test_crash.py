"""What is acknowledged survives, and what is lost is a suffix."""

import asyncio
import random
from pathlib import Path

import pytest

from tests.eventlog.embedded.support import crash_image, kill, python
from tests.eventlog.embedded.writer import TOPICS
from trackrev_stream.eventlog.embedded.log import Log
from trackrev_stream.eventlog.records import NewRecord, Record, TopicSpec


def everything(log: Log) -> dict[tuple[str, int], list[Record]]:
    return {
        (name, number): log.fetch(name, number, log.start_offset(name, number), 10**9, 10**12)
        for name, spec in log.topics().items()
        for number in range(spec.partitions)
    }


async def read_closed(directory: Path) -> dict[tuple[str, int], list[Record]]:
    log = Log.open(directory)
    try:
        return everything(log)
    finally:
        await log.close()


def numbers_of(content: dict[tuple[str, int], list[Record]]) -> list[int]:
    return sorted(record.timestamp for records in content.values() for record in records)


@pytest.mark.parametrize("writers", [1, 64])
def test_kill_9_loses_nothing_acknowledged(tmp_path: Path, writers: int) -> None:
    directory = tmp_path / "log"
    for kills in range(3):
        with python("tests.eventlog.embedded.writer", directory, writers) as process:
            assert process.stdout is not None
            acknowledged = [process.stdout.readline() for _ in range(500 + 100 * kills)]
            acknowledged += kill(process)
        content = asyncio.run(read_closed(directory))
        for line in acknowledged:
            number, topic, partition, offset = line.split()
            record = content[topic, int(partition)][int(offset)]
            assert record.offset == int(offset)
            assert record.timestamp == int(number)
        # Over all topics and partitions: the first so many of the calls, and none after a missing one.
        assert numbers_of(content) == list(range(len(numbers_of(content))))
        directory = tmp_path / f"log-{kills}"


def test_a_torn_write_ahead_log_loses_a_suffix_only(tmp_path: Path) -> None:
    async def write() -> tuple[Path, list[int]]:
        log = Log.open(tmp_path / "log")
        log.create_topics(TOPICS)
        write_ahead = max((tmp_path / "log").glob("*.log"))
        durable = []
        for number in range(120):
            await log.append(
                *[("a", 0), ("a", 1), ("a", 2), ("b", 0)][number % 4], [NewRecord(number, None, b"x")]
            )
            durable.append(write_ahead.stat().st_size)
        image = crash_image(tmp_path / "log", tmp_path / "image")
        await log.close()
        return image, durable

    image, durable = asyncio.run(write())
    sizes = random.Random(7).sample(range(durable[-1]), 60)
    for size in sizes:
        torn = crash_image(image, tmp_path / "torn")
        with max(torn.glob("*.log")).open("r+b") as file:
            file.truncate(size)
        numbers = numbers_of(asyncio.run(read_closed(torn)))
        assert numbers == list(range(len(numbers)))
        assert len(numbers) >= sum(1 for end in durable if end <= size)


def test_compaction_can_be_cut_off_anywhere(tmp_path: Path) -> None:
    keys = 70

    async def compact_and_watch() -> tuple[list[Record], list[Path]]:
        log = Log.open(tmp_path / "log")
        log.create_topics([TopicSpec("states", 1, compact=True)])
        for n in range(150):
            log.append("states", 0, [NewRecord(n, b"%d" % (n * 37 % keys), None if n % 9 else b"%d" % n)])
            await log.append("states", 0, [NewRecord(n, b"%d" % k, b"%d" % n) for k in range(n % keys)])
        before = everything(log)["states", 0]
        task = asyncio.ensure_future(log.compact("states", 0, now_ms=1000, grace_ms=0))
        images: list[Path] = []
        while not task.done():
            await asyncio.sleep(0)
            images.append(crash_image(tmp_path / "log", tmp_path / f"image-{len(images)}"))
        assert await task > 0
        await log.close()
        return before, images

    async def check(image: Path, before: list[Record]) -> None:
        last = {record.key: record for record in before}
        log = Log.open(image)
        for _ in range(2):
            after = everything(log)["states", 0]
            kept = {record.offset for record in after}
            assert [record for record in before if record.offset in kept] == after
            # A key is gone only if its last word was a tombstone; an older word never comes back.
            seen = {record.key: record for record in after}
            assert {r for r in seen.values() if r.value} == {r for r in last.values() if r.value}
            await log.compact("states", 0, now_ms=1000, grace_ms=0)
        await log.close()

    before, images = asyncio.run(compact_and_watch())
    assert len(images) > 5
    for image in images:
        asyncio.run(check(image, before))
