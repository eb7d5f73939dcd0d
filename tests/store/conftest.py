from collections.abc import Iterator
from pathlib import Path

import pytest

from trackrev_stream.store.engine import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store.open(f"sqlite:///{tmp_path}/trackrev.db")
    yield opened
    opened.close()
