"""What the first start makes, what it leaves readable, and what it says to a person at a terminal."""

import json
import os
import pty
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.program.running import Program, running, until
from trackrev_stream.program.first_run import FILE, FirstRun, FirstWorkspace, first_run
from trackrev_stream.store.database.engine import Store
from trackrev_stream.store.database.sealer import Sealer, open_sealer
from trackrev_stream.store.workspaces.api_keys import list_keys
from trackrev_stream.store.workspaces.workspaces import create_workspace, list_workspaces

Place = tuple[Path, Store, Sealer]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return tmp_path, Store.open(f"sqlite:///{tmp_path}/t.db"), open_sealer(tmp_path)


def start(place: Place, domain: str = "localhost", *, with_key: bool = False) -> FirstRun | None:
    return first_run(*place, 1, FirstWorkspace(domain, with_key))


def test_a_start_that_nobody_sees_makes_no_key(place: Place) -> None:
    found = start(place)
    assert found is not None
    assert (found.workspace.domain, found.api_key) == ("localhost", "")
    assert place[1].read_now(lambda c: list_keys(c, found.workspace.id)) == []
    assert json.loads((place[0] / FILE).read_text()) == {"workspace": found.workspace.id}
    assert start(place) == found
    place[1].close()


@pytest.mark.parametrize(
    ("domain", "named"), [("www.shop.example", "ws_shop"), ("a-b.example", "ws_a-b"), ("127.0.0.1", "ws_127")]
)
def test_a_key_is_shown_once_and_the_workspace_named_after_its_domain(
    place: Place, domain: str, named: str
) -> None:
    found, again = start(place, domain, with_key=True), start(place, domain, with_key=True)
    assert found is not None
    assert again is not None
    assert found.workspace.id == named
    assert found.api_key.startswith("trk_")
    assert again.api_key == ""
    assert found.api_key not in (place[0] / FILE).read_text() + repr(found)
    place[1].close()


def test_who_has_a_workspace_gets_no_other(place: Place) -> None:
    data, store, sealer = place
    store.write_now(lambda c: create_workspace(c, sealer, domain="shop.example", now=1, workspace="ws_shop"))
    assert start(place) is None
    assert [each.id for each in store.read_now(lambda c: list_workspaces(c, sealer))] == ["ws_shop"]
    assert not (data / FILE).exists()
    store.close()


def test_the_key_of_an_older_program_is_taken_out_of_the_file(place: Place) -> None:
    data, store, sealer = place
    made = store.write_now(lambda c: create_workspace(c, sealer, domain="localhost", now=1))
    (data / FILE).write_text(json.dumps({"workspace": made.workspace.id, "api_key": made.api_key}))
    found, again = start(place), start(place)
    assert found is not None
    assert again is not None
    assert (found.api_key, again.api_key) == (made.api_key, "")
    assert json.loads((data / FILE).read_text()) == {"workspace": made.workspace.id}
    assert stat.S_IMODE((data / FILE).stat().st_mode) == 0o600
    store.close()


def test_without_a_terminal_it_takes_the_domain_and_prints_no_key(tmp_path: Path) -> None:
    program = Program(tmp_path / "data")
    made = program.run("workspace", "create", "ws_blog", "--domain", "blog.example")
    assert made.returncode == 0
    with running(program.data) as again:
        assert again.greeting["Workspace"] == "ws_blog"
        assert re.search("trk_|ws_[a-z2-7]{12}", again.said()) is None
        assert "Stripe        not connected: trackrev stripe connect ws_blog" in again.said()
        again.command("stripe", "connect", "ws_blog", "--webhook-secret", "whsec_1")
        assert again.stop() == 0
        again.start()
        assert "Stripe        own account: live, 1 webhook secret" in again.said()


def test_a_person_is_asked_for_the_domain_and_sees_the_key_once(tmp_path: Path) -> None:
    def up() -> str:
        """What it says at a terminal until it is up; then it is stopped."""
        ours, theirs = pty.openpty()
        words = [sys.executable, "-m", "trackrev_stream.cli", "up", "--port", "0"]
        told = ""
        with subprocess.Popen(
            words,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=program._environment,
            start_new_session=True,
        ) as process:
            os.close(theirs)
            os.write(ours, b"not a domain/\nshop.example\n")
            while "Stop with Ctrl-C" not in told:
                told += os.read(ours, 65_536).decode()
            process.terminate()
            until(lambda: process.poll() is not None, "it has stopped")
        os.close(ours)
        return told.replace("\r", "")

    program = Program(tmp_path / "data")
    first, second = up(), up()
    assert "Which domain is your site at" in first
    assert "'not a domain/' is no domain" in first
    key = re.search(r"^  API key     (trk_\S+)$", first, re.MULTILINE)
    assert key is not None
    assert f"/#ws=ws_shop&key={key[1]}" in first
    assert "Which domain" not in second
    assert "trk_" not in second
    files = b"".join(path.read_bytes() for path in program.data.rglob("*") if path.is_file())
    assert key[1].encode() not in files
