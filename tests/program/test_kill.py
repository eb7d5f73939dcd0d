"""Kill -9 at random moments under load loses nothing that was acknowledged, and counts nothing twice."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.program.kill_run import prove

KILLS = 20


@pytest.mark.timeout(300)
def test_the_book_is_right_after_kills_at_random_moments(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    seed = random.randrange(10**6)
    report = prove(tmp_path, KILLS, seed)
    record_property("report", str(report))
    assert report.counts["hits"] > 0
    assert report.counts["webhooks"] > 0
