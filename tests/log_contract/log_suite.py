"""The contract of a log: the same scenarios for every implementation."""

import asyncio
from abc import abstractmethod
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from tests.log_contract.port import LogPort, read_all, scenario
from trackrev_stream.eventlog.records import (
    NewRecord,
    OffsetOutOfRange,
    Record,
    TopicMismatch,
    TopicSpec,
    UnknownTopic,
)

HOUR_MS = 3_600_000
T0 = 1_767_225_600_000


def some(count: int, *, at: int = T0, start: int = 0) -> list[NewRecord]:
    return [NewRecord(at + n, b"k%d" % n, b"v%d" % n) for n in range(start, start + count)]


class LogSuite:
    @abstractmethod
    def open_port(self, directory: Path) -> AbstractAsyncContextManager[LogPort]: ...

    @scenario
    async def test_what_is_appended_is_fetched(self, log: LogPort) -> None:
        await log.create(TopicSpec("hits", 2))
        headers = (("traceparent", b"00-1"), ("empty", b""))
        first = await log.append(
            "hits", 1, [NewRecord(T0, b"key", b"value", headers), NewRecord(T0 + 5, None, b"")]
        )
        second = await log.append("hits", 1, [NewRecord(T0, b"key", None)])
        assert (first, second) == (0, 2)
        assert await log.fetch("hits", 1, 0) == [
            Record(0, T0, b"key", b"value", headers),
            Record(1, T0 + 5, None, b"", ()),
            Record(2, T0, b"key", None, ()),
        ]
        assert await log.fetch("hits", 0, 0) == []

    @scenario
    async def test_each_partition_counts_for_itself(self, log: LogPort) -> None:
        await log.create(TopicSpec("hits", 3), TopicSpec("visits", 1))
        for partition in range(3):
            assert await log.append("hits", partition, some(partition + 1)) == 0
        assert await log.append("visits", 0, some(7)) == 0
        assert [await log.high_watermark("hits", p) for p in range(3)] == [1, 2, 3]
        assert await log.high_watermark("visits", 0) == 7

    @scenario
    async def test_appends_keep_the_order_of_their_calls(self, log: LogPort) -> None:
        await log.create(TopicSpec("hits", 1))
        waiting = [log.append("hits", 0, some(1 + n % 3, start=10 * n)) for n in range(300)]
        offsets = await asyncio.gather(*waiting)
        assert offsets == sorted(offsets)
        values = [record.value for record in await read_all(log, "hits", 0)]
        assert values == [b"v%d" % (10 * n + m) for n in range(300) for m in range(1 + n % 3)]

    @scenario
    async def test_fetch_begins_anywhere_and_keeps_its_bounds(self, log: LogPort) -> None:
        await log.create(TopicSpec("hits", 1))
        for n in range(20):
            await log.append("hits", 0, some(11, start=11 * n))
        for offset in (0, 1, 10, 11, 12, 137, 219):
            records = await log.fetch("hits", 0, offset, max_records=25)
            assert [r.offset for r in records] == list(range(offset, min(offset + 25, 220)))
            assert records[0].value == b"v%d" % offset
        assert await log.fetch("hits", 0, 220) == []

    @scenario
    async def test_fetch_stops_at_the_bytes_but_brings_one_record(self, log: LogPort) -> None:
        await log.create(TopicSpec("hits", 1))
        await log.append("hits", 0, [NewRecord(T0, None, bytes(30_000)) for _ in range(10)])
        found = await log.fetch("hits", 0, 2, max_bytes=100_000)
        assert found[0].offset == 2
        assert 1 <= len(found) <= 4
        assert len(await log.fetch("hits", 0, 2, max_bytes=10)) >= 1

    @scenario
    async def test_high_watermark_follows_what_is_acknowledged(self, log: LogPort) -> None:
        await log.create(TopicSpec("hits", 1))
        assert await log.high_watermark("hits", 0) == 0
        for n in range(1, 6):
            offset = await log.append("hits", 0, some(1))
            assert await log.high_watermark("hits", 0) == offset + 1 == n

    @scenario
    async def test_beyond_the_high_watermark_is_out_of_range(self, log: LogPort) -> None:
        await log.create(TopicSpec("hits", 1))
        await log.append("hits", 0, some(3))
        with pytest.raises(OffsetOutOfRange):
            await log.fetch("hits", 0, 4)

    @scenario
    async def test_waiting_ends_when_a_record_arrives(self, log: LogPort) -> None:
        await log.create(TopicSpec("hits", 2))
        await log.append("hits", 0, some(1))
        await log.wait_for_data({("hits", 0): 0, ("hits", 1): 0})
        waiting = asyncio.ensure_future(log.wait_for_data({("hits", 0): 1, ("hits", 1): 0}))
        await log.append("hits", 1, some(1))
        await waiting

    @scenario
    async def test_commits_are_kept_for_each_group(self, log: LogPort) -> None:
        await log.create(TopicSpec("hits", 2))
        await log.append("hits", 0, some(9))
        assert await log.committed("agents", "hits", 0) is None
        await log.commit("agents", {("hits", 0): 5, ("hits", 1): 0})
        await log.commit("agents-2", {("hits", 0): 9})
        await log.commit("agents", {("hits", 0): 7})
        await log.restart()
        assert await log.committed("agents", "hits", 0) == 7
        assert await log.committed("agents", "hits", 1) == 0
        assert await log.committed("agents-2", "hits", 0) == 9
        assert await log.committed("agents-2", "hits", 1) is None

    @scenario
    async def test_a_restart_changes_nothing(self, log: LogPort) -> None:
        await log.create(TopicSpec("hits", 2), TopicSpec("visits", 1))
        await log.append("hits", 1, some(120))
        before = await read_all(log, "hits", 1)
        await log.restart()
        assert await read_all(log, "hits", 1) == before
        assert await log.append("hits", 1, some(1)) == 120
        assert await log.append("hits", 0, some(1)) == 0

    @scenario
    async def test_topics_are_created_once(self, log: LogPort) -> None:
        await log.create(TopicSpec("hits", 2, HOUR_MS))
        await log.append("hits", 1, some(3))
        await log.create(TopicSpec("hits", 2, HOUR_MS), TopicSpec("visits", 1))
        assert await log.high_watermark("hits", 1) == 3
        with pytest.raises(TopicMismatch, match="'hits' has 2 partitions and is now declared with 3"):
            await log.create(TopicSpec("hits", 3, HOUR_MS))

    @scenario
    async def test_an_unknown_partition_is_an_error(self, log: LogPort) -> None:
        await log.create(TopicSpec("hits", 2))
        with pytest.raises(UnknownTopic, match="hits"):
            await log.fetch("hits", 2, 0)
        with pytest.raises(UnknownTopic, match="nothing"):
            await log.append("nothing", 0, some(1))

    @scenario
    async def test_retention_removes_what_is_old_and_no_more(self, log: LogPort) -> None:
        await log.create(TopicSpec("hits", 1, HOUR_MS), TopicSpec("for-ever", 1))
        for topic in ("hits", "for-ever"):
            for n in range(10):
                await log.append(topic, 0, some(100, at=T0 + n * HOUR_MS, start=100 * n))
        now = T0 + 6 * HOUR_MS
        await log.enforce_retention(now)
        kept = await read_all(log, "hits", 0)
        start = await log.start_offset("hits", 0)
        young = [n for n in range(1000) if T0 + (n // 100) * HOUR_MS + n >= now - HOUR_MS]
        assert start > 0
        assert [r.offset for r in kept] == list(range(start, 1000))
        assert set(young) <= {r.offset for r in kept}
        assert len(await read_all(log, "for-ever", 0)) == 1000
        with pytest.raises(OffsetOutOfRange) as error:
            await log.fetch("hits", 0, start - 1)
        assert error.value.start_offset == start
        await log.restart()
        assert await log.start_offset("hits", 0) == start
        assert await log.append("hits", 0, some(1)) == 1000

    @scenario
    async def test_compaction_keeps_the_last_record_of_each_key(self, log: LogPort) -> None:
        await log.create(TopicSpec("states", 1, compact=True))
        for n in range(40):
            await log.append(
                "states", 0, [NewRecord(T0 + n, b"k%d" % k, b"%d of %d" % (n, k)) for k in range(50)]
            )
        before = {record.offset: record for record in await read_all(log, "states", 0)}
        last = {record.key: record for record in before.values()}
        await log.compact("states", 0, T0, HOUR_MS)
        for _ in range(2):
            after = await read_all(log, "states", 0, step=7)
            assert len(after) < 500
            assert [r.offset for r in after] == sorted({r.offset for r in after})
            assert all(before[record.offset] == record for record in after)
            assert {record.key: record for record in after} == last
            assert await log.high_watermark("states", 0) == 2000
            await log.restart()
        assert await log.append("states", 0, some(1)) == 2000

    @scenario
    async def test_compaction_drops_tombstones_after_their_grace(self, log: LogPort) -> None:
        await log.create(TopicSpec("states", 1, compact=True))
        await log.append("states", 0, [NewRecord(T0, b"old", b"x"), NewRecord(T0, b"young", b"x")])
        await log.append("states", 0, [NewRecord(T0, b"old", None), NewRecord(T0 + HOUR_MS, b"young", None)])
        for n in range(30):
            await log.append("states", 0, some(50, at=T0 + HOUR_MS, start=50 * n))
        await log.compact("states", 0, T0 + HOUR_MS + 1, HOUR_MS)
        found = {(r.key, r.value) for r in await read_all(log, "states", 0) if r.key in {b"old", b"young"}}
        assert found == {(b"young", None)}

    @scenario
    async def test_compaction_leaves_records_without_a_key(self, log: LogPort) -> None:
        await log.create(TopicSpec("states", 1, compact=True))
        for _ in range(5):
            await log.append("states", 0, [NewRecord(T0, None, b"no key"), *some(60)])
        await log.compact("states", 0, T0, HOUR_MS)
        found = [r.offset for r in await read_all(log, "states", 0) if r.key is None]
        assert found == [0, 61, 122, 183, 244]
