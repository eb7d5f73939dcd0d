"""`trackrev erase email` shows what goes, and asks."""

import io
import sys
from pathlib import Path

import pytest

from tests.cli.shell import Commands
from tests.program import stripe
from tests.program.running import Shop, now_ms, running
from trackrev_stream.cli import consent

ADDRESS = "anna@example.com"


@pytest.fixture
def commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Commands:
    found = Commands(tmp_path / "data", capsys)
    assert found.run("workspace", "create", "ws_shop", "--domain", "shop.example").status == 0
    return found


@pytest.mark.parametrize(
    ("answer", "erased"), [("n", False), ("", False), ("whatever", False), ("y", False), ("yes", True)]
)
def test_a_person_is_asked(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, answer: str, *, erased: bool
) -> None:
    monkeypatch.setattr(consent, "is_a_person_there", lambda: True)
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{answer}\n"))
    told = commands.run("erase", "email", ADDRESS)
    assert told.status == (0 if erased else 1)
    assert "ws_shop: nobody is known by this address. Erasing it keeps it out from now on." in told.err
    assert "This goes, and there is no way back:" in told.err
    assert "Type yes to go on: " in told.err
    assert ("Nobody was known by this address." in told.out) == erased
    assert ("Nothing was changed." in told.err) != erased
    again = commands.run("inspect", "email", ADDRESS)
    assert ("whoever had it was erased on" in again.out) == erased


def test_what_goes_is_shown_before_it_goes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with running(tmp_path / "data") as program:
        shop = Shop.open(program)
        visitor = "5f0c1a52-7d3e-4c58-8f4b-1b0e3f1c9a10"
        identify = {"id": "h1", "type": "identify", "at": now_ms(), "email": ADDRESS}
        assert shop.hits(visitor, identify).status == 202
        paid = stripe.charge("ch_1", 4_800, now_ms() // 1000, ADDRESS)
        assert shop.webhook(stripe.succeeded(paid)).status == 200
        shop.worth("ch_1", 4_800)
        told = program.run("erase", "email", ADDRESS)
        assert told.returncode == 1
        assert "Nothing was changed. If that is what you want, add --yes." in told.stderr
        assert (
            "ws_shop: 1 visitor(s) with all their visits, and the address of 1 payer(s). Their 1 charge(s) "
            "stay in the ledger, with the credit they have."
        ) in told.stderr
        done = program.command("erase", "email", ADDRESS, "--workspace", "ws_shop", "--yes")
        assert done == {"erased": [{"workspace": "ws_shop", "visitors": 1}], "known": True}
        nobody = program.command("erase", "email", "eve@example.com", "--workspace", "ws_shop", "--yes")
        assert nobody == {"erased": [{"workspace": "ws_shop", "visitors": 0}], "known": False}
