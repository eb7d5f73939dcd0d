"""Records of the past are changed in place: nothing else moves, and the disk keeps nothing of what was."""

import asyncio
import re
from pathlib import Path

from trackrev_stream.eventlog.embedded.blocks import MAX_RECORDS
from trackrev_stream.eventlog.embedded.log import Log
from trackrev_stream.eventlog.records import NewRecord, Record, TopicSpec

SECRET = re.compile(rb"anna")
COUNT = 7 * MAX_RECORDS


def renamed(_topic: str, record: Record) -> Record | None:
    """Anna is called nobody; what is hers alone goes."""
    if record.value == b"anna":
        return None
    if record.key and b"anna" in record.key + (record.value or b""):
        value = record.value.replace(b"anna", b"nobo") if record.value else record.value
        return record._replace(key=record.key.replace(b"anna", b"nobo"), value=value)
    return record


async def filled(log: Log) -> None:
    """Some of Anna's records among others, in blocks with gaps between them, and a newest one that goes."""
    log.create_topics([TopicSpec("facts", 2, compact=True)])
    for start in range(0, COUNT, 10):
        each = [NewRecord(n, b"k%d" % (n % 90), b"anna %d" % n) for n in range(start, start + 10)]
        await log.append("facts", 1, each)
    await log.compact("facts", 1, now_ms=COUNT, grace_ms=0)
    await log.append("facts", 1, [NewRecord(1, b"anna", None), NewRecord(2, b"k", b"anna")])


def is_on_disk(directory: Path) -> bool:
    return any(b"anna" in path.read_bytes() for path in directory.iterdir() if path.is_file())


def read(log: Log) -> list[Record]:
    return log.fetch("facts", 1, 0, 10**6, 10**9)


def test_only_what_is_to_change_changes_and_nothing_is_left_of_it(tmp_path: Path) -> None:
    async def main() -> None:
        log = Log.open(tmp_path)
        await filled(log)
        before = read(log)
        assert is_on_disk(tmp_path)
        assert await log.rewrite(renamed, SECRET) == len(before)
        expected = [found for record in before if (found := renamed("facts", record))]
        assert read(log) == expected
        assert await log.rewrite(renamed, SECRET) == 0
        await log.sweep()
        await log.close()
        assert not is_on_disk(tmp_path)
        log = Log.open(tmp_path)
        assert read(log) == expected
        assert log.high_watermark("facts", 1) == COUNT + 2
        assert await log.append("facts", 1, [NewRecord(3, b"k", b"v")]) == COUNT + 2
        await log.close()

    asyncio.run(main())


def test_what_the_pattern_cannot_see_is_shown_where_the_topic_is_opaque(tmp_path: Path) -> None:
    async def main() -> None:
        log = Log.open(tmp_path)
        log.create_topics([TopicSpec("open", 1), TopicSpec("opaque", 1)])
        for topic in ("open", "opaque"):
            await log.append(topic, 0, [NewRecord(1, b"k", b"YW5uYQ==")])
        seen = []

        def look(topic: str, record: Record) -> Record:
            seen.append(topic)
            return record

        assert await log.rewrite(look, SECRET, {"opaque"}) == 0
        assert set(seen) == {"opaque"}
        await log.close()

    asyncio.run(main())
