"""The schema is made and brought up to date by migrations, alike on both databases."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from ops.postgres import Server
from tests.store.builders import all_entries, at_offsets, charge
from tests.store.conftest import NewUrl
from tests.store.database.before import BEFORE
from trackrev_stream.store.database import poller_schema  # noqa: F401 - they declare tables of their own
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.errors import StoreError
from trackrev_stream.store.database.migrate import SCRIPTS
from trackrev_stream.store.database.schema import SCHEMA_VERSION, metadata, read_meta
from trackrev_stream.store.ledger.post import post

OPEN = """
import sys
from trackrev_stream.store.database.engine import Store
print("ready", flush=True)
sys.stdin.readline()
Store.open(sys.argv[1]).close()
"""


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_server_default": True})
    found: list[object] = compare_metadata(context, metadata)
    return found


def test_migrations_make_what_the_program_declares(store: Store) -> None:
    assert store.write_now(differences) == []
    assert store.read_now(lambda c: read_meta(c, "schema_version")) == SCHEMA_VERSION


def test_a_difference_would_be_seen(store: Store) -> None:
    store.write_now(lambda c: c.execute(text("ALTER TABLE links ADD COLUMN color TEXT")))
    store.write_now(lambda c: c.execute(text("DROP INDEX lines_by_time")))
    assert len(store.write_now(differences)) == 2


def test_the_newest_migration_is_the_version_of_the_schema() -> None:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    assert ScriptDirectory.from_config(config).get_heads() == [f"{SCHEMA_VERSION:04}"]


def test_many_processes_may_start_at_once(new_url: NewUrl) -> None:
    url = new_url()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN, url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for _ in range(5)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    assert [process.communicate()[1] for process in processes] == [""] * 5
    store = Store.open(url)
    versions = store.read_now(lambda c: c.execute(text("SELECT version_num FROM alembic_version")).all())
    assert len(versions) == 1
    assert store.write_now(differences) == []
    store.close()


def test_a_file_from_before_there_were_migrations_is_adopted(tmp_path: Path) -> None:
    place = tmp_path / "old.db"
    old = sqlite3.connect(place)
    old.executescript(BEFORE.read_text())
    old.execute("INSERT INTO workspaces VALUES ('ws_old', 'a.example', '', 'UTC', 1, 'x', 'y', 'z')")
    old.commit()
    old.close()
    for _ in range(2):
        store = Store.open(f"sqlite:///{place}")
        assert store.write_now(differences) == []
        names = store.read_now(lambda c: c.execute(text("SELECT id FROM workspaces")).scalars().all())
        assert names == ["ws_old"]
        assert store.read_now(lambda c: c.execute(text("SELECT * FROM alembic_version")).all()) == [
            (f"{SCHEMA_VERSION:04}",)
        ]
        store.close()
    store = Store.open(f"sqlite:///{place}")
    store.write_now(lambda c: post(c, at_offsets(charge()), 1))
    assert len(store.read_now(all_entries)) == 1
    store.close()


@pytest.mark.postgres
@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_that_cannot_hold_every_text_is_refused(postgres_server: Server, encoding: str) -> None:
    url = postgres_server.new_database(f"ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(StoreError, match=f"encoding {encoding}"):
        Store.open(url)
