"""`trackrev link`: nothing changes that was not asked to, and what changes is said."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.store.builders import at_offsets, charge, touch, visit
from trackrev_stream.cli.main import main
from trackrev_stream.clock import now_ms
from trackrev_stream.contracts.records import AttributedCharge
from trackrev_stream.domain.journeys.journey import Visit
from trackrev_stream.domain.values.days import DAY_MS
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.ledger.post import post

URL = "https://shop.example/"
SPRING = ("link", "create", "ws_test", "spring", "--to", URL, "--channel", "Newsletter", "--partner", "Anna")


class Shell:
    """The commands over one data directory with one workspace."""

    def __init__(self, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.data = data
        self._capsys = capsys

    def run(self, *words: str) -> tuple[int, str]:
        """Status, and what was said."""
        status = main([*words, "--data", str(self.data)])
        said = self._capsys.readouterr()
        return status, said.out + said.err

    def json(self, *words: str, status: int = 0) -> Any:
        found, said = self.run(*words, "--json")
        assert found == status, said
        return json.loads(said)

    def links(self, *more: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.json("link", "list", "ws_test", *more)["links"]
        return found


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    made = Shell(tmp_path, capsys)
    made.run("workspace", "create", "ws_test", "--domain", "shop.example")
    made.run(*SPRING)
    return made


def test_a_link_that_is_there_changes_only_with_replace(shell: Shell) -> None:
    other = ("link", "create", "ws_test", "Spring", "--to", f"{URL}new", "--channel", "YouTube")
    status, said = shell.run(*other)
    assert status == 1
    assert said.splitlines()[1:] == [
        f"  to       {URL} -> {URL}new",
        "  channel  Newsletter -> YouTube",
        "  partner  Anna -> (none)",
    ]
    told = shell.json(*other, status=1)
    assert told["slug"] == "spring"
    assert told["changed"] is False
    assert told["changes"]["channel"] == {"from": "Newsletter", "to": "YouTube"}
    assert shell.links()[0]["to"] == URL
    assert shell.json(*other, "--replace")["changed"] is True
    assert [(x["to"], x["channel"], x["partner"]) for x in shell.links()] == [(f"{URL}new", "YouTube", "")]


@pytest.mark.parametrize("channel", ["Newsletter", " newsletter "])
def test_the_same_link_again_is_fine(shell: Shell, channel: str) -> None:
    words = list(SPRING)
    words[words.index("Newsletter")] = channel
    status, said = shell.run(*words)
    assert (status, said.partition("\n")[0]) == (0, "Nothing to change: there is this link already.")
    told = shell.json(*words)
    assert (told["created"], told["changed"], told["changes"]) == (False, False, {})


@pytest.mark.parametrize(
    ("given", "becomes"),
    [
        (("--to", f"{URL}new"), (f"{URL}new", "Newsletter", "Anna")),
        (("--channel", "YouTube"), (URL, "YouTube", "Anna")),
        (("--partner", "Ben"), (URL, "Newsletter", "Ben")),
        (("--partner", ""), (URL, "Newsletter", "")),
        (("--channel", "NEWSLETTER"), (URL, "Newsletter", "Anna")),
    ],
)
def test_edit_changes_what_is_given_alone(
    shell: Shell, given: tuple[str, ...], becomes: tuple[str, ...]
) -> None:
    assert shell.run("link", "edit", "ws_test", "spring", *given)[0] == 0
    [link] = shell.links()
    assert (link["to"], link["channel"], link["partner"]) == becomes


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("edit", "ws_test", "spring"), "say what to change"),
        (("edit", "ws_test", "sprng", "--to", URL), "no link 'sprng' in ws_test. Did you mean spring?"),
        (("show", "ws_test", "winter"), "no link 'winter' in ws_test. `trackrev link list"),
        (("archive", "ws_test", "SPRIN"), "Did you mean spring?"),
        (("show", "ws_tst", "spring"), "no workspace 'ws_tst'. Did you mean ws_test?"),
        (("list", "ws_tst"), "no workspace 'ws_tst'"),
        (("edit", "ws_test", "spring", "--channel", "direct"), "cannot be a channel of yours"),
        (("edit", "ws_test", "spring", "--channel", " "), "a link needs a channel"),
        (("edit", "ws_test", "spring", "--to", "shop.example"), "no target for a link"),
    ],
)
def test_mistakes_are_sentences(shell: Shell, words: tuple[str, ...], said: str) -> None:
    status, told = shell.run("link", *words)
    assert status == 1
    assert said in told


@pytest.mark.parametrize("days", ["0", "367", "ten"])
def test_a_span_is_a_number_of_days(shell: Shell, days: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        shell.run("link", "list", "ws_test", "--days", days)


def test_show_and_list_tell_what_a_link_brought(shell: Shell) -> None:
    shell.run("link", "create", "ws_test", "idle", "--to", URL, "--channel", "Podcast")
    now = now_ms()
    records: list[AttributedCharge | Visit] = [
        charge("ch_1", touches=(touch(at=now),), at=now - DAY_MS, currency="jpy", refunds=(("re_1", 900),)),
        charge("ch_2", touches=(touch(at=now),), at=now, payer="cus_2"),
        charge("ch_3", touches=(touch(at=now),), at=now - 20 * DAY_MS, payer="cus_3", amount=100),
        visit("v1", day=now // DAY_MS, clicks=2),
        visit("v2", day=now // DAY_MS),
    ]
    store = Store.open(f"sqlite:///{shell.data}/trackrev.db")
    store.write_now(lambda c: post(c, at_offsets(*records), now))
    store.close()
    idle, spring = shell.links("--days", "7")
    assert (idle["visitors"], idle["clicks"], idle["net_minor"], idle["native"]) == (0, 0, 0, [])
    assert (spring["visitors"], spring["clicks"], spring["net_minor"]) == (2, 3, 4_900)
    assert {one["currency"]: one["net_minor"] for one in spring["native"]} == {"jpy": 4_000, "usd": 4_900}
    shown = shell.json("link", "show", "ws_test", "spring", "--days", "30")
    assert (shown["net_minor"], shown["partner"], shown["days"]) == (5_000, "Anna", 30)
    said = shell.run("link", "list", "ws_test")[1]
    assert "/l/spring  Newsletter  Anna" in said
    assert "(4,000 JPY without a rate yet, 50.00 USD)" in said
    assert "net       50.00 USD (4,000 JPY" in shell.run("link", "show", "ws_test", "spring")[1]


def test_an_archived_link_is_hidden_and_can_come_back(shell: Shell) -> None:
    told = shell.json("link", "archive", "ws_test", "spring")
    assert (told["archived"], told["changed"]) == (True, True)
    assert told["archived_at"]
    again = shell.json("link", "archive", "ws_test", "spring")
    assert (again["changed"], again["archived_at"]) == (False, told["archived_at"])
    assert shell.links() == []
    assert "1 archived: trackrev link list ws_test --all" in shell.run("link", "list", "ws_test")[1]
    assert [link["archived"] for link in shell.links("--all")] == [True]
    assert shell.json(*SPRING, status=1)["changes"] == {"archived": {"from": True, "to": False}}
    assert shell.json("link", "archive", "ws_test", "spring", "--undo")["archived"] is False
    assert [link["slug"] for link in shell.links()] == ["spring"]
