"""`trackrev stripe`: what it says to people, what it keeps, and what it refuses."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.shell import Shell
from tests.program.running import ROOT
from tests.store.builders import at_offsets, charge
from trackrev_stream.contracts.stripe.events import event_types
from trackrev_stream.domain.values.ids import EVERY_ACCOUNT
from trackrev_stream.store.database.poller_schema import cursors
from trackrev_stream.store.database.schema import upsert
from trackrev_stream.store.ledger.post import post

FOUR, OTHER, CONNECTED = "rk_test_standin", "rk_test_other", "acct_1Shop"
WRITER = "rk_test_writer"
ALL_THAT_READ = ("charge", "customer", "subscription", "payment_intent", "dispute", "invoice")


@pytest.fixture(scope="module")
def api() -> Iterator[str]:
    granted = [f"rak_{name}_read" for name in (*ALL_THAT_READ, "balance_transaction_source")]
    writer = f"{WRITER}={','.join([*granted, 'rak_webhook_write'])}"
    keys = (word for key in (FOUR, OTHER, writer) for word in ("--restricted-key", key))
    words = ("--connected", CONNECTED, *keys)
    command = (sys.executable, "-m", "ops.standin", *words)
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield json.loads(process.stdout.readline())["url"]
    process.terminate()
    process.wait()


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Shell]:
    found = Shell(tmp_path / "data", capsys)
    for name in ("ws_own", "ws_shop"):
        found.run("workspace", "create", name, "--domain", "shop.example")
    yield found
    found.store.close()


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
        row = {"workspace": "ws_own", "account": "own", "name": "charges", "value": 7}
        found = shell.read(lambda sql: sql.execute(cursors.select()).all())
        shell.write(lambda sql: upsert(sql, cursors, [row]))
        return bool(found)

    assert [read_before(key) for key in (FOUR, FOUR, OTHER)] == [False, True, False]


def test_what_to_subscribe_to(shell: Shell) -> None:
    status, out, _ = shell.run("stripe", "webhook-events")
    assert (status, out.split()) == (0, event_types())


def test_each_of_the_seven_permissions_is_named_with_what_it_gives(shell: Shell, api: str) -> None:
    status, out, err = shell.run("stripe", "connect", "ws_own", "--key", WRITER, "--api-base", api)
    assert (status, err) == (0, "")
    for name, gives in (
        ("charges", "charges and refunds"),
        ("customers", "the email of a charge that has none itself"),
        ("subscriptions", "renewals, told from new sales"),
        ("payment_intents", "which invoice a charge is of"),
        ("balance_transactions", "fees"),
        ("disputes", "disputes and how they end"),
        ("invoices", "which subscription a charge of the past is of"),
    ):
        assert f"{name:20} granted  {gives}" in out
    assert "Next: trackrev stripe webhook-setup ws_own" in out


def test_a_key_that_stripe_does_not_know_changes_nothing(shell: Shell, api: str) -> None:
    status, _, err = shell.run("stripe", "connect", "ws_own", "--key", "rk_test_unknown", "--api-base", api)
    assert status == 1
    assert "Stripe does not know this key" in err
    assert "Nothing was changed" in err
    assert shell.connected() == {}
    shell.run("stripe", "connect", "ws_own", "--key", FOUR, "--api-base", api)
    kept = shell.connected()
    status, _, err = shell.run("stripe", "connect", "ws_own", "--key", "rk_test_unknown", "--replace")
    assert (status, shell.connected()) == (1, kept)
    words = ("--account", "acct_1Nobody", "--key", FOUR, "--api-base", api)
    status, _, err = shell.run("stripe", "connect", "ws_own", *words)
    assert (status, "does not have access to account 'acct_1Nobody'" in err) == (1, True)
    assert shell.connected() == kept
    assert "rk_test_unknown" not in err


def test_stripe_away_is_a_warning_for_the_webhook_works_without_it(shell: Shell) -> None:
    words = ("--key", FOUR, "--webhook-secret", "whsec_1", "--api-base", "http://127.0.0.1:1")
    status, _, err = shell.run("stripe", "connect", "ws_own", *words)
    assert status == 0
    assert "Stripe could not be read" in err
    assert "The webhook works without the poller" in err
    assert shell.connected()["ws_own", "own"].api_key == FOUR


def test_a_key_of_another_account_is_told_by_a_charge_that_it_does_not_see(shell: Shell, api: str) -> None:
    words = ("stripe", "connect", "ws_own", "--api-base", api, "--key")
    assert shell.run(*words, FOUR)[0] == 0
    of_the_book = charge("ch_of_before", workspace="ws_own", livemode=False)
    shell.write(lambda sql: post(sql, at_offsets(of_the_book), 1))
    status, _, err = shell.run(*words, OTHER)
    assert status == 1
    assert "The new key is of another Stripe account" in err
    assert shell.connected()["ws_own", "own"].api_key == FOUR
    assert shell.run(*words, OTHER, "--replace")[0] == 0
    assert shell.connected()["ws_own", "own"].api_key == OTHER


def test_the_steps_to_a_webhook_end_with_one_line_to_paste(shell: Shell) -> None:
    status, out, err = shell.run("stripe", "webhook-setup", "ws_own", "--url", "https://track.shop.example/")
    assert (status, err) == (0, "")
    assert "Endpoint URL: https://track.shop.example/webhooks/stripe/ws_own" in out
    assert all(event in out for event in event_types())
    assert out.splitlines()[-1].strip() == "trackrev stripe connect ws_own --webhook-secret whsec_..."
    status, out, err = shell.run("stripe", "webhook-setup", "ws_own", "--platform")
    assert "Events from: Connected accounts" in out
    assert out.splitlines()[-1].strip().endswith("connect ws_own --platform --webhook-secret whsec_...")
    assert "TRACKREV_PUBLIC_URL" in err
    assert shell.run("stripe", "webhook-setup", "ws_none")[0] == 1


def test_an_endpoint_is_made_where_the_key_may_and_only_if_asked(shell: Shell, api: str) -> None:
    create = ("stripe", "webhook-setup", "ws_own", "--create", "--url", "https://track.shop.example")
    status, _, err = shell.run(*create)
    assert (status, "no key that could make an endpoint" in err) == (1, True)
    shell.run("stripe", "connect", "ws_own", "--key", FOUR, "--webhook-secret", "whsec_1", "--api-base", api)
    status, _, err = shell.run(*create)
    assert status == 1
    assert "the key may not make webhook endpoints (rak_webhook_read)" in err
    assert "In Stripe's dashboard:" in err
    status, out, err = shell.run(*create, "--key", WRITER, "--json")
    assert (status, err) == (0, err)
    told = json.loads(out)
    assert told["created"]
    assert told["endpoint"].startswith("we_")
    found = shell.connected()["ws_own", "own"]
    assert (found.api_key, len(found.webhook_secrets)) == (FOUR, 2), "the key was for this once"
    assert found.webhook_secrets[1].startswith("whsec_")
    assert found.webhook_secrets[1] not in out + err
    shell.run("stripe", "connect", "ws_own", "--webhook-secret", "whsec_1", "--replace")
    status, _, err = shell.run(*create, "--key", WRITER)
    assert (status, "has an endpoint for this address already" in err) == (1, True)
