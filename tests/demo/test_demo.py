"""The demo as a program: it agrees with the books, says no when they differ, and leaves nothing behind."""

import io
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ops.demo.compare import compare, total
from ops.demo.people import Arrival, Gives, people
from ops.demo.screen import Screen, comparison, money, verdict
from ops.demo.shop import earned_by
from ops.demo.ways import WAYS

ROOT = Path(__file__).parents[2]
DEMO = (sys.executable, "-m", "ops.demo")
ROW = re.compile(
    r"^  ([✓✗]) (.{16}) *(\d+) +([\d,.]+) +([\d,.]+) +(\d+) +([\d,.]+) +([\d,.]+)$", re.MULTILINE
)


@pytest.mark.parametrize("seed", ["11", "12"])
def test_the_program_agrees_with_the_books(seed: str) -> None:
    command = (*DEMO, "--exit", "--seed", seed, "--visitors", "80")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"seed {seed}" in done.stdout
    assert "They agree to the cent" in done.stdout
    rows = ROW.findall(done.stdout)
    earning = [name.strip() for _, name, _, gross, *_ in rows if gross != "0.00"]
    assert {"unattributed", "total"} < set(earning)
    assert len(earning) >= 6, done.stdout
    assert all(mark == "✓" and ours[:3] == ours[3:] for mark, _, *ours in rows)
    assert "\033" not in done.stdout, "no drawing where nobody looks"
    data = re.search(r"data +(\S+)", done.stdout)
    assert data and not Path(data[1]).exists(), "the temporary data is gone"


@dataclass
class Books:
    """Two sides that agree, for tests to alter one."""

    program: list[dict[str, Any]]
    books: dict[str, dict[str, Any]]


@pytest.fixture
def agreeing() -> Books:
    figures = {
        "YouTube": {"clicks": 3, "gross_minor": 48_000, "net_minor": 33_600},
        "Direct": {"clicks": 2, "gross_minor": 0, "net_minor": 0},
    }
    return Books([{"channel": name} | row for name, row in figures.items()], figures)


def test_equal_books_agree(agreeing: Books) -> None:
    rows = compare(agreeing.program, agreeing.books)
    assert [row.channel for row in rows] == ["YouTube", "Direct"]
    assert all(row.agrees for row in rows)
    assert total(rows).books.gross_minor == 48_000


@pytest.mark.parametrize(
    ("alter", "channel"),
    [
        (lambda both: both.books["YouTube"].update(net_minor=33_601), "YouTube"),
        (lambda both: both.books["YouTube"].update(gross_minor=47_999), "YouTube"),
        (lambda both: both.books["Direct"].update(clicks=1), "Direct"),
        (lambda both: both.books.pop("Direct"), "Direct"),
        (lambda both: both.program.pop(0), "YouTube"),
        (lambda both: both.books["YouTube"].update(gross_minor=None, net_minor=None), "YouTube"),
    ],
)
def test_it_says_no_to_books_that_differ(
    agreeing: Books, alter: Callable[[Books], object], channel: str
) -> None:
    alter(agreeing)
    rows = compare(agreeing.program, agreeing.books)
    assert [row.channel for row in rows if not row.agrees] == [channel]
