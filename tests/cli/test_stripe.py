"""`trackrev stripe`: what it says to people, what it keeps, and what it refuses."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.program.running import ROOT
from trackrev_stream.cli.main import main
from trackrev_stream.contracts.ports import StripeConnection
from trackrev_stream.contracts.stripe.events import event_types
from trackrev_stream.domain.values.ids import EVERY_ACCOUNT
from trackrev_stream.settings import read_settings
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.poller_schema import cursors
from trackrev_stream.store.database.schema import upsert
from trackrev_stream.store.database.sealer import open_sealer
from trackrev_stream.store.workspaces import stripe_connections

FOUR, OTHER, CONNECTED = "rk_test_standin", "rk_test_other", "acct_1Shop"


@pytest.fixture(scope="module")
def api() -> Iterator[str]:
    words = ("--connected", CONNECTED, "--restricted-key", FOUR, "--restricted-key", OTHER)
    command = (sys.executable, "-m", "ops.standin", *words)
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield json.loads(process.stdout.readline())["url"]
    process.terminate()
    process.wait()


class Shell:
    """The commands over one data directory, with an own workspace and one of a merchant."""

    def __init__(self, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.data = data
        self._capsys = capsys
        for name in ("ws_own", "ws_shop"):
            self.run("workspace", "create", name, "--domain", "shop.example")

    def run(self, *words: str) -> tuple[int, str, str]:
        """Status, and what was said on both outputs."""
        status = main([*words, "--data", str(self.data)])
        said = self._capsys.readouterr()
        return status, said.out, said.err

    def connected(self) -> dict[tuple[str, str], StripeConnection]:
        store = Store.open(read_settings({}, data=str(self.data)).store)
        found = store.read_now(lambda sql: stripe_connections.list_connections(sql, open_sealer(self.data)))
        store.close()
        return {(one.workspace, one.account): one for one in found}


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(tmp_path / "data", capsys)


def test_a_key_is_probed_and_what_it_lacks_is_said_with_what_that_costs(shell: Shell, api: str) -> None:
    words = ("--key", FOUR, "--webhook-secret", "whsec_1", "--webhook-secret", "whsec_2", "--api-base", api)
    status, out, err = shell.run("stripe", "connect", "ws_own", *words)
    assert status == 0
    for name in ("charges", "customers", "subscriptions", "payment_intents"):
        assert f"{name:20} granted" in out
    assert "the key may not read balance_transactions (rak_balance_transaction_source_read): fees" in err
    assert "the key may not read disputes (rak_dispute_read): disputes" in err
    assert "/webhooks/stripe/ws_own" in out
    assert FOUR not in out + err
    assert "whsec_" not in out + err
    assert shell.connected()["ws_own", "own"].webhook_secrets == ("whsec_1", "whsec_2")
    assert FOUR.encode() not in b"".join(file.read_bytes() for file in shell.data.glob("trackrev.db*"))


def test_a_key_that_may_write_is_refused_unless_insisted_on(shell: Shell, api: str) -> None:
    key = ("--key", "sk_test_standin", "--webhook-secret", "", "--api-base", api)
    words = ("stripe", "connect", "ws_own", *key)
    status, _, err = shell.run(*words)
    assert status == 1
    assert "Make a restricted one" in err
    assert shell.connected() == {}
    assert shell.run(*words, "--allow-secret-key")[0] == 0


def test_many_workspaces_are_connected_from_a_file(shell: Shell, api: str, tmp_path: Path) -> None:
    file = tmp_path / "shops.csv"
    file.write_text(f"workspace,account,key\nws_own,,{FOUR}\nws_shop,{CONNECTED},{FOUR}\n")
    status, out, _ = shell.run("stripe", "connect", "--csv", str(file), "--api-base", api, "--json")
    assert status == 0
    granted: list[Any] = [one["permissions"]["charges"] for one in json.loads(out)["connected"]]
    assert granted == ["granted", "granted"]
    assert set(shell.connected()) == {("ws_own", "own"), ("ws_shop", CONNECTED)}
    file.write_text(f"workspace,account,key\nws_own,,{FOUR}\nws_none,,{FOUR}\n")
    status, _, err = shell.run("stripe", "connect", "--csv", str(file), "--api-base", api)
    assert status == 1
    assert "line 3: There is no workspace 'ws_none'" in err


def test_the_endpoint_of_a_platform_takes_its_secret_alone(shell: Shell) -> None:
    words = ("stripe", "connect", "ws_own", "--platform", "--webhook-secret", "whsec_platform")
    status, _, err = shell.run(*words, "--key", FOUR)
    assert status == 1
    assert "--platform takes the signing secret of a Connect endpoint alone" in err
    status, out, err = shell.run(*words)
    assert (status, err) == (0, "")
    assert "/webhooks/stripe/ws_own" in out
    assert shell.connected()["ws_own", EVERY_ACCOUNT].webhook_secrets == ("whsec_platform",)


def test_with_another_key_stripe_is_read_from_the_beginning(shell: Shell, api: str) -> None:
    def read_before(key: str) -> bool:
        """Whether a list counts as read after the key was given; it does from then on."""
        shell.run("stripe", "connect", "ws_own", "--key", key, "--webhook-secret", "", "--api-base", api)
        store = Store.open(read_settings({}, data=str(shell.data)).store)
        row = {"workspace": "ws_own", "account": "own", "name": "charges", "value": 7}
        found = store.read_now(lambda sql: sql.execute(cursors.select()).all())
        store.write_now(lambda sql: upsert(sql, cursors, [row]))
        store.close()
        return bool(found)

    assert [read_before(key) for key in (FOUR, FOUR, OTHER)] == [False, True, False]


def test_what_to_subscribe_to(shell: Shell) -> None:
    status, out, _ = shell.run("stripe", "webhook-events")
    assert (status, out.split()) == (0, event_types())
