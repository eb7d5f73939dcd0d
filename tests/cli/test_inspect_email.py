"""`trackrev inspect email`, with the program up or not: whom an address joins; it is repeated nowhere."""

import json
from pathlib import Path

import pytest

from ops.postgres import Server
from tests.erasure.traces import BEN, EMAIL, LAPTOP, PHONE, bought
from tests.program import stripe
from tests.program.running import Json, Program, Shop, now_ms, running


def asked(program: Program, address: str = EMAIL, *more: str) -> Json:
    found: Json = program.command("inspect", "email", address, *more)
    return found


def of_shop(shop: Shop, told: Json) -> Json:
    found: dict[str, Json] = {each["workspace"]: each for each in told["workspaces"]}
    return found[shop.workspace]


def check(program: Program, shop: Shop) -> None:
    told = of_shop(shop, asked(program, f" {EMAIL.upper()} "))
    assert {each["visitor"] for each in told["visitors"]} == {LAPTOP, PHONE}
    assert all(each["counts"] and each["touches"] for each in told["visitors"])
    assert {identity["trust"] for each in told["visitors"] for identity in each["identities"]} == {"unsigned"}
    assert [(each["payer"], each["charges"]) for each in told["payers"]] == [("cus_1", 1), ("cus_2", 1)]
    charges = {each["charge"]: each for each in told["charges"]}
    assert told["charges_count"] == len(charges) == 2
    # Of one the laptop was named by Stripe itself, which outranks what was said under the address.
    assert [(name, charges[name]["joined"], charges[name]["trust"]) for name in sorted(charges)] == [
        ("ch_1", False, "stripe"),
        ("ch_2", True, "unsigned"),
    ]
    text = program.run("inspect", "email", EMAIL, "--workspace", shop.workspace).stdout
    assert f"{shop.workspace}: 2 visitor(s), 2 payer(s), 2 charge(s)." in text
    assert "Joined by this address, as the browser said, unsigned." in text
    for said in (text, json.dumps(told)):
        assert EMAIL not in said
        assert BEN not in said


def check_guest(program: Program, shop: Shop) -> None:
    """One whom nobody led here."""
    address = "dora@shop.example"
    assert shop.webhook(stripe.succeeded(stripe.charge("ch_9", 900, now_ms() // 1000, address))).status == 200
    shop.worth("ch_9", 900)
    text = program.run("inspect", "email", address).stdout
    assert "none so far" in text
    assert "a guest (payment pi_9): 1 charge(s)" in text
    assert "Unattributed: no visitor has identified with the email of this charge so far." in text


def test_whom_an_address_joins_with_the_program_up_and_without(tmp_path: Path) -> None:
    with running(tmp_path / "data") as program:
        shop = Shop.open(program)
        bought(shop)
        check(program, shop)
        told = asked(program)
        assert program.stop() == 0
        assert asked(program) == told
        program.start()
        late = of_shop(shop, asked(program, "carl.m@shop.example"))
        assert (late["visitors"], late["payers"], late["charges"], late["nobody"]) == ([], [], [], None)
        refused = of_shop(shop, asked(program, "test@example.com"))
        assert refused["nobody"] == "it is an address of nobody in particular, and joins nobody."
        check_guest(program, shop)
        for words in (("no address",), (EMAIL, "--workspace", "ws_none")):
            failed = program.run("inspect", "email", *words)
            assert failed.returncode == 1
            assert failed.stderr.startswith("trackrev: ")


@pytest.mark.postgres
def test_over_postgresql(tmp_path: Path, postgres_server: Server) -> None:
    with running(tmp_path / "data", TRACKREV_STORE=postgres_server.new_database()) as program:
        shop = Shop.open(program)
        bought(shop)
        check(program, shop)
