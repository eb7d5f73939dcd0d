"""Tables of rows: what a record changes is one write, and what a changelog holds comes back in few."""

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from faust.types import TP

from tests.eventlog.embedded.apps import GROUP, Runtime, add, make_app, open_log, raw_table, read, until
from trackrev_stream.eventlog.faust_patches.recovery import Recovery
from trackrev_stream.eventlog.faust_patches.row_table import RowTable
from trackrev_stream.eventlog.records import NewRecord, Record

CHANGELOG = f"{GROUP}-rows-changelog"


def rows_app(directory: Path, done: list[bytes]) -> Any:
    """Writes, for each order, its key and two rows beside it; the rows it had are in the last one."""
    app = make_app(directory)
    table = app.rows = raw_table(app, "rows")

    async def write(stream: Any) -> None:
        async for event in stream.events():
            number, key = event.message.partition, event.key
            before = table.row(number, key) or b"0"
            table.write(number, {b"x" + key: b"x", key: b"%d" % (int(before) + 1), b"y" + key: before})
            done.append(key)

    app.agent(app.topic("orders"))(write)
    return app


def test_rows_are_written_together_and_follow_each_other_in_the_changelog(tmp_path: Path) -> None:
    async def main() -> None:
        done: list[bytes] = []
        async with open_log(tmp_path) as log:
            await add(log, "orders", b"b", b"b", b"a")
            app = rows_app(tmp_path, done)
            async with Runtime(app):
                await until(lambda: len(done) == 3)
                assert app.rows.row(0, b"b") == b"2"
                assert app.rows.row(1, b"b") is None
            told = [(record.key, record.value) for record in read(log, CHANGELOG)]
            assert told[:6] == [
                (b"xb", b"x"), (b"b", b"1"), (b"yb", b"0"),
                (b"xb", b"x"), (b"b", b"2"), (b"yb", b"1"),
            ]  # fmt: skip
            assert [app.rows.persisted_offset(TP(CHANGELOG, number)) for number in range(2)] == [5, 2]

    asyncio.run(main())


def test_of_rows_that_the_disk_refuses_nothing_is_sent(tmp_path: Path) -> None:
    class Full:
        def write(self, _batch: object) -> None:
            raise OSError("No space left on device")

    async def main() -> None:
        async with open_log(tmp_path) as log:
            app = rows_app(tmp_path, [])
            async with Runtime(app):
                app.rows.data._dbs[0] = Full()
                with pytest.raises(OSError, match="No space"):
                    app.rows.write(0, {b"a": b"1"})
                del app.rows.data._dbs[0]
            assert read(log, CHANGELOG) == []

    asyncio.run(main())


def test_what_a_changelog_holds_comes_back_in_few_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Fails with Faust's own recovery: 2,000 records would pass one by one.
    sizes: list[int] = []
    restore = RowTable.restore

    def counting(self: RowTable, partition: int, records: Sequence[Any]) -> None:
        sizes.append(len(records))
        restore(self, partition, records)

    monkeypatch.setattr(RowTable, "restore", counting)

    async def main() -> None:
        keys = [b"%d" % n for n in range(700)]
        done: list[bytes] = []
        async with open_log(tmp_path) as log:
            await add(log, "orders", *keys)
            async with Runtime(rows_app(tmp_path, done)):
                await until(lambda: len(done) == len(keys))
            assert sizes == []
            await log.append(CHANGELOG, 0, [NewRecord(1, b"y0", None)])
            shutil.rmtree(tmp_path / "data")
            app = rows_app(tmp_path, done)
            async with Runtime(app):
                numbers = {key: key[0] % 2 for key in keys}
                assert {app.rows.row(numbers[key], key) for key in keys} == {b"1"}
                assert app.rows.row(0, b"y0") is None, "it was deleted"
                assert app.rows.row(0, b"y2") == b"0"
        assert sum(sizes) == 3 * len(keys) + 1
        assert len(sizes) < 20

    asyncio.run(main())


def test_records_that_are_in_the_table_or_no_longer_ours_are_passed_over(tmp_path: Path) -> None:
    async def main() -> None:
        async with open_log(tmp_path):
            app = rows_app(tmp_path, [])
            async with Runtime(app):
                recovery: Recovery = app.tables.recovery
                tp = TP(CHANGELOG, 0)
                recovery.active_offsets[tp] = 5
                recovery.restore(tp, [_record(5, b"old"), _record(6, b"new")])
                recovery.restore(tp, [_record(4, b"old"), _record(6, b"old")])
                recovery.restore(TP(CHANGELOG, 9), [_record(7, b"not ours")])
                assert app.rows.row(0, b"key") == b"new"
                assert recovery.active_offsets[tp] == app.rows.persisted_offset(tp) == 6
                assert not (tmp_path / "data" / "v1" / "tables" / "rows-9.db").exists()

    asyncio.run(main())


def _record(offset: int, value: bytes) -> Record:
    return Record(offset, 1, b"key", value, ())
