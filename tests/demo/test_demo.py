"""The demo as a program: it agrees with the books, says no when they differ, and leaves nothing behind."""

import io
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from ops.demo.compare import compare, total
from ops.demo.people import Arrival, Gives, people
from ops.demo.screen import Screen, comparison, money, verdict
from ops.demo.shop import earned_by
from ops.demo.ways import WAYS
from tests.program.running import until

ROOT = Path(__file__).parents[2]
DEMO = (sys.executable, "-m", "ops.demo")
ROW = re.compile(
    r"^  ([✓✗]) (.{15}) *(\d+) +([\d,.]+) +([\d,.]+) +(\d+) +([\d,.]+) +([\d,.]+)$", re.MULTILINE
)


@pytest.mark.parametrize("seed", ["11", "12"])
def test_the_program_agrees_with_the_books(seed: str) -> None:
    command = (*DEMO, "--exit", "--seed", seed, "--visitors", "60")
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
    assert data is not None
    assert not Path(data[1]).exists(), "the temporary data is gone"


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
    ],
)
def test_it_says_no_to_books_that_differ(
    agreeing: Books, alter: Callable[[Books], object], channel: str
) -> None:
    alter(agreeing)
    rows = compare(agreeing.program, agreeing.books)
    assert [row.channel for row in rows if not row.agrees] == [channel]
    screen = Screen(io.StringIO())
    assert verdict(screen, rows) == f"They do not agree: {channel} differs."
    marks = {line[4:19].strip(): line[2] for line in comparison(screen, rows)}
    assert marks[channel] == "✗"
    assert marks[({"YouTube", "Direct"} - {channel}).pop()] == "✓"


def test_it_ends_with_1_when_the_books_differ() -> None:
    command = (*DEMO, "--exit", "--seed", "5", "--visitors", "10", "--wait", "2")
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            books = _said_until(process.stdout, "books").split()[-1]
            # Somebody comes of whom the program never hears.
            form = urlencode({"channel": "Billboard"}).encode()
            with urlopen(books.replace("/books", "/visits"), data=form) as response:
                assert response.status == 200
            said = process.stdout.read()
            assert process.wait(60) == 1
        finally:
            process.kill()
    assert "They do not agree: Billboard differs." in said
    assert re.search(r"✗ Billboard +0 +0.00 +0.00 +1 +0.00 +0.00", said)


def _arrival(channel: str) -> Arrival:
    way = next(way for way, _ in WAYS if way.channel == channel)
    return Arrival(way, device=0, pages=0, repeated=False)


@pytest.mark.parametrize(
    ("gives", "came", "earner"),
    [
        (Gives.BEFORE_PAYING, "YouTube", "YouTube"),
        (Gives.BEFORE_PAYING, "YouTube, Newsletter", "Newsletter"),
        (Gives.AFTER_PAYING, "YouTube, Newsletter, Direct, Direct", "Newsletter"),
        (Gives.BEFORE_PAYING, "Direct, Direct", "Direct"),
        (Gives.NEVER, "YouTube", "unattributed"),
    ],
)
def test_the_shop_knows_who_earned_a_payment(gives: Gives, came: str, earner: str) -> None:
    assert earned_by(gives, [_arrival(channel) for channel in came.split(", ")]) == earner


def test_a_seed_makes_the_people() -> None:
    assert people(7, 50) == people(7, 50) != people(8, 50)
    everybody = people(7, 300)
    refunds = [p.amount_minor - sum(p.refunds_minor) for one in everybody for p in one.purchases]
    assert min(refunds) == 0, "somebody gets all back, and nobody more than they paid"
    assert {one.way.channel for each in everybody for one in each.arrivals} == {
        way.channel for way, _ in WAYS
    }


def test_amounts_are_for_people() -> None:
    assert [money(0), money(5), money(-1_234_05), money(1_000_000_00)] == [
        "0.00",
        "0.05",
        "-1,234.05",
        "1,000,000.00",
    ]


def _children(process: subprocess.Popen[str]) -> set[int]:
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return {int(pid) for pid in listed.split()}


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


# Only Linux has /proc, and only there has it to be seen that no process outlives its parent.
@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
@pytest.mark.parametrize(
    ("after", "number", "code"),
    [
        ("Ctrl-C ends it", signal.SIGINT, 0),
        ("live page", signal.SIGTERM, 130),
        ("live page", signal.SIGKILL, -signal.SIGKILL),
    ],
)
def test_its_children_end_with_it(after: str, number: signal.Signals, code: int, tmp_path: Path) -> None:
    command = (*DEMO, "--visitors", "12", "--seed", "4", "--data", str(tmp_path / "data"))
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            _said_until(process.stdout, after)
            children = _children(process)
            assert len(children) >= 2, "the program and the stand-in"
            os.kill(process.pid, number)
            assert process.wait(40) == code
            until(lambda: not any(_runs(pid) for pid in children), "nothing is left running", 60)
        finally:
            process.kill()
    assert (tmp_path / "data" / "trackrev.db").exists(), "a directory that was named stays"


def _said_until(stream: IO[str], text: str) -> str:
    for line in stream:
        if text in line:
            return line
    raise AssertionError(f"it never said {text!r}")


def test_it_says_why_it_cannot_begin(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    _refused("--data", str(tmp_path), complaint="is not empty; the demo wants a data directory of its own")


def test_it_says_when_the_port_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        _refused("--port", port, complaint=f"cannot listen on 127.0.0.1:{port}")


def _refused(*arguments: str, complaint: str) -> None:
    done = subprocess.run(
        (*DEMO, "--exit", *arguments), cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr
