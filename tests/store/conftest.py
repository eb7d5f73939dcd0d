"""Every test of the store runs on both databases; on PostgreSQL in the tier of the cluster."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ops.postgres import Server
from trackrev_stream.store.database.engine import Store

NewUrl = Callable[[], str]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NewUrl]:
    """Makes URLs of new, empty databases."""
    made: list[str] = []

    def in_file() -> str:
        made.append(f"sqlite:///{tmp_path}/{len(made)}.db")
        return made[-1]

    def on_server() -> str:
        made.append(server.new_database())
        return made[-1]

    if request.param == "sqlite":
        yield in_file
        return
    server: Server = request.getfixturevalue("postgres_server")
    yield on_server
    for url in made:
        server.give_back(url)


@pytest.fixture
def store(new_url: NewUrl) -> Iterator[Store]:
    """A new database, open."""
    opened = Store.open(new_url())
    yield opened
    opened.close()


@pytest.fixture
def sqlite_store(tmp_path: Path) -> Iterator[Store]:
    """A new file, open, for what only SQLite does."""
    opened = Store.open(f"sqlite:///{tmp_path}/trackrev.db")
    yield opened
    opened.close()
