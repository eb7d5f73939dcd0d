"""The program as people meet it: commands beside it, restarts, and what it says when something is wrong."""

import contextlib
import json
import socket
import uuid
from pathlib import Path

import pytest

from tests.program import stripe
from tests.program.running import Json, Program, Shop, now_ms, running, until
from trackrev_stream.settings import ADMIN_PORT

VISITOR = str(uuid.UUID(int=7, version=4))
ANNA = "anna@example.com"


def earn(shop: Shop, charge: str = "ch_1", amount: int = 4_800) -> Json:
    """A visitor comes from a search, identifies, and pays; Stripe's charge."""
    now = now_ms()
    landing = {
        "id": f"l-{charge}",
        "type": "pageview",
        "at": now - 60_000,
        "url": "https://shop.example/?q=1",
    }
    landing["referrer"] = "https://www.google.com/"
    identify = {"id": f"i-{charge}", "type": "identify", "at": now, "email": ANNA}
    assert shop.hits(VISITOR, landing, identify).status == 202
    bought = stripe.charge(charge, amount, now // 1000 + 1, ANNA)
    assert shop.webhook(stripe.succeeded(bought)).status == 200
    shop.worth(charge, amount)
    return bought


def test_commands_take_effect_while_the_program_runs(tmp_path: Path) -> None:
    with running(tmp_path / "data") as program:
        shop = Shop.open(program)
        assert f'src="{program.url}/p.js"' in shop.script_tag
        assert shop.link("spring", "Newsletter", "https://shop.example/a") == f"{program.url}/l/spring"
        assert "/a?tr_click=" in shop.follow("spring", VISITOR).headers["Location"]
        shop.link("summer", "Newsletter", "https://shop.example/b")
        assert "/b?tr_click=" in shop.follow("summer", VISITOR).headers["Location"]
        assert shop.follow("autumn", VISITOR).status == 404
        until(lambda: shop.channels().get("Newsletter", {}).get("clicks") == 2, "both clicks")
        listed = program.command("link", "list", "ws_shop")["links"]
        assert [link["slug"] for link in listed] == ["spring", "summer"]
        # What was changed is followed within a second.
        changed = ("link", "edit", "ws_shop", "spring", "--to", "https://shop.example/c")
        program.command(*changed)
        until(lambda: "/c?tr_click=" in shop.follow("spring", VISITOR).headers["Location"], "the new target")


def test_channels_have_the_names_that_a_workspace_gives_them(tmp_path: Path) -> None:
    with running(tmp_path / "data") as program:
        shop = Shop.open(program)
        shown = program.command("workspace", "channels", "ws_shop", "--show")
        assert shown == {"workspace": "ws_shop", "version": 0, "rules": []}
        rules = [{"channel": "Partners", "host": "*.partner.example"}]
        file = tmp_path / "rules.json"
        file.write_text(json.dumps(rules))
        taken = program.command("workspace", "channels", "ws_shop", "--file", str(file))
        assert taken == {"workspace": "ws_shop", "version": 1, "rules": rules}
        assert program.command("workspace", "channels", "ws_shop") == taken
        sight = {"type": "pageview", "url": "https://shop.example/", "referrer": "https://a.partner.example/"}

        def counted() -> bool:  # within a second of the command the edge may still not know it
            now = now_ms()
            assert shop.hits(VISITOR, {"id": f"h-{now}", "at": now, **sight}).status == 202
            return "Partners" in shop.channels()

        until(counted, "a visit from a partner")
        file.write_text("[{}]")
        refused = program.run("workspace", "channels", "ws_shop", "--file", str(file))
        assert (refused.returncode, refused.stderr) == (1, "trackrev: rule 1 has no channel\n")
        file.write_text("{")
        assert (
            "this is not JSON" in program.run("workspace", "channels", "ws_shop", "--file", str(file)).stderr
        )


def test_a_restart_goes_on_where_it_left_off(tmp_path: Path) -> None:
    with running(tmp_path / "data") as program:
        shop = Shop.greeted(program)
        bought = earn(shop)
        before = shop.ledger()
        assert program.stop() == 0
        program.start()
        assert program.greeting["Workspace"] == shop.workspace
        assert "None yet" not in program.said()
        assert shop.ledger() == before
        assert shop.webhook(stripe.succeeded(bought)).status == 200
        assert shop.webhook(stripe.refunded(bought, 1_440, bought["created"] + 1)).status == 200
        told = shop.worth("ch_1", 3_360)
        assert [(e["reason"], e["amount_minor"]) for e in told["entries"]] == [
            ("credit", 4_800),
            ("refund", -1_440),
        ]
        assert shop.ledger()[: len(before)] == before


def test_the_greeting_has_all_that_a_beginner_needs(tmp_path: Path) -> None:
    with running(tmp_path / "data") as program:
        greeting = program.greeting
        workspace = greeting["Workspace"]
        assert greeting["Live page"] == f"{program.url}/"
        assert "trk_" not in program.said(), "nobody sits there to read a key, and logs are kept"
        key = program.command("key", "create", workspace)["api_key"]
        assert greeting["Data"] == str(program.data)
        assert f'src="{program.url}/p.js"' in program.said()
        assert f'data-workspace="{workspace}"' in program.said()
        headers = {"Authorization": f"Bearer {key}"}
        assert program.request("GET", f"/api/workspaces/{workspace}", headers=headers).status == 200
        assert program.request("GET", "/").status == 200


def refused(program: Program, *words: str, **environment: str) -> str:
    """What `up` says when it does not start: one message for people."""
    return failed(program, "up", *words, **environment)


def failed(program: Program, *words: str, **environment: str) -> str:
    """What a command says when it cannot do what it was asked."""
    done = program.run(*words, **environment)
    assert done.returncode == 1, done
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("trackrev: ")
    return done.stderr


def test_one_data_directory_has_one_program(tmp_path: Path) -> None:
    with running(tmp_path / "data") as program:
        message = refused(program, "--port", "0")
        assert str(program.data) in message
        assert "in use by another process" in message
        assert program.is_ready()


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    program = Program(tmp_path / "data")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert f"127.0.0.1:{port}" in refused(program, "--port", str(port))
        message = refused(program, "--port", "0", TRACKREV_ADMIN_PORT=str(port))
        assert f"127.0.0.1:{port}" in message
        assert "TRACKREV_ADMIN_PORT" in message


def test_a_second_program_on_a_machine_finds_another_port_for_its_metrics(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # taken by somebody else: as good
            stack.enter_context(socket.create_server(("127.0.0.1", ADMIN_PORT)))
        program = stack.enter_context(running(tmp_path / "data", TRACKREV_ADMIN_PORT=str(ADMIN_PORT)))
        until(lambda: "metrics are at http://127.0.0.1:" in program.said(), "where they are")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TRACKREV_PORT", "http"),
        ("TRACKREV_PORT", "70000"),
        ("TRACKREV_PARTITIONS", "0"),
        ("TRACKREV_LOG_LEVEL", "loud"),
        ("TRACKREV_BROKER", "redis://localhost"),
        ("TRACKREV_STORE", "data.db"),
        ("TRACKREV_PUBLIC_URL", "track.example.com"),
        ("TRACKREV_RATES_URL", "no"),
    ],
)
def test_a_bad_setting_is_named_with_its_value(tmp_path: Path, name: str, value: str) -> None:
    message = refused(Program(tmp_path / "data"), **{name: value})
    assert name in message
    assert value in message


