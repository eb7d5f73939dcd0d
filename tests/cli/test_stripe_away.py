"""Stripe away, or against us: each is a sentence with a status of its own, and no account ends the others."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.shell import Commands
from tests.program.running import ROOT, free_port, now_ms, until
from trackrev_stream.contracts.ports import StripeConnection
from trackrev_stream.settings import read_settings
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.poller_schema import polls
from trackrev_stream.store.database.schema import upsert
from trackrev_stream.store.database.sealer import open_sealer
from trackrev_stream.store.workspaces.stripe_connections import put_connection

KEY, LACKS, CONNECTED = "rk_test_standin", "rk_test_lacks", "acct_1Shop"


@pytest.fixture(scope="module")
def api() -> Iterator[str]:
    words = (
        "--connected",
        CONNECTED,
        "--restricted-key",
        KEY,
        "--restricted-key",
        f"{LACKS}=rak_customer_read",
    )
    command = (sys.executable, "-m", "ops.standin", *words)
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield json.loads(process.stdout.readline())["url"]
    process.terminate()
    process.wait()


@pytest.fixture
def commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Commands:
    found = Commands(tmp_path / "data", capsys)
    assert found.run("workspace", "create", "ws_shop", "--domain", "shop.example").status == 0
    return found


def connect(commands: Commands, api: str, *, key: str = KEY, account: str = "own") -> None:
    """As `stripe connect` keeps it, whatever Stripe would say of the key."""
    store = Store.open(read_settings({}, data=str(commands.data)).store)
    wanted = StripeConnection("ws_shop", account, False, (), key, api)
    sealer = open_sealer(commands.data)
    store.write_now(lambda c: put_connection(c, sealer, wanted, 1))
    store.close()


def fail(api: str, **fault: object) -> None:
    told = urllib.request.Request(
        f"{api}/_standin/faults", "&".join(f"{k}={v}" for k, v in fault.items()).encode()
    )
    urllib.request.urlopen(told).close()


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("rk_test_of_nobody", "own could not be checked: Stripe does not know this key (any more)"),
        (LACKS, "own could not be checked: the key lacks the permission"),
    ],
)
def test_a_key_that_will_not_do_is_a_sentence(commands: Commands, api: str, key: str, told: str) -> None:
    connect(commands, api, key=key)
    found = commands.run("reconcile", "ws_shop")
    assert (found.status, found.err) == (2, "")
    assert told in found.out
    answer = json.loads(commands.run("reconcile", "ws_shop", "--json").out)
    assert (answer["accounts"], list(answer["unchecked"])) == ({}, ["own"])


def test_stripe_away_is_a_sentence(commands: Commands) -> None:
    connect(commands, f"http://127.0.0.1:{free_port()}")
    found = commands.run("reconcile", "ws_shop")
    assert (found.status, found.err) == (2, "")
    assert "own could not be checked: Stripe could not be read (Cannot connect to host" in found.out


def test_one_account_does_not_end_the_others(commands: Commands, api: str) -> None:
    connect(commands, api, key="rk_test_of_nobody")
    connect(commands, api, account=CONNECTED)
    found = commands.run("reconcile", "ws_shop")
    assert found.status == 2
    assert f"{CONNECTED}, " in found.out
    assert "no difference" in found.out
    assert "own could not be checked" in found.out


@pytest.mark.parametrize("words", ["reconcile ws_shop", "stripe sync ws_shop"])
def test_after_ctrl_c_there_is_a_sentence(commands: Commands, api: str, words: str) -> None:
    connect(commands, api)
    fail(api, endpoint="GET /v1/charges", slow_s=60)
    before = _reads(api)
    running = subprocess.Popen(
        [sys.executable, "-m", "trackrev_stream.cli", *words.split(), "--data", str(commands.data)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    waits = (
        (lambda: _reads(api) > before) if words.startswith("reconcile") else (lambda: bool(_polled(commands)))
    )
    until(waits, "the command waits")
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=30)
    assert "Traceback" not in out + err
    if words.startswith("reconcile"):
        assert (running.returncode, out) == (2, "own could not be checked: stopped by Ctrl-C\n")
    else:
        assert running.returncode == 130
        assert "no longer waiting: the poller goes on" in err


def _reads(api: str) -> int:
    """How often the stand-in was asked for charges; it serves the tests before this one too."""
    with urllib.request.urlopen(f"{api}/_standin/reads") as told:
        return int(json.load(told).get("GET /v1/charges", 0))


def _polled(commands: Commands) -> list[object]:
    store = Store.open(read_settings({}, data=str(commands.data)).store)
    try:
        return list(store.read_now(lambda c: c.execute(polls.select()).all()))
    finally:
        store.close()


def test_a_round_that_failed_is_told_beside_one_that_did_not(commands: Commands, api: str) -> None:
    """As a poller has noted them, which answered what this command asks."""
    connect(commands, api)
    connect(commands, api, account=CONNECTED)
    store = Store.open(read_settings({}, data=str(commands.data)).store)
    noted = {
        "workspace": "ws_shop",
        "holder": "",
        "held_until": 0,
        "asked": 0,
        "answered": 10,
        "due_at": now_ms(),
        "started_at": now_ms(),
        "ended_at": now_ms(),
        "done_permille": 1000,
        "missing": "",
    }
    rows = [noted | {"account": "own", "facts": 0, "result": "Stripe does not know this key"}]
    rows += [noted | {"account": CONNECTED, "facts": 7, "result": "ok"}]
    store.write_now(lambda c: upsert(c, polls, rows))
    store.close()
    found = commands.run("stripe", "sync", "ws_shop")
    assert found.status == 2
    assert "Read from Stripe: 7 facts" in found.out
    assert "own: Stripe does not know this key" in found.out
