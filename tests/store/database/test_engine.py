"""The database itself: opening, refusing, sharing the file with other processes."""

import stat
import threading
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError

from tests.store.builders import run
from trackrev_stream.store.database.engine import Store, is_transient
from trackrev_stream.store.database.errors import StoreError
from trackrev_stream.store.database.schema import SCHEMA_VERSION, meta, read_meta, upsert


def test_the_file_is_for_its_owner_alone(sqlite_store: Store, tmp_path: Path) -> None:
    sqlite_store.write_now(lambda c: upsert(c, meta, [{"name": "x", "value": 1}]))
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert set(modes) >= {"trackrev.db", "trackrev.db-wal"}
    assert set(modes.values()) == {0o600}


def test_what_was_asked_of_sqlite_holds(sqlite_store: Store) -> None:
    def pragma(name: str) -> object:
        return sqlite_store.write_now(lambda c: c.execute(text(f"PRAGMA {name}")).scalar())

    assert (pragma("journal_mode"), pragma("synchronous"), pragma("foreign_keys")) == ("wal", 2, 1)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql:///x", "names no server"),
        ("postgresql://u:p@ss@db/x", "write special characters"),
        ("postgresql://u:p@db:port/x", "not a database URL"),
        ("postgresql://u:p@127.0.0.1:1/x", "cannot use the database x at 127.0.0.1:1: .*refused"),
        ("mysql://db/x", "no database of the kind"),
        ("sqlite://", "must be a file"),
        ("sqlite:///:memory:", "must be a file"),
        ("data.db", "not a database URL: 'data.db'; use sqlite"),
        ("sqlite:////nowhere/at/all.db", "No such file or directory"),
    ],
)
def test_urls_that_cannot_be_opened(url: str, message: str) -> None:
    with pytest.raises(StoreError, match=message):
        Store.open(url)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "t.db").write_text("a diary, much longer than any header of SQLite" * 100)
    with pytest.raises(StoreError, match="cannot use the database"):
        Store.open(f"sqlite:///{tmp_path}/t.db")


def test_a_database_of_a_newer_program_is_left_alone(store: Store) -> None:
    store.write_now(lambda c: upsert(c, meta, [{"name": "schema_version", "value": SCHEMA_VERSION + 1}]))
    with pytest.raises(StoreError, match="newer trackrev-stream"):
        Store.open(store.url)


def test_what_raises_is_rolled_back_and_readers_cannot_write(store: Store) -> None:
    def broken(connection: object) -> None:
        connection.execute(insert(meta).values(name="x", value=1))  # type: ignore[attr-defined]  # wrong on purpose
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(store.write(broken))
    assert run(store.read(lambda c: read_meta(c, "x"))) is None
    with pytest.raises(DBAPIError, match=r"readonly|read-only"):
        run(store.read(lambda c: c.execute(insert(meta).values(name="x", value=1))))


def test_two_processes_take_turns(store: Store) -> None:
    other = Store.open(store.url)
    inside, go_on = threading.Event(), threading.Event()

    def hold(connection: object) -> None:
        upsert(connection, meta, [{"name": "x", "value": 1}])  # type: ignore[arg-type]  # wrong on purpose
        inside.set()
        assert go_on.wait(30)

    holder = threading.Thread(target=lambda: other.write_now(hold))
    holder.start()
    assert inside.wait(30)
    assert (
        store.read_now(lambda c: read_meta(c, "x")) is None
    )  # readers see what is committed, and never wait
    second = threading.Thread(
        target=lambda: store.write_now(lambda c: upsert(c, meta, [{"name": "x", "value": 2}]))
    )
    second.start()
    go_on.set()
    holder.join(30)
    second.join(30)
    assert store.read_now(lambda c: c.execute(select(meta.c.value).where(meta.c.name == "x")).scalar()) == 2
    other.close()


def test_only_what_passes_is_transient(store: Store) -> None:
    with pytest.raises(DBAPIError) as wrong:
        store.write_now(lambda c: c.execute(text("SELECT * FROM nothing")))
    assert not is_transient(wrong.value)
    assert not is_transient(ValueError())