def test_a_data_directory_that_cannot_be_one_is_named(tmp_path: Path) -> None:
    program = Program(tmp_path / "data")
    program.data.write_text("a file")
    assert str(program.data) in refused(program, "--port", "0")


def test_partitions_stay_what_they_are(tmp_path: Path) -> None:
    with running(tmp_path / "data") as program:
        assert program.stop() == 0
        message = refused(program, "--port", "0", TRACKREV_PARTITIONS="3")
        assert "TRACKREV_PARTITIONS" in message


def test_inspect_tells_the_story_of_a_charge(tmp_path: Path) -> None:
    with running(tmp_path / "data") as program:
        shop = Shop.greeted(program)
        bought = earn(shop)
        assert shop.webhook(stripe.refunded(bought, 1_440, bought["created"] + 1)).status == 200
        shop.worth("ch_1", 3_360)
        lines = program.run("inspect", "charge", "ch_1").stdout.splitlines()
        assert lines[0].startswith("Charge ch_1 of 20")
        assert lines[1].startswith("48.00 USD paid, 14.40 USD went back, 33.60 USD remain; ")
        assert lines[2].startswith("Credited to Organic Search: it was the last click before the charge")
        assert lines[5].endswith("with an email of this payer, as the browser said, unsigned.")
        [touch] = [line for line in lines if "Organic Search, visitor" in line]
        assert touch.endswith(": credited")
        entries = [
            line.split("UTC: ")[1] for line in lines[lines.index("Entries, as they were posted:") + 1 :]
        ]
        assert [line.split(" of ")[0] for line in entries] == ["48.00 USD, credit", "-14.40 USD, refund"]
        assert all("Organic Search [" in line and "evt_" in line for line in entries)
        assert program.command("inspect", "charge", "ch_1")["net_minor"] == 3_360
        unknown = program.run("inspect", "charge", "ch_2")
        assert unknown.returncode == 1
        assert "no charge 'ch_2'" in unknown.stderr


