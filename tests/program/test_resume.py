"""A database that was brought back from a backup, beside a log that went on."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ops.postgres import Server
from tests.program.running import EndedError, Json, Program, Shop, running
from tests.program.selling import book_of, sell, started
from trackrev_stream.contracts.ports import PositionConflict
from trackrev_stream.eventlog.embedded.resume import Reach, resume_at
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.schema import (
    api_keys,
    links,
    meta,
    stripe_connections,
    upsert,
    workspaces,
)

VISITS = ("visits", 0)


def grow(program: Program, at_half: Callable[[], object]) -> tuple[Shop, tuple[Json, list[Json]]]:
    """Three charges and visitors, then three more; ``at_half`` is called in between, with nothing running."""
    with started(program):
        shop = Shop.greeted(program)
        sell(shop, "ch_1", "ch_2", "ch_3", visitors=3)
        book_of(shop, 3, 3)
        program.stop()
    at_half()
    with started(program):
        assert "reading again" not in program.said()  # a restart is nothing special
        sell(shop, "ch_4", "ch_5", "ch_6", visitors=2)
        expected = book_of(shop, 6, 5)
        program.stop()
    return shop, expected


def test_an_older_database_catches_up_with_the_log(tmp_path: Path) -> None:
    program = Program(tmp_path / "data")
    database, backup = program.data / "trackrev.db", tmp_path / "backup.db"
    shop, expected = grow(program, lambda: shutil.copy(database, backup))
    shutil.copy(backup, database)
    with started(program):
        assert book_of(shop, 6, 5) == expected
        sell(shop, "ch_7")
        book_of(shop, 7, 5)
        assert "attributed-charges/0: the database holds what came before offset 3" in program.said()
        assert "visits/0: the database holds what came before offset" in program.said()


def test_an_older_log_than_the_database_is_refused(tmp_path: Path) -> None:
    program = Program(tmp_path / "data")
    log, backup = program.data / "log", tmp_path / "log"
    grow(program, lambda: shutil.copytree(log, backup))
    shutil.rmtree(log)
    shutil.copytree(backup, log)
    with pytest.raises(EndedError, match="older than the database, or was created anew"):
        program.start()
    shutil.rmtree(log)
    with pytest.raises(EndedError, match="the log ends before offset 0"):
        program.start()


@pytest.mark.postgres
def test_another_database_is_filled_from_the_log(tmp_path: Path, postgres_server: Server) -> None:
    """From SQLite to PostgreSQL: the settings are copied, the ledger comes from the stream."""
    url = postgres_server.new_database()
    program = Program(tmp_path / "data")
    shop, expected = grow(program, lambda: None)
    copy_settings(f"sqlite:///{program.data}/trackrev.db", url)
    with running(program.data, TRACKREV_STORE=url) as moved:
        assert book_of(replace(shop, program=moved), 6, 5) == expected


def copy_settings(source: str, target: str) -> None:
    stores = Store.open(source), Store.open(target)
    for table in (workspaces, api_keys, links, stripe_connections, meta):
        rows = stores[0].read_now(lambda c, t=table: [dict(row) for row in c.execute(t.select()).mappings()])  # type: ignore[misc]  # mypy on defaults
        stores[1].write_now(lambda c, t=table, some=rows: upsert(c, t, some))  # type: ignore[misc]  # mypy on defaults
    for store in stores:
        store.close()


@pytest.mark.parametrize(
    ("stored", "reach", "expected"),
    [
        (9, Reach(0, 10, 10), None),  # all is applied
        (9, Reach(0, 20, 10), None),  # the rest is read anyhow
        (9, Reach(0, 20, 5), None),  # redelivered
        (9, Reach(0, 20, None), None),  # read from the start
        (-1, Reach(0, 0, None), None),
        (-1, Reach(0, 5, 0), None),
        (9, Reach(0, 20, 15), 10),
        (-1, Reach(0, 20, 15), 0),
        (9, Reach(12, 20, 15), 12),
        (-1, Reach(12, 20, 12), 12),
    ],
)
def test_where_the_writer_reads_on(stored: int, reach: Reach, expected: int | None) -> None:
    assert resume_at(VISITS, stored, reach) == expected


def test_what_the_log_has_no_longer_is_told(caplog: pytest.LogCaptureFixture) -> None:
    resume_at(VISITS, 9, Reach(12, 20, 15))
    assert "visits/0: offsets 10 to 11 are in the log no longer" in caplog.text


def test_a_log_that_ends_before_is_refused() -> None:
    with pytest.raises(PositionConflict, match="visits/0 up to offset 9, but the log ends before offset 9"):
        resume_at(VISITS, 9, Reach(0, 9, 9))
