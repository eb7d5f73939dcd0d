"""What more than one directory of tests needs."""

from collections.abc import Iterator

import pytest

from tests.browser import Chromium, chromium
from tests.postgres import Server, postgres


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """A server for tests that need no more of it than its SQL: without fsync it is faster."""
    with postgres(fsync="off", full_page_writes="off") as server:
        yield server


@pytest.fixture(scope="module")
def running_chromium() -> Iterator[Chromium]:
    with chromium() as running:
        yield running