def test_settings_change_in_versions_and_each_charge_keeps_its_own(tmp_path: Path) -> None:
    with running(tmp_path / "data") as program:
        shop = Shop.open(program)
        earn(shop, "ch_1")
        settings = ("workspace", "settings", "ws_shop")
        versions = program.command(*settings, "--lookback-days", "7", "--identify-days", "unlimited")[
            "versions"
        ]
        assert [(each["version"], each["in_effect"]) for each in versions] == [(1, True), (2, False)]
        after = stripe.charge("ch_2", 4_800, now_ms() // 1000 + 120, ANNA)
        assert shop.webhook(stripe.succeeded(after)).status == 200
        shop.worth("ch_2", 4_800)
        found = [shop.charge(name) for name in ("ch_1", "ch_2")]
        assert [each and each["rules_version"] for each in found] == [1, 2]
        program.command(*settings, "--returning", "ask", "--effective-from", "2199-01-01T00:00")
        withdrawn = program.command(*settings, "--withdraw")["versions"][-1]
        assert (withdrawn["version"], withdrawn["returning"]) == (3, "ask")
        assert withdrawn["withdrawn_at"] is not None
        said = program.run(*settings).stdout.splitlines()
        assert said[0] == "version 1, from the beginning: in effect"
        assert said[-2].startswith("version 3, from 2199-01-01 00:00 UTC: withdrawn on ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--lookback-days", "91"), "lookback_days is 91; it may be 1 to 90"),
        (("--returning", "ask", "--effective-from", "yesterday"), "'yesterday' is no time"),
        (("--returning", "ask", "--effective-from", "2020-01-01"), "60 s from now at the earliest"),
        (("--effective-from", "2199-01-01"), "nothing says what to change"),
        (("--withdraw",), "version 1 holds from the beginning, and stays"),
        (("--withdraw", "--lookback-days", "7"), "leave the other options out"),
    ],
)
def test_a_setting_that_cannot_be_is_explained(tmp_path: Path, words: tuple[str, ...], message: str) -> None:
    program = Program(tmp_path / "data")
    program.command("workspace", "create", "ws_shop", "--domain", "shop.example")
    assert message in failed(program, "workspace", "settings", "ws_shop", *words)
    assert "There is no workspace 'ws_other'" in failed(program, "workspace", "settings", "ws_other")


def test_lifetime_value_is_a_table_for_people(tmp_path: Path) -> None:
    with running(tmp_path / "data") as program:
        shop = Shop.open(program)
        assert (
            program.run("ltv", "ws_shop").stdout
            == "No paid charge of ws_shop yet: there is nothing to sum up.\n"
        )
        earn(shop, "ch_1")
        said = program.run("ltv", "ws_shop").stdout.splitlines()
        assert said[0].endswith(": 1 payer; net in USD, summed up to each month of age")
        assert [line.split() for line in said[1:]] == [
            ["payers", "0"],
            ["Organic", "Search", "1", "48.00"],
            ["together", "1", "48.00"],
        ]
        (cohort,) = program.command("ltv", "ws_shop", "--by", "link")["cohorts"]
        assert (cohort["payers"], cohort["rows"][0]["link"]) == (1, "")
