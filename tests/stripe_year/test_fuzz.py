"""Some thousand mutated requests at the webhook. The whole number: `make soak-stripe ARGS=fuzz`."""

import asyncio
from pathlib import Path

from tests.stripe_year.fuzz import SMALL, run


def test_mutated_requests_break_nothing_and_get_nothing_in(tmp_path: Path) -> None:
    came = asyncio.run(run(SMALL, tmp_path))
    assert came.wrong() == []
    assert sum(came.statuses.values()) == SMALL.requests
    assert min(came.rocksdb) > 0  # it tells of it
    assert came.statuses["test mode", 200] == came.statuses["live mode", 200] == SMALL.requests // 10
