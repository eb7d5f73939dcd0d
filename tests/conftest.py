"""What more than one directory of tests needs."""

from collections.abc import Iterator

import pytest

from ops.postgres import Missing, Server, postgres, programs
from tests.browser import Chromium, chromium
from tests.missing import missing


@pytest.fixture(scope="session")
def postgres_programs() -> None:
    """PostgreSQL is installed, or the test does not run."""
    try:
        programs()
    except Missing as reason:
        missing(reason)


@pytest.fixture(scope="session")
def postgres_server(postgres_programs: None) -> Iterator[Server]:
    """A server for tests that need no more of it than its SQL: without fsync it is faster."""
    with postgres(fsync="off", full_page_writes="off") as server:
        yield server


@pytest.fixture(scope="module")
def running_chromium() -> Iterator[Chromium]:
    with chromium() as running:
        yield running
