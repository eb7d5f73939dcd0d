"""What only the embedded log has: one process, one directory, a disk that fills and decays."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.eventlog.embedded.support import damage, fill, python
from trackrev_stream.contracts.ports import Unavailable
from trackrev_stream.eventlog.embedded import rocksdb
from trackrev_stream.eventlog.embedded.log import Log
from trackrev_stream.eventlog.embedded.publisher import EmbeddedPublisher
from trackrev_stream.eventlog.records import (
    Append,
    Commit,
    LogBusy,
    LogCorrupt,
    LogUnavailable,
    NewRecord,
    TopicSpec,
    UnknownTopic,
)


def test_a_second_process_is_told_what_to_do(tmp_path: Path) -> None:
    with python("tests.eventlog.embedded.writer", tmp_path / "log", 1) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(LogBusy) as error:
            Log.open(tmp_path / "log")
    assert str(tmp_path / "log") in str(error.value)
    assert "stop the other one" in str(error.value)


def test_one_process_shares_one_log(tmp_path: Path) -> None:
    async def main() -> None:
        first = Log.open(tmp_path / "log")
        second = Log.open(tmp_path / "else" / ".." / "log")
        assert first is second
        first.create_topics([TopicSpec("hits", 1)])
        await first.close()
        assert await second.append("hits", 0, [NewRecord(1, None, b"x")]) == 0
        await second.close()
        with pytest.raises(LogUnavailable, match="closed"):
            await second.append("hits", 0, [NewRecord(1, None, b"x")])
        third = Log.open(tmp_path / "log")
        assert third is not first
        assert third.high_watermark("hits", 0) == 1
        await third.close()

    asyncio.run(main())


def test_records_and_commits_in_one_write(tmp_path: Path) -> None:
    async def main() -> None:
        log = Log.open(tmp_path / "log")
        log.create_topics([TopicSpec("in", 1), TopicSpec("out", 2)])
        records = [NewRecord(1, b"k", b"v")]
        bases = await log.write(
            [Append("out", 0, records * 3), Append("out", 1, records), Append("out", 0, records)],
            Commit("agents", {("in", 0): 7}),
        )
        assert bases == [0, 0, 3]
        assert log.committed("agents", "in", 0) == 7
        with pytest.raises(UnknownTopic):
            log.write([Append("out", 0, records)], Commit("agents", {("in", 1): 7}))
        await log.close()

    asyncio.run(main())


def test_a_record_is_not_seen_before_it_is_durable(tmp_path: Path) -> None:
    async def main() -> None:
        log = Log.open(tmp_path / "log")
        log.create_topics([TopicSpec("hits", 1)])
        await log.append("hits", 0, [NewRecord(1, b"k", b"v")])
        appended = log.append("hits", 0, [NewRecord(1, b"k", b"v")])
        committed = log.commit("agents", {("hits", 0): 1})
        await asyncio.sleep(0)  # written now, and the disk asked; its answer takes another turn of the loop
        assert not appended.done()
        assert len(log.fetch("hits", 0, 0)) == 1
        assert log.high_watermark("hits", 0) == 1
        assert log.committed("agents", "hits", 0) is None
        await committed
        assert len(log.fetch("hits", 0, 0)) == 2
        await log.close()

    asyncio.run(main())


def test_every_group_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = rocksdb._options()
    options.enable_statistics()
    monkeypatch.setattr(rocksdb, "_options", lambda: options)

    def syncs() -> int:
        found = re.search(r"rocksdb.wal.synced COUNT : (\d+)", options.get_statistics() or "")
        assert found
        return int(found[1])

    async def main() -> None:
        log = Log.open(tmp_path / "log")
        log.create_topics([TopicSpec("hits", 1)])
        for _ in range(20):
            before = syncs()
            await log.append("hits", 0, [NewRecord(1, b"k", b"v")])
            assert syncs() == before + 1
        before = syncs()
        await asyncio.gather(*(log.append("hits", 0, [NewRecord(1, b"k", b"v")]) for _ in range(100)))
        assert syncs() == before + 1  # a hundred at once share one
        await log.close()

    asyncio.run(main())


def test_a_record_that_is_not_bytes_hurts_nobody_else(tmp_path: Path) -> None:
    async def main() -> None:
        log = Log.open(tmp_path / "log")
        log.create_topics([TopicSpec("hits", 1)])
        good = log.append("hits", 0, [NewRecord(1, b"k", b"v")])
        bad: list[Any] = [
            NewRecord(1, "text", b"v"),  # type: ignore[arg-type]  # what is tested
            NewRecord(1, b"k", 7),  # type: ignore[arg-type]  # what is tested
            NewRecord(1.5, b"k", b"v"),  # type: ignore[arg-type]  # what is tested
            NewRecord(1, b"k", b"v", (("name", "text"),)),  # type: ignore[arg-type]  # what is tested
        ]
        for record in bad:
            with pytest.raises(TypeError, match="bytes"):
                log.append("hits", 0, [record])
        assert await good == 0
        await log.close()

    asyncio.run(main())


def test_a_full_disk_refuses_and_recovers(small_disk: Path) -> None:
    check_full_disk(small_disk / "log", "mount")


def test_files_that_cannot_grow_are_as_a_full_disk(tmp_path: Path) -> None:
    check_full_disk(tmp_path / "log", "limit")


def check_full_disk(directory: Path, kind: str) -> None:
    with python("tests.eventlog.embedded.full_disk", directory, kind) as process:
        assert process.stdout is not None
        report = json.loads(process.stdout.readline())
    numbers = {number for number, _, _ in report["acknowledged"]}
    assert numbers.isdisjoint(report["refused"])
    assert numbers | set(report["refused"]) == set(range(1025))
    # Those before it was full and after there was room again are there; of the burst the end is not.
    assert numbers >= set(range(10)) | set(range(1015, 1025))
    assert set(report["refused"]) >= set(range(1009, 1015))
    assert report["readable_while_full"] >= 5
    found = {int(partition): timestamps for partition, timestamps in report["found"].items()}
    for number, partition, offset in report["acknowledged"]:
        assert found[partition][offset] == number
    assert sum(map(len, found.values())) == len(numbers)


def test_a_write_that_failed_late_may_be_there_after_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No disk can be made to fail an fsync on demand, so the answer of this one is replaced.
    def refuse(self: rocksdb.RocksDatabase) -> None:
        self.failed = True
        raise LogUnavailable("the disk did not say that it has it")

    async def main() -> None:
        log = Log.open(tmp_path / "log")
        log.create_topics([TopicSpec("hits", 2)])
        arrival = log.arrival({("hits", 0): 0})
        with monkeypatch.context() as failing:
            failing.setattr(rocksdb.RocksDatabase, "sync", refuse)
            with pytest.raises(LogUnavailable):
                await log.append("hits", 0, [NewRecord(1, b"k", b"first")])
        assert log.fetch("hits", 0, 0) == []
        await log.append("hits", 1, [NewRecord(1, b"k", b"other")])
        await arrival
        assert await log.append("hits", 0, [NewRecord(1, b"k", b"second")]) == 1
        assert [record.value for record in log.fetch("hits", 0, 0)] == [b"first", b"second"]
        await log.close()

    asyncio.run(main())


def test_damage_is_told_and_never_skipped(tmp_path: Path) -> None:
    async def read() -> int:
        log = Log.open(tmp_path / "log")
        try:
            offset = 0
            while records := log.fetch("hits", 0, offset):
                assert records[0].offset == offset
                offset = records[-1].offset + 1
            return offset
        finally:
            await log.close()

    asyncio.run(fill(tmp_path / "log", "hits"))
    assert asyncio.run(read()) == 2000  # opened again, RocksDB has moved everything to a table file
    damage(tmp_path / "log")
    with pytest.raises(LogCorrupt, match=r"damaged|format"):
        asyncio.run(read())


def test_the_publisher_returns_the_durable_offset(tmp_path: Path) -> None:
    async def main() -> None:
        log = Log.open(tmp_path / "log")
        log.create_topics([TopicSpec("hits", 2)])
        publisher = EmbeddedPublisher(log, now_ms=lambda: 77)
        offsets = await asyncio.gather(*(publisher.publish("hits", 1, b"k", b"%d" % n) for n in range(10)))
        assert offsets == list(range(10))
        assert log.fetch("hits", 1, 3, 1)[0].timestamp == 77
        await log.close()
        with pytest.raises(Unavailable):
            await publisher.publish("hits", 1, b"k", b"v")

    asyncio.run(main())


def test_maintenance_runs_until_it_is_cancelled(tmp_path: Path) -> None:
    async def main() -> None:
        log = Log.open(tmp_path / "log")
        log.create_topics([TopicSpec("hits", 1, retention_ms=10), TopicSpec("states", 1, compact=True)])
        await log.append("hits", 0, [NewRecord(1, None, b"x")])
        for _ in range(200):
            await log.append("states", 0, [NewRecord(1, b"k", b"x")] * 50)
        task = asyncio.ensure_future(log.maintain(lambda: 1000, interval_s=0))
        while log.start_offset("hits", 0) == 0 or len(log.fetch("states", 0, 0)) == 500:
            assert not task.done()
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
        assert log.fetch("states", 0, 9999)
        await log.close()

    asyncio.run(main())
