"""`trackrev doctor` over a real program: while it runs, while it does not, and with what it cannot open."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shell import Commands
from tests.program.running import Program, Shop, now_ms, running

Json = dict[str, Any]


def findings(program: Program, *words: str, status: int = 1) -> dict[str, Json]:
    """What the doctor finds, by code."""
    done = program.run("doctor", *words, "--json")
    assert (done.returncode, done.stderr) == (status, "")
    told = json.loads(done.stdout)
    assert list(told) == ["findings"]
    assert all(list(each) == ["code", "severity", "message", "do"] for each in told["findings"])
    return {each["code"]: each for each in told["findings"]}


def test_the_doctor_sees_the_program_its_hits_and_what_became_of_them(tmp_path: Path) -> None:
    with running(tmp_path / "data", TRACKREV_POLL_MINUTES="1") as program:
        shop = Shop.open(program)
        visitor = "5f0c1a52-7d3e-4c58-8f4b-1b0e3f1c9a10"
        landed = {"id": "h1", "type": "pageview", "at": now_ms(), "url": "https://shop.example/?q=whatever"}
        broken = {"id": "h2", "type": "identify", "at": now_ms(), "email": "anna at example", "url": "x"}
        assert shop.hits(visitor, landed, broken).status == 202
        assert shop.webhook({"id": "evt_1", "type": "charge.succeeded"}, secret="whsec_other").status == 400
        found = findings(program, shop.workspace)
        assert found["program_running"]["severity"] == "ok"
        assert found["tag_seen"]["message"].startswith("ws_shop: the tag was seen on shop.example, last on ")
        assert found["hits_lost"]["message"] == "ws_shop: of the last 2 hits 1 taken, 1 dropped (bad_email)"
        assert "identify was given something that is no address" in found["hits_lost"]["do"]
        assert (
            "1 of the last 1 events of Stripe were refused (bad_signature)"
            in found["webhook_refused"]["message"]
        )
        assert found["stripe_without_key"]["severity"] == "note"
        assert found["public_url_missing"]["do"].startswith("set TRACKREV_PUBLIC_URL")
        assert {"log_ok", "store_ok", "disk_ok", "secret_key_ok", "rates_off"} <= set(found)

        told = program.run("doctor", shop.workspace)
        assert told.returncode == 1
        assert "The last hits of ws_shop:" in told.stdout
        assert "identify  -: dropped (bad_email)" in told.stdout
        assert "whatever" not in told.stdout
        assert "anna" not in told.stdout
        assert "things to do." in told.stdout

        assert program.stop() == 0
        found = findings(program, shop.workspace)
        assert found["program_stopped"]["severity"] == "error"
        assert "the last visit was on" in found["tag_seen"]["message"]
        assert found["log_ok"]["message"] == "the log is read; 0 records wait"
        program.start()


@pytest.fixture
def commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Commands:
    found = Commands(tmp_path / "data", capsys)
    assert found.run("workspace", "create", "ws_shop", "--domain", "shop.example").status == 0
    return found


def test_a_lost_secret_key_and_a_database_that_is_none_are_findings(commands: Commands) -> None:
    key = commands.data / "secret.key"
    kept = key.read_bytes()
    key.unlink()
    told = commands.run("doctor")
    assert told.status == 1
    assert "ERROR  a secret in the database does not open with this secret key" in told.out
    key.write_bytes(kept)
    key.chmod(0o640)
    assert "WARNING  others on this machine can read the secret key (mode 640)" in commands.run("doctor").out
    (commands.data / "trackrev.db").write_bytes(b"this is no database" * 100)
    for name in ("trackrev.db-wal", "trackrev.db-shm"):
        (commands.data / name).unlink(missing_ok=True)
    told = commands.run("doctor")
    assert told.status == 1
    assert "ERROR  cannot use the database" in told.out


def test_looking_changes_nothing(commands: Commands) -> None:
    commands.run("doctor")
    before = {path: path.stat().st_mtime_ns for path in commands.data.rglob("*")}
    dump = _dump(commands.data)
    assert commands.run("doctor").status == 1
    assert set(commands.data.rglob("*")) == set(before)
    assert _dump(commands.data) == dump


def _dump(data: Path) -> list[str]:
    connection = sqlite3.connect(data / "trackrev.db")
    try:
        return list(connection.iterdump())
    finally:
        connection.close()


def test_kafka_away_is_a_finding_within_its_deadline(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKREV_BROKER", "kafka://127.0.0.1:1")
    told = commands.run("doctor")
    assert told.status == 1
    assert "ERROR  the log cannot be looked at: no Kafka broker answers us at 127.0.0.1:1" in told.out
