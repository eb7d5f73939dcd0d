"""`trackrev key` and what may change of a workspace: what it says, what it keeps, what it refuses."""

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests.cli.shell import Shell
from tests.store.builders import at_offsets, charge, visit
from trackrev_stream.cli import consent, workspace_delete
from trackrev_stream.contracts.records import WaitingMoney
from trackrev_stream.domain.payments.payment import FactKind, WaitingFact
from trackrev_stream.store.database.schema import api_keys, charges, entries, metadata, visits
from trackrev_stream.store.ledger.post import post
from trackrev_stream.store.workspaces import deletion

WS = "ws_shop"


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Shell]:
    found = Shell(tmp_path / "data", capsys)
    found.run("workspace", "create", WS, "--domain", "www.shop.example")
    yield found
    found.store.close()


def answer(shell: Shell, *words: str) -> Any:
    status, out, err = shell.run(*words, "--json")
    assert status == 0, err
    return json.loads(out)


def test_a_key_is_shown_once_and_kept_as_a_hash(shell: Shell) -> None:
    made = answer(shell, "key", "create", WS, "--name", "dashboard", "--scope", "manage")
    assert made["api_key"].startswith("trk_")
    assert (made["name"], made["scope"], made["workspace"]) == ("dashboard", "manage", WS)
    told = answer(shell, "key", "list", WS)
    assert [(key["name"], key["scope"]) for key in told["keys"]] == [
        ("first", "read"),
        ("dashboard", "manage"),
    ]
    assert made["key_id"] in {key["key_id"] for key in told["keys"]}
    assert made["api_key"] not in json.dumps(told)
    assert made["api_key"].encode() not in b"".join(
        file.read_bytes() for file in shell.data.glob("trackrev.db*")
    )
    assert shell.read(lambda sql: sql.execute(select(api_keys.c.key_hash)).scalars().all())
    assert answer(shell, "key", "create", WS)["scope"] == "read"


@pytest.mark.parametrize("by", ["key_id", "name"])
def test_a_key_is_revoked_by_its_id_or_name_and_the_name_is_free_again(shell: Shell, by: str) -> None:
    made = answer(shell, "key", "create", WS, "--name", "dashboard")
    status, _, err = shell.run("key", "create", WS, "--name", "dashboard")
    assert (status, "There is a key 'dashboard' already" in err) == (1, True)
    assert answer(shell, "key", "revoke", WS, made[by])["revoked_at"]
    status, _, err = shell.run("key", "revoke", WS, made[by])
    assert status == 1
    assert "has no key" in err
    assert "(first)" in err
    assert "revoked" in shell.run("key", "list", WS)[1]
    assert answer(shell, "key", "create", WS, "--name", "dashboard")["key_id"] != made["key_id"]


@pytest.mark.parametrize("words", [("create",), ("list",), ("revoke", "first")])
def test_keys_are_of_a_workspace_that_there_is(shell: Shell, words: tuple[str, ...]) -> None:
    command, *rest = words
    status, _, err = shell.run("key", command, "ws_shp", *rest)
    assert status == 1
    assert "There is no workspace 'ws_shp'. Did you mean ws_shop?" in err


def test_a_workspace_is_shown_with_its_tag_at_any_time(shell: Shell) -> None:
    told = answer(shell, "workspace", "show", WS)
    assert (told["workspace"], told["domains"], told["time_zone"]) == (WS, ["www.shop.example"], "UTC")
    assert told["script_tag"] == answer(shell, "workspace", "show", WS)["script_tag"]
    assert "window.trackrev = window.trackrev ||" in told["script_tag"]
    assert 'data-cookie-domain=".shop.example"' in told["script_tag"]
    assert (told["api_keys"], told["links"], told["stripe"], told["last_hit_at"]) == (1, 0, [], None)
    out = shell.run("workspace", "show", WS)[1]
    assert told["script_tag"] in out
    assert "not connected: trackrev stripe connect ws_shop" in out
    assert shell.run("workspace", "show", "ws_none")[0] == 1


def test_a_site_may_have_several_domains_and_move(shell: Shell) -> None:
    add = ("workspace", "set", WS, "--add-domain", "shop.de", "--add-domain", "shop.de")
    told = answer(shell, *add, "--add-domain", "shop.fr")
    assert told["domains"] == ["www.shop.example", "shop.de", "shop.fr"]
    assert 'data-cookie-domain=".shop.example .shop.de .shop.fr"' in told["script_tag"]
    told = answer(shell, "workspace", "set", WS, "--remove-domain", "SHOP.FR")
    assert told["domains"] == ["www.shop.example", "shop.de"]
    status, _, err = shell.run("workspace", "set", WS, "--remove-domain", "www.shop.example")
    assert (status, "rename-domain ws_shop NEW --drop-old" in err) == (1, True)
    status, _, err = shell.run("workspace", "set", WS, "--remove-domain", "shop.it")
    assert (status, "it has www.shop.example, shop.de" in err) == (1, True)
    status, out, _ = shell.run("workspace", "rename-domain", WS, "shop.de")
    assert "www.shop.example stays a domain of the site" in out
    assert answer(shell, "workspace", "show", WS)["domains"] == ["shop.de", "www.shop.example"]
    told = answer(shell, "workspace", "rename-domain", WS, "app.shop.de", "--drop-old")
    assert told["domains"] == ["app.shop.de", "www.shop.example"]
    assert told["cookie_domains"] == [".shop.de", ".shop.example"], "who comes from shop.de keeps the cookie"
    for words in (("shop.de/path",), ("app.shop.de",)):
        assert shell.run("workspace", "rename-domain", WS, *words)[0] == 1
    listed = answer(shell, "workspace", "list")["workspaces"]
    assert listed == [{"workspace": WS, "domain": "app.shop.de", "time_zone": "UTC"}]


