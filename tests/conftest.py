"""What more than one directory of tests needs."""

from collections.abc import Iterator

import pytest

from tests.browser import Chromium, chromium


@pytest.fixture(scope="module")
def running_chromium() -> Iterator[Chromium]:
    with chromium() as running:
        yield running
