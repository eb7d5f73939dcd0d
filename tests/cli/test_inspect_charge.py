"""`trackrev inspect charge` finds a charge by its id, and by what belongs to it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.shell import Commands
from tests.store.builders import NOON, at_offsets, charge, touch
from trackrev_stream.settings import read_settings
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.ledger.post import post

WS = "ws_shop"


@pytest.fixture
def commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Commands:
    found = Commands(tmp_path / "data", capsys)
    assert found.run("workspace", "create", WS, "--domain", "shop.example").status == 0
    store = Store.open(read_settings({}, data=str(found.data)).store)
    first, second = (charge(name, workspace=WS, touches=(touch(),)) for name in ("ch_1", "ch_2"))
    refunded = charge("ch_2", workspace=WS, touches=(touch(),), versions=(2, 2), refunds=(("re_2", 900),))
    other = charge("ch_3", workspace=WS, payer="cus_2")
    refunded = replace(refunded, payment_cause="refund re_2, webhook evt_9")
    invoiced = replace(other, payment_cause="link in_3, poll charges")
    store.write_now(lambda c: post(c, at_offsets(first, second, refunded, invoiced), NOON))
    store.close()
    return found


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("ch_2", "Charge ch_2 of"),
        ("pi_1", "Payment intent pi_1 leads to one charge.\n\nCharge ch_1 of"),
        ("cus_2", "Customer cus_2 leads to one charge.\n\nCharge ch_3 of"),
        ("re_2", "Refund re_2 leads to one charge.\n\nCharge ch_2 of"),
        ("in_3", "Invoice in_3 leads to one charge.\n\nCharge ch_3 of"),
    ],
)
def test_an_id_leads_to_its_charge(commands: Commands, name: str, told: str) -> None:
    found = commands.run("inspect", "charge", name)
    assert (found.status, found.err) == (0, "")
    assert found.out.startswith(told)


def test_a_customer_leads_to_all_its_charges(commands: Commands) -> None:
    found = commands.run("inspect", "charge", "cus_1")
    assert found.status == 0
    assert found.out.startswith("Customer cus_1 leads to 2 charges, the newest first:\n")
    assert "ch_1: 49.00 USD paid" in found.out
    assert "ch_2: 49.00 USD paid, 9.00 USD went back, 40.00 USD remain" in found.out
    answer = json.loads(commands.run("inspect", "charge", "cus_1", "--json").out)
    assert {each["charge"] for each in answer["charges"]} == {"ch_1", "ch_2"}


@pytest.mark.parametrize("name", ["cus_", "us_1", "pi_", "%", "_", "re_2,", "2", ""])
def test_a_part_of_an_id_leads_nowhere(commands: Commands, name: str) -> None:
    assert commands.run("inspect", "charge", name).status == 1