def test_a_time_zone_is_set_with_a_sentence_about_what_it_changes(shell: Shell) -> None:
    status, out, _ = shell.run("workspace", "set", WS, "--time-zone", "Europe/Berlin")
    assert status == 0
    assert "Reports count their days in Europe/Berlin from now on" in out
    assert "No entry of the ledger changes" in out
    status, _, err = shell.run("workspace", "set", WS, "--time-zone", "Mars/Base", "--add-domain", "shop.de")
    assert (status, "no time zone" in err) == (1, True)
    assert answer(shell, "workspace", "show", WS)["domains"] == ["www.shop.example"], "all of it or nothing"
    assert "nothing says what to set" in shell.run("workspace", "set", WS)[2]
    status, _, err = shell.run("workspace", "set", WS, "--cookie-domain", ".other.example")
    assert (status, "cookie domain" in err) == (1, True)


def test_archiving_takes_no_hits_and_keeps_the_rest(shell: Shell) -> None:
    status, out, _ = shell.run("workspace", "archive", WS)
    assert status == 0
    assert "takes no more hits" in out
    assert "refunds and disputes still come in" in out
    assert answer(shell, "workspace", "show", WS)["archived_at"]
    assert answer(shell, "workspace", "archive", WS, "--undo")["archived_at"] is None


WAITING = WaitingMoney(
    f"{WS}|own|live|ch_9", 1, 1, (WaitingFact(FactKind.REFUND, "re_9", "ch_9", 300, "usd"),)
)


def fill(shell: Shell) -> None:
    shell.run("link", "create", WS, "news", "--to", "https://shop.example/", "--channel", "Newsletter")
    shell.run("stripe", "connect", WS, "--key", "", "--webhook-secret", "whsec_1")
    shell.run("workspace", "set", WS, "--add-domain", "shop.de")
    shell.run("workspace", "create", "ws_other", "--domain", "other.example")
    records = (charge(workspace=WS), charge("ch_2", workspace="ws_other"), visit(workspace=WS), WAITING)
    shell.write(lambda sql: post(sql, at_offsets(*records), 1))


def test_every_table_has_its_words() -> None:
    told = {*workspace_delete.WORDS, *workspace_delete._OF_THE_PROGRAM}
    assert told == {table.name for table in deletion._TABLES}


def test_deleting_says_exactly_what_goes_and_asks(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    fill(shell)
    told = answer(shell, "workspace", "delete", WS, "--dry-run")
    assert not told["deleted"]
    assert {name: told["rows"][name] for name in ("charges", "entries", "visits", "links", "api_keys")} == {
        "charges": 1, "entries": 1, "visits": 1, "links": 1, "api_keys": 1
    }  # fmt: skip
    status, _, err = shell.run("workspace", "delete", WS)
    assert status == 1
    assert "1  charges, with their decisions" in err
    assert "add --yes" in err
    assert answer(shell, "workspace", "show", WS)
    monkeypatch.setattr(consent, "is_a_person_there", lambda: True)
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    assert shell.run("workspace", "delete", WS)[0] == 1, "its id is to be typed"
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{WS}\n"))
    assert shell.run("workspace", "delete", WS)[0] == 0


def test_what_was_deleted_is_gone_everywhere_and_does_not_come_back(shell: Shell) -> None:
    fill(shell)
    assert answer(shell, "workspace", "delete", WS, "--yes")["deleted"]

    def left(sql: Any) -> dict[str, int]:
        tables = [table for table in metadata.sorted_tables if "workspace" in table.c]
        found = {t.name: len(sql.execute(select(t).where(t.c.workspace == WS)).all()) for t in tables}
        return {name: count for name, count in found.items() if count}

    assert shell.read(left) == {"deleted_workspaces": 1}
    # What the agents still make of the log, again and anew, is not written.
    again = (charge(workspace=WS), charge("ch_2", workspace="ws_other"), visit(workspace=WS), WAITING)
    new = (charge("ch_3", workspace=WS, versions=(2, 2)), visit("v2", workspace=WS, version=2),
           replace(WAITING, version=2))  # fmt: skip
    shell.write(lambda sql: post(sql, at_offsets(*again, *new), 2))
    assert shell.read(left) == {"deleted_workspaces": 1}
    for table in (charges, entries):
        assert shell.read(lambda sql, t=table: sql.execute(select(t.c.workspace)).scalars().all()) == [  # type: ignore[misc]  # mypy on defaults
            "ws_other"
        ]
    assert shell.read(lambda sql: sql.execute(select(visits)).all()) == []
    status, _, err = shell.run("workspace", "create", WS, "--domain", "shop.example")
    assert (status, "its id is used up" in err) == (1, True)
    assert shell.run("workspace", "show", WS)[0] == 1


def test_nobody_is_half_erased_by_deleting(shell: Shell) -> None:
    from trackrev_stream.store.database.sealer import open_sealer
    from trackrev_stream.store.operations.erasures import Begun, begin_erasure

    begun = Begun(WS, {"a": "b"}, ("hash",), 1)
    shell.write(lambda sql: begin_erasure(sql, open_sealer(shell.data), begun))
    status, _, err = shell.run("workspace", "delete", WS, "--yes")
    assert (status, "trackrev erase email" in err) == (1, True)
