"""A database that was brought back from a backup, beside a log that went on."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.postgres import Server
from tests.running import Json, Site, running
from tests.store.builders import run
from trackrev_stream.app import APP_ID
from trackrev_stream.embedded.log import Log
from trackrev_stream.resume import Reach, resume_at
from trackrev_stream.store.engine import Store
from trackrev_stream.store.errors import PositionConflict
from trackrev_stream.store.schema import api_keys, links, meta, stripe_connections, upsert, workspaces

VISITS = ("visits", 0)


async def book(site: Site) -> Json:
    """What the book says, but for when it was written."""
    found = {path: await site.ask(path) for path in ("channels", "revenue", "charges?limit=100")}
    for charge in found["charges?limit=100"]["charges"]:
        charge.pop("posted_at", None)
    return found


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


async def grow(data: Path, at_half: Callable[[], object], store: str = "") -> Json:
    """Three charges and visitors, then three more; ``at_half`` is called in between, with nothing running."""
    async with running(data, store) as site:
        await site.visit(3)
        await site.pay("ch_1", "ch_2", "ch_3")
        await site.wait_for(3, 3)
    at_half()
    async with running(data, store) as site:
        await site.pay("ch_4", "ch_5", "ch_6")
        await site.visit(2)
        await site.wait_for(6, 5)
        return await book(site)


def test_an_older_database_catches_up_with_the_log(data: Path, caplog: pytest.LogCaptureFixture) -> None:
    backup = data.parent / "backup.db"

    async def story() -> None:
        expected = await grow(data, lambda: shutil.copy(data / "trackrev.db", backup))
        assert "reading again" not in caplog.text  # a restart is nothing special
        shutil.copy(backup, data / "trackrev.db")
        async with running(data) as site:
            await site.wait_for(6, 5)
            assert await book(site) == expected
            await site.pay("ch_7")
            await site.wait_for(7, 5)
        assert "attributed-charges/0: the database holds what came before offset 3" in caplog.text
        assert "visits/0: the database holds what came before offset" in caplog.text

    run(story())


def test_an_older_log_than_the_database_is_refused(data: Path) -> None:
    backup = data.parent / "log"

    async def story() -> None:
        await grow(data, lambda: shutil.copytree(data / "log", backup))
        shutil.rmtree(data / "log")
        shutil.copytree(backup, data / "log")
        with pytest.raises(PositionConflict, match="older than the database, or was created anew"):
            async with running(data):
                pass
        shutil.rmtree(data / "log")
        with pytest.raises(PositionConflict, match="the log ends before offset 0"):
            async with running(data):
                pass

    run(story())


@pytest.mark.postgres
def test_another_database_is_filled_from_the_log(data: Path, postgres_server: Server) -> None:
    """From SQLite to PostgreSQL: the settings are copied, the book comes from the stream."""
    url = postgres_server.new_database()

    async def story() -> None:
        expected = await grow(data, lambda: None)
        copy_settings(f"sqlite:///{data}/trackrev.db", url)
        async with running(data, url) as site:
            await site.wait_for(6, 5)
            assert await book(site) == expected

    run(story())


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


def test_what_was_committed_is_what_was_applied(data: Path) -> None:
    """In order, the two agree: nothing is read again after a stop."""

    async def story() -> None:
        await grow(data, lambda: None)
        log = Log.open(data / "log")
        committed = log.committed(APP_ID, "attributed-charges", 0)
        assert committed == log.high_watermark("attributed-charges", 0)
        await log.close()

    run(story())
