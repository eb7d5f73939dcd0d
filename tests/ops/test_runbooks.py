"""The runbooks do what they say: their own commands, run as they stand on the page."""

import os
import re
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text

from ops.postgres import Server
from tests.program.running import Program, Shop
from tests.program.selling import book_of, sell, started
from tests.store.database.before import BEFORE
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.schema import SCHEMA_VERSION, meta, upsert

PAGES = Path(__file__).parents[2] / "ops/runbooks"


def commands(page: str) -> dict[str, str]:
    """The code blocks of a page by the heading above."""
    found: dict[str, str] = {}
    heading = ""
    for title, block in re.findall(
        r"^#+ ([^\n]+)$|^ *```sh\n(.*?)^ *```$", (PAGES / page).read_text(), re.MULTILINE | re.DOTALL
    ):
        heading = title or heading
        if block:
            assert heading not in found, "one block for each heading"
            found[heading] = block
    return found


@dataclass
class Place:
    """A data directory and a directory for backups, with the environment that the pages expect."""

    data: Path
    backup: Path
    store: str
    programs: Path | None

    def program(self) -> Program:
        return Program(self.data, TRACKREV_STORE=self.store)

    def do(self, page: str, heading: str) -> str:
        return self.run(commands(page)[heading]).stdout

    def run(self, script: str, *, fails: bool = False) -> subprocess.CompletedProcess[str]:
        places = [str(Path(sys.executable).parent), *([str(self.programs)] if self.programs else [])]
        environment = os.environ | {
            "PATH": os.pathsep.join([*places, os.environ["PATH"]]),
            "PYTHONPATH": os.pathsep.join(sys.path),
            "TRACKREV_DATA": str(self.data),
            "TRACKREV_STORE": self.store,
            "BACKUP": str(self.backup),
        }
        command = ["bash", "-euo", "pipefail", "-c", script]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done

    @property
    def on_postgresql(self) -> bool:
        return bool(self.store)

    def url(self) -> str:
        return self.store or f"sqlite:///{self.data}/trackrev.db"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    backup = tmp_path / "backup"
    backup.mkdir()
    if request.param == "sqlite":
        yield Place(tmp_path / "data", backup, "", None)
        return
    server: Server = request.getfixturevalue("postgres_server")
    yield Place(tmp_path / "data", backup, server.new_database("TEMPLATE template0"), server.programs)


def test_every_command_is_tried() -> None:
    assert commands("backup.md").keys() == {
        "All, while the program is stopped",
        "PostgreSQL, stopped or running",
        "The SQLite database alone, while the program runs",
        "All",
        "PostgreSQL",
        "The SQLite database alone",
        "Check",
    }
    assert commands("upgrade.md").keys() == {"Upgrade"}


def whole_backup(place: Place) -> None:
    place.do("backup.md", "All, while the program is stopped")
    if place.on_postgresql:
        place.do("backup.md", "PostgreSQL, stopped or running")


def whole_restore(place: Place) -> None:
    place.do("backup.md", "All")
    if place.on_postgresql:
        place.do("backup.md", "PostgreSQL")


def test_a_whole_backup_is_all_that_is_needed(place: Place) -> None:
    program = place.program()
    with started(program):
        shop = Shop.greeted(program)
        sell(shop, "ch_1", "ch_2", visitors=2)
        expected = book_of(shop, 2, 2)
        program.stop()
    whole_backup(place)
    with started(program):
        sell(shop, "ch_3")
        book_of(shop, 3, 2)
        program.stop()
    whole_restore(place)
    assert "localhost" in place.do("backup.md", "Check")
    with started(program):
        assert book_of(shop, 2, 2) == expected
        sell(shop, "ch_3")
        book_of(shop, 3, 2)
    assert {stat.S_IMODE(path.stat().st_mode) for path in place.backup.iterdir()} == {0o600}
    assert stat.S_IMODE((place.data / "secret.key").stat().st_mode) == 0o600


def test_a_backup_of_the_running_database_catches_up(place: Place) -> None:
    program = place.program()
    with started(program):
        shop = Shop.greeted(program)
        sell(shop, "ch_1", "ch_2")
        book_of(shop, 2, 0)
        title = "The SQLite database alone, while the program runs"
        place.do("backup.md", "PostgreSQL, stopped or running" if place.on_postgresql else title)
        sell(shop, "ch_3", visitors=1)
        expected = book_of(shop, 3, 1)
        program.stop()
    place.do("backup.md", "PostgreSQL" if place.on_postgresql else "The SQLite database alone")
    assert "localhost" in place.do("backup.md", "Check")
    with started(program):
        assert book_of(shop, 3, 1) == expected


def test_the_check_sees_a_lost_secret_key(place: Place) -> None:
    with started(place.program()):
        pass
    (place.data / "secret.key").unlink()
    assert (
        "does not open with this secret key" in place.run(commands("backup.md")["Check"], fails=True).stderr
    )


def test_an_upgrade_and_the_way_back(place: Place) -> None:
    program = place.program()
    with started(program):
        program.stop()
    whole_backup(place)
    assert "localhost" in place.do("upgrade.md", "Upgrade")
    store = Store.open(place.url())  # what a newer program leaves behind
    store.write_now(lambda c: upsert(c, meta, [{"name": "schema_version", "value": SCHEMA_VERSION + 1}]))
    store.write_now(lambda c: c.execute(text("CREATE TABLE newer (id BIGINT REFERENCES entries (seq))")))
    store.close()
    assert "newer trackrev-stream" in place.run(commands("upgrade.md")["Upgrade"], fails=True).stderr
    whole_restore(place)
    assert "localhost" in place.do("backup.md", "Check")
    with started(program):
        pass


def test_an_upgrade_from_before_there_were_migrations(tmp_path: Path) -> None:
    place = Place(tmp_path / "data", tmp_path, "", None)
    place.data.mkdir()
    with closing(sqlite3.connect(place.data / "trackrev.db")) as old:
        old.executescript(BEFORE.read_text())
    assert "No workspace yet" in place.do("upgrade.md", "Upgrade")
