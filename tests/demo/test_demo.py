"""The demo as a program: it agrees with the books, says no when they differ, and leaves nothing behind."""

import io
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from ops.demo.compare import compare, totals
from ops.demo.moved_clock import MovedClock
from ops.demo.people import TURNS_A_DAY, Arrival, Gives, people, turns_of
from ops.demo.screen import Screen, comparison, money, verdict
from ops.demo.shop import earned_by
from ops.demo.ways import WAYS
from tests.program.running import until

ROOT = Path(__file__).parents[2]
DEMO = (sys.executable, "-m", "ops.demo")
FIGURES = r" *(\d*) +([\d,.]+) +([\d,.]+)"
ROW = re.compile(rf"^  ([✓✗]) (.{{15}}) ([A-Z]{{3}}){FIGURES}{FIGURES}$", re.MULTILINE)


@pytest.mark.parametrize("seed", ["11", "12"])
def test_the_program_agrees_with_the_books(seed: str) -> None:
    command = (*DEMO, "--exit", "--seed", seed, "--visitors", "60", "--days", "9")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=115, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"seed {seed}" in done.stdout
    assert "They agree to the cent" in done.stdout
    rows = ROW.findall(done.stdout)
    earning = [name.strip() for _, name, _, _, gross, *_ in rows if gross != "0.00"]
    assert {"unattributed", "total"} < set(earning)
    assert len({*earning} - {""}) >= 6, done.stdout
    assert {currency for _, _, currency, *_ in rows} >= {"USD", "EUR", "JPY"}
    assert all(mark == "✓" and ours[:3] == ours[3:] for mark, _, _, *ours in rows)
    for shown in (
        *(r" [1-9]\d* of them renewals", r"disputes: [1-9]\d* won and [1-9]\d* lost"),
        *(r" [1-9]\d* emails given after paying", "Vera Lindqvist", "sessions are not counted"),
        *("is removed at the end", r'make demo ARGS="--keep"'),
    ):
        assert re.search(shown, done.stdout), shown
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
    def figures() -> dict[str, dict[str, Any]]:
        dollars = {"currency": "usd", "gross_minor": 48_000, "net_minor": 33_600}
        yen = {"currency": "jpy", "gross_minor": 900, "net_minor": 900}
        return {"YouTube": {"clicks": 3, "native": [yen, dollars]}, "Direct": {"clicks": 2, "native": []}}

    return Books([{"channel": name} | row for name, row in figures().items()], figures())


def of_youtube(both: Books, place: int) -> dict[str, Any]:
    found: dict[str, Any] = both.books["YouTube"]["native"][place]
    return found


def test_equal_books_agree(agreeing: Books) -> None:
    rows = compare(agreeing.program, agreeing.books)
    assert [(row.channel, row.currency, row.books.clicks) for row in rows] == [
        ("YouTube", "usd", 3),
        ("YouTube", "jpy", 0),
        ("Direct", "usd", 2),
    ]
    assert all(row.agrees for row in rows)
    assert [(row.currency, row.books.clicks, row.books.gross_minor) for row in totals(rows)] == [
        ("usd", 5, 48_000),
        ("jpy", 0, 900),
    ]


@pytest.mark.parametrize(
    ("alter", "channel"),
    [
        (lambda both: of_youtube(both, 1).update(net_minor=33_601), "YouTube"),
        (lambda both: of_youtube(both, 1).update(gross_minor=47_999), "YouTube"),
        (lambda both: of_youtube(both, 0).update(net_minor=899), "YouTube"),
        (lambda both: of_youtube(both, 0).update(currency="krw"), "YouTube"),
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
    assert {row.channel for row in rows if not row.agrees} == {channel}
    screen = Screen(io.StringIO())
    assert verdict(screen, rows) == f"They do not agree: {channel} differs."
    marks = {line[2] for line in comparison(screen, rows) if line[4:19].strip() != "total"}
    assert {"✗", "✓"} < marks


def test_it_ends_with_1_when_the_books_differ() -> None:
    command = (*DEMO, "--exit", "--seed", "5", "--visitors", "10", "--days", "2", "--wait", "2")
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            books = _said_until(process.stdout, "books").split()[-1]
            # Somebody comes of whom the program never hears.
            form = urlencode({"channel": "Billboard"}).encode()
            with urlopen(books.replace("/books", "/visits"), data=form) as response:
                assert response.status == 200
            said = process.stdout.read()
            assert process.wait(90) == 1
        finally:
            process.kill()
    assert "They do not agree: Billboard differs." in said
    assert re.search(r"✗ Billboard +USD +0 +0.00 +0.00 +1 +0.00 +0.00", said)


def _arrival(channel: str) -> Arrival:
    way = next(way for way, _ in WAYS if way.channel == channel)
    return Arrival(0, way)


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
    assert people(7, 50, 10) == people(7, 50, 10) != people(8, 50, 10)
    everybody = people(7, 300, 10)
    purchases = [purchase for one in everybody for purchase in one.purchases]
    left = [each.amount_minor - sum(back.amount_minor for back in each.refunds) for each in purchases]
    assert min(left) == 0, "somebody gets all back, and nobody more than they paid"
    assert {one.way.channel for each in everybody for one in each.arrivals} == {
        way.channel for way, _ in WAYS
    }


@pytest.mark.parametrize("seed", range(20))
def test_there_is_something_of_all_even_with_few_people(seed: int) -> None:
    few = people(seed, 4, 9)
    purchases = [purchase for one in few for purchase in one.purchases]
    assert {each.dispute.outcome for each in purchases if each.dispute} >= {"won", "lost"}
    weekly = [each for each in purchases if each.weekly]
    assert weekly
    assert min(each.turn for each in weekly) + 7 * TURNS_A_DAY < turns_of(9), "it renews in time"
    late = [one for one in few if one.gives is Gives.AFTER_PAYING]
    assert any(one.gives_in > one.purchases[0].turn for one in late if one.purchases)


def test_what_happens_is_in_order_and_in_time() -> None:
    for one in people(7, 300, 10):
        for each in one.purchases:
            after = [refund.turn for refund in each.refunds]
            after += [each.dispute.turn, each.dispute.closed_in] if each.dispute else []
            assert all(each.turn <= turn < turns_of(10) for turn in after)
            assert not (each.dispute and each.refunds), "what a bank took back cannot be refunded"


def test_a_moved_clock_is_read_by_another_process(tmp_path: Path) -> None:
    clock = MovedClock(tmp_path / "clock", 1_000_000_000_000)
    (tmp_path / "told.py").write_text("import time\nprint(time.time_ns() // 1_000_000, time.time())\n")
    clock.forward(60)
    command = (sys.executable, "-m", "ops.demo.moved_clock", str(clock.file), "told")
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()
    assert 1_000_000_060_000 <= int(told[0]) <= clock() < 1_000_000_160_000
    assert abs(float(told[1]) * 1_000 - int(told[0])) < 1_000
    clock.move_to(1_000)
    assert clock() > 1_000_000_060_000, "it goes forward alone"
    clock.be_real()
    assert abs(clock() - time.time_ns() // 1_000_000) < 1_000


def test_amounts_are_for_people() -> None:
    assert [money(0), money(5), money(-1_234_05), money(1_000_000_00)] == [
        "0.00",
        "0.05",
        "-1,234.05",
        "1,000,000.00",
    ]
    assert money(-1_234, "jpy") == "-1,234"


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
    command = (*DEMO, "--visitors", "12", "--days", "2", "--seed", "4", "--data", str(tmp_path / "data"))
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
